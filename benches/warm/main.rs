//! Measures what a token costs: `cargo bench --bench warm -- [cold] [--runs N]`.
//!
//! Without `cold`: a `get-token` whose credentials are in the cache, in turns with `/bin/true` and
//! with the programs of others that give such tokens, which get a tenth of the runs; and its
//! instructions. With `cold`: a `get-token` that fetches, with 50 ms to the server and back, in turns
//! with `curl` making the same requests; and its processor time. Each prints a Markdown table. What is
//! not at hand is left out with a message.

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

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use measure::{Program, milliseconds};
use peers::Peer;
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
    let nothing = Program::new("`/bin/true`", &Command::new("/bin/true"));
    let ours = scene.get_token();
    ours.run();
    let peers = peers::at_hand(&scene);
    let requests = scene.requests();

    println!(
        "| command | runs | median time | times `/bin/true` | times ours | peak memory | processor time |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let times = measure::in_turns(&[&nothing, &ours], runs);
    row(&nothing, runs, times[0], &times);
    row(&ours, runs, times[1], &times);
    assert_eq!(scene.requests(), requests, "a warm call asked the network");
    for Peer { program, .. } in &peers {
        // They are slow, and need no such care.
        let runs = (runs / 10).max(5);
        // What runs after a large program pays for what that took out of the processor's caches. So
        // that each is as warm as the others, each runs twice in a turn, and the second time counts.
        let twice = [&nothing, &nothing, &ours, &ours, program, program];
        let times = measure::in_turns(&twice, runs);
        if scene.requests() == requests {
            row(program, runs, times[5], &[times[1], times[3]]);
        } else {
            eprintln!("left out: {} (its cache stopped answering)", program.name);
            break;
        }
    }

    match guarded() {
        Ok(count) => println!("\nInstructions of `kubectl-esc get-token` (callgrind): {count}"),
        Err(why) => eprintln!("left out: instructions ({why})"),
    }
}

/// A line of the table. The first two times are those of `/bin/true` and ours in the same turns.
fn row(program: &Program, runs: usize, time: Duration, times: &[Duration]) {
    let ratio = |other: Duration| {
        let ratio = time.as_secs_f64() / other.as_secs_f64();
        let decimals = if ratio < 10.0 { 2 } else { 0 };
        format!("{ratio:.decimals$}")
    };
    let (nothing, ours) = (ratio(times[0]), ratio(times[1]));
    let missing = || "–".to_owned();
    let memory = measure::memory(program);
    let memory = memory.map_or_else(missing, |kibibytes| {
        format!("{:.1} MiB", kibibytes / 1024.0)
    });
    let cpu = measure::processor_time(program, runs).map_or_else(missing, milliseconds);
    let (name, time) = (&program.name, milliseconds(time));
    println!("| {name} | {runs} | {time} | {nothing} | {ours} | {memory} | {cpu} |");
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
