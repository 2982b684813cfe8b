//! Measures the time and memory of `get-token`: `cargo bench --bench warm -- [cold | clusters] [--runs N]`.
//!
//! By default: calls with cached credentials, alternating with `/bin/true` and with other programs
//! that print such tokens, which get a tenth of the runs; and the numbers of instructions. With `cold`:
//! calls that fetch credentials with a round trip of 50 ms to each server, alternating with `curl` making
//! the same requests; and their CPU time. With `clusters`: cold calls for many clusters of one environment. Each
//! prints a Markdown table. Missing programs are skipped with a message.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark fails by panicking, and prints its results"
)]

mod clusters;
mod cold;
mod delay;
mod measure;
mod peers;
mod services;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use measure::{Program, milliseconds};
use peers::Peer;
use services::{AKS_ENVIRONMENT, ENVIRONMENT, GKE_ENVIRONMENT, Services};

fn main() {
    let mut mode = "warm";
    let mut runs = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "cold" => mode = "cold",
            "clusters" => mode = "clusters",
            "--runs" => {
                let number = arguments.next().and_then(|number| number.parse().ok());
                runs = Some(number.expect("a number after --runs"));
            }
            _ => {}
        }
    }
    match mode {
        "cold" => cold::run(runs.unwrap_or(20)),
        "clusters" => clusters::run(runs.unwrap_or(5)),
        _ => warm(runs.unwrap_or(300)),
    }
}

fn warm(runs: usize) {
    let services = Services::new();
    let nothing = Program::new("`/bin/true`", &Command::new("/bin/true"));
    let ours = services.get_token("EKS", ENVIRONMENT);
    let gke = services.get_token("GKE", GKE_ENVIRONMENT);
    let aks = services.get_token("AKS", AKS_ENVIRONMENT);
    for program in [&ours, &gke, &aks] {
        program.run();
    }
    let peers = peers::installed(&services);
    let requests = services.requests();

    println!(
        "| command | runs | median time | times `/bin/true` | times ours | peak memory | processor time |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let programs = [&nothing, &ours, &gke, &aks];
    let times = measure::median_times(&programs, runs);
    for (program, time) in programs.iter().zip(&times) {
        row(program, runs, *time, &times);
    }
    assert_eq!(
        services.requests(),
        requests,
        "a warm call used the network"
    );
    for Peer { program, .. } in &peers {
        // Peers are slow: fewer runs are enough.
        let runs = (runs / 10).max(5);
        // A large program evicts the CPU caches for the next one. For equal conditions each program runs
        // twice in a turn, and the second time counts.
        let twice = [&nothing, &nothing, &ours, &ours, program, program];
        let times = measure::median_times(&twice, runs);
        if services.requests() == requests {
            row(program, runs, times[5], &[times[1], times[3]]);
        } else {
            eprintln!("skipping {}: it no longer used its cache", program.name);
            break;
        }
    }

    match instruction_counts() {
        Ok(counts) => println!("\nInstructions of `kubectl-esc get-token` (callgrind):\n{counts}"),
        Err(reason) => eprintln!("skipping the instruction count: {reason}"),
    }
}

/// Prints a line of the table. The first two of `times` are those of `/bin/true` and of the plugin in the
/// same turns.
fn row(program: &Program, runs: usize, time: Duration, times: &[Duration]) {
    let ratio = |other: Duration| {
        let ratio = time.as_secs_f64() / other.as_secs_f64();
        let decimals = if ratio < 10.0 { 2 } else { 0 };
        format!("{ratio:.decimals$}")
    };
    let (nothing, ours) = (ratio(times[0]), ratio(times[1]));
    let missing = || "–".to_owned();
    let memory = measure::peak_memory(program);
    let memory = memory.map_or_else(missing, |kibibytes| {
        format!("{:.1} MiB", kibibytes / 1024.0)
    });
    let cpu = measure::cpu_time(program, runs).map_or_else(missing, milliseconds);
    let (name, time) = (&program.name, milliseconds(time));
    println!("| {name} | {runs} | {time} | {nothing} | {ours} | {memory} | {cpu} |");
}

/// The numbers of instructions, as counted by `guard.py`.
fn instruction_counts() -> Result<String, String> {
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
