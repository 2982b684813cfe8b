//! Measures what a token costs: `cargo bench --bench warm -- [cold] [--runs N]`.
//!
//! Without `cold`: a `get-token` whose credentials are in the cache, in turns with `/bin/true` and
//! with the programs of others that give such tokens, and then its instructions and memory. With
//! `cold`: a `get-token` that fetches, with 50 ms to the server and back, in turns with `curl` making
//! the same requests; and its processor time. Each prints a Markdown table. What is not at hand is
//! left out with a message.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends, and its outcome is what it prints"
)]

mod cold;
mod delay;
mod measure;
mod peers;
mod scene;

/// What the tests use, too.
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::all,
    clippy::pedantic,
    reason = "what tests stand on is checked with them, and not all of it is needed here"
)]
#[path = "../../tests/support"]
mod support {
    pub mod base64;
    pub mod http;
    pub mod instant;
    pub mod oidc;
    pub mod percent;
    pub mod proxy;
    pub mod pulumi_cloud;
    pub mod sigv4;
    pub mod sts;
    pub mod tls;
}

use std::path::Path;
use std::process::Command;

use measure::{Program, milliseconds};
use scene::Scene;

fn main() {
    let mut is_cold = false;
    let mut runs = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "cold" => is_cold = true,
            "--runs" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                runs = Some(number.expect("a number after --runs"));
            }
            _ => {}
        }
    }
    if is_cold {
        cold::run(runs.unwrap_or(20));
    } else {
        warm(runs.unwrap_or(300));
    }
}

fn warm(runs: usize) {
    let scene = Scene::new();
    let ours = scene.get_token();
    ours.run();
    let requests = scene.requests();
    let nothing = Program::new("`/bin/true`", &Command::new("/bin/true"));
    let times = measure::in_turns(&[&nothing, &ours], runs);
    let (nothing_took, we_took) = (times[0], times[1]);
    let ratio = we_took.as_secs_f64() / nothing_took.as_secs_f64();

    println!("| program | median | |");
    println!("| --- | ---: | --- |");
    let row = |name: &str, time, note: &str| {
        println!("| {name} | {} | {note} |", milliseconds(time));
    };
    row(&nothing.name, nothing_took, "");
    let note = format!("{ratio:.2} times `/bin/true`");
    row(&ours.name, we_took, &note);
    for peer in peers::at_hand(&scene) {
        // They are slow, and need no such care.
        let times = measure::in_turns(&[&ours, &peer], (runs / 10).max(5));
        let ratio = times[1].as_secs_f64() / times[0].as_secs_f64();
        let note = format!("kubectl-esc is {ratio:.0} times faster");
        row(&peer.name, times[1], &note);
    }
    assert_eq!(scene.requests(), requests, "a warm call asked the network");

    println!("\n| a warm `get-token` | |\n| --- | ---: |");
    match guarded() {
        Ok(count) => println!("| instructions (callgrind) | {count} |"),
        Err(why) => eprintln!("no instructions: {why}"),
    }
    match measure::memory(&ours) {
        Some(kibibytes) => println!("| largest memory | {:.1} MiB |", kibibytes / 1024.0),
        None => eprintln!("no memory: /usr/bin/time is missing"),
    }
    let cpu = measure::processor_time(&ours, runs);
    if let Some(cpu) = cpu {
        println!("| processor time | {} |", milliseconds(cpu));
    }
}

/// The number of instructions, as the guard counts them.
fn guarded() -> Result<String, String> {
    let guard = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/warm/guard.py");
    let output = Command::new("python3").arg(guard).arg("--print").output();
    let output = output.map_err(|error| format!("python3: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.trim().lines().last().unwrap_or_default();
        Err(format!("benches/warm/guard.py --print: {last}"))
    }
}
