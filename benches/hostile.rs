//! Measures time and memory of hostile definitions:
//! `cargo bench --bench hostile -- [--binary FILE] [--small] [NAME…]`.
//!
//! The binary opens each definition in a new process, in four sizes, each twice the previous one, or with
//! `--small` only in its small size. Prints a Markdown table. Fails if an outcome is unexpected, or takes more
//! memory than `MAXIMUM_MEMORY`. CPU time and peak memory are read from
//! `/proc` while the process runs; without `/proc` the elapsed time is shown, and no memory.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its results"
)]

#[path = "../tests/integration/hostile/shapes.rs"]
mod shapes;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use shapes::{Outcome, SHAPES, Shape};

/// The sizes of each shape, as divisors of its largest size.
const DIVISORS: [usize; 4] = [8, 4, 2, 1];

/// After this time a run counts as hung.
const LIMIT: Duration = Duration::from_secs(20);

/// The most memory that a definition may take, in bytes.
const MAXIMUM_MEMORY: u64 = 256 << 20;

/// The measurements of one run, and its result.
struct Run {
    bytes: u64,
    time: Duration,
    /// In bytes; 0 if unknown.
    memory: u64,
    result: RunResult,
}

enum RunResult {
    /// A value, with its size in bytes of JSON.
    Value(u64),
    /// The first error.
    Error(String),
    /// A crash or a hang, which is a bug.
    Bug(String),
}

fn main() -> ExitCode {
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-esc"));
    let mut names = Vec::new();
    let mut is_small = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--small" => is_small = true,
            "--binary" => binary = arguments.next().expect("a file after --binary").into(),
            _ => names.push(argument),
        }
    }
    println!("| shape | size | file | time | memory | outcome | time of each doubling |");
    println!("| --- | ---: | ---: | ---: | ---: | --- | --- |");
    let mut failures = 0;
    for shape in SHAPES {
        if names.is_empty() || names.iter().any(|name| shape.name.contains(name.as_str())) {
            failures += usize::from(!measure(&binary, shape, is_small));
        }
    }
    if failures > 0 {
        println!("\n{failures} had an unexpected outcome, or took too much memory.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures a shape and prints its line. Returns whether it had the expected outcome.
fn measure(binary: &Path, shape: &Shape, is_small: bool) -> bool {
    let mut runs = Vec::new();
    let sizes = DIVISORS.map(|divisor| (shape.large / divisor).max(1));
    let sizes = match shape.small {
        Some(size) if is_small => vec![size],
        _ => sizes.to_vec(),
    };
    let Some(largest) = sizes.last().copied() else {
        return false;
    };
    for size in sizes {
        runs.push(run(binary, shape, size));
    }
    let ratios = runs.windows(2).map(|pair| {
        let ratio = pair[1].time.as_secs_f64() / pair[0].time.as_secs_f64();
        format!("{ratio:.1}")
    });
    let ratios: Vec<_> = ratios.collect();
    let Some(last) = runs.last() else {
        return false;
    };
    // A smaller size may not have reached its limit yet.
    let is_expected = match (&last.result, shape.outcome) {
        (RunResult::Value(_), Outcome::Value) => true,
        (RunResult::Error(text), Outcome::Error(message)) => text.contains(message),
        _ => false,
    };
    let result = match &last.result {
        RunResult::Value(bytes) => format!("{} of JSON", human_readable(*bytes)),
        RunResult::Error(text) => text.replace('|', "\\|"),
        RunResult::Bug(text) => format!("**{text}**"),
    };
    let fits = last.memory <= MAXIMUM_MEMORY;
    let mark = match (is_expected, fits) {
        (true, true) => "",
        (true, false) => "**too much memory:** ",
        (false, _) => "**unexpected:** ",
    };
    println!(
        "| {} | {} | {} | {:.2} s | {} | {mark}{result} | {} |",
        shape.name,
        largest,
        human_readable(last.bytes),
        last.time.as_secs_f64(),
        human_readable(last.memory),
        ratios.join(", "),
    );
    is_expected && fits
}

fn run(binary: &Path, shape: &Shape, size: usize) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = (shape.make)(size);
    let mut bytes = 0;
    for (path, text) in &files {
        fs::write(folder.path().join(path), text).expect("a file");
        bytes += text.len() as u64;
    }
    drop(files);
    let output = folder.path().join("stdout");
    let errors = folder.path().join("stderr");
    let start = Instant::now();
    let mut child = Command::new(binary)
        .arg("open")
        .arg(folder.path().join("env.yaml"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output).expect("a file"))
        .stderr(fs::File::create(&errors).expect("a file"))
        .spawn()
        .expect("the binary");
    let (mut memory, mut cpu) = (0, Duration::ZERO);
    let mut is_hung = false;
    let status = loop {
        memory = peak_memory(child.id()).max(memory);
        cpu = cpu_time(child.id()).max(cpu);
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        if start.elapsed() > LIMIT && !is_hung {
            is_hung = true;
            child.kill().expect("a running process");
        }
        thread::sleep(Duration::from_micros(500));
    };
    let time = if cpu.is_zero() { start.elapsed() } else { cpu };
    let result = match status.code() {
        _ if is_hung => RunResult::Bug("hangs".to_owned()),
        Some(0) => RunResult::Value(fs::metadata(&output).map_or(0, |file| file.len())),
        Some(2 | 3) => RunResult::Error(error_in(&errors, shape.outcome)),
        _ => RunResult::Bug(status.to_string()),
    };
    Run {
        bytes,
        time,
        memory,
        result,
    }
}

/// The CPU time of a process so far, which Linux counts in hundredths of a second.
fn cpu_time(process: u32) -> Duration {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may contain anything; the times are the 12th and 13th field after it.
    let fields = status.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// The peak memory of a process so far, in bytes.
fn peak_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Returns the expected error from standard error, or else the first one.
fn error_in(path: &Path, outcome: Outcome) -> String {
    let mut text = String::new();
    let file = fs::File::open(path).expect("standard error");
    // If the output is not UTF-8, the part before that is searched.
    let _ = file.take(64 << 20).read_to_string(&mut text);
    let lines = text.lines().filter_map(|line| {
        let error = line.strip_prefix("error: ");
        error.or_else(|| line.strip_prefix("kubectl-esc: "))
    });
    let expected = match outcome {
        Outcome::Error(message) => lines.clone().find(|line| line.contains(message)),
        Outcome::Value => None,
    };
    let mut errors = lines.filter(|line| !line.starts_with("cannot open the environment"));
    let error = expected.or_else(|| errors.next()).unwrap_or_default();
    let shown: String = error.chars().take(80).collect();
    shown + if error.len() > 80 { "…" } else { "" }
}

/// Formats a number of bytes.
fn human_readable(bytes: u64) -> String {
    match bytes {
        0 => "–".to_owned(),
        1..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
