//! What the stand-ins' programs have in common: a JSON file with the configuration, one line of JSON
//! with the addresses, and commands on standard input.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read, Write};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use token_verifier::Verifier;

use crate::sts::Sts;

/// Reads the configuration from the file that the first argument names; the default without one.
pub fn configuration<T: Default + DeserializeOwned>() -> Result<T, Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        Some(path) => Ok(serde_json::from_slice(&std::fs::read(path)?)?),
        None => Ok(T::default()),
    }
}

/// Prints the addresses, then executes the commands until the input ends. Each command is a line of
/// JSON, and so is its answer.
pub fn serve<C: DeserializeOwned>(
    input: impl Read,
    mut output: impl Write,
    addresses: &Value,
    mut execute: impl FnMut(C) -> Value,
) -> Result<(), Box<dyn Error>> {
    writeln!(output, "{addresses}")?;
    output.flush()?;
    for line in BufReader::new(input).lines() {
        let answer = execute(serde_json::from_str(&line?)?);
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

/// Executes the command `authenticate`, for a cluster in the commercial partition.
pub fn authenticate(sts: &Sts, token: &str, cluster: &str) -> Value {
    match sts.authenticate(token, cluster, Verifier::new("aws", "us-east-1")) {
        Ok(caller) => json!({"caller": caller}),
        Err(reason) => json!({"rejected": reason}),
    }
}
