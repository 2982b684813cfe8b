//! What the stand-ins' programs have in common: a JSON file with the configuration, one line of JSON
//! with the addresses, and commands on standard input.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read, Write};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use token_verifier::Verifier;

use crate::clock::Clock;
use crate::oidc::Issuer;
use crate::sts::Sts;

/// Whose identity tokens a program issues.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Identity {
    /// The URL of the issuer.
    pub url: String,
    /// The audience of the tokens.
    pub audience: String,
    /// Their subject.
    pub subject: String,
}

impl Identity {
    /// Its issuer, whose keys the stand-in has to know.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        Issuer::new(&self.url)
    }

    /// A new token, valid for five minutes.
    #[must_use]
    pub fn token(&self, clock: &Clock) -> String {
        self.issuer()
            .token(&self.audience, &self.subject, clock.now())
    }
}

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
