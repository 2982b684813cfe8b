//! Measures what hostile definitions cost:
//! `cargo bench --bench hostile -- [--binary FILE] [--small] [NAME…]`.
//!
//! Each definition is opened by the binary, as a process of its own, in four sizes, each the double
//! of the one before; with `--small` in its small size alone. The outcome is a Markdown table on
//! standard output. Processor time and the largest memory are read from `/proc` while the process
//! runs; on other systems than Linux the time is that of the clock, and the memory is not known.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends, and its outcome is what it prints"
)]

#[path = "../tests/integration/hostile/shapes.rs"]
mod shapes;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use shapes::{End, SHAPES, Shape};

/// The sizes of each shape, as parts of its largest.
const PARTS: [usize; 4] = [8, 4, 2, 1];

/// After this time a run counts as hung.
const LIMIT: Duration = Duration::from_secs(20);

/// What one run cost, and how it ended.
struct Run {
    bytes: u64,
    time: Duration,
    /// In bytes; 0 where it is not known.
    memory: u64,
    outcome: Outcome,
}

enum Outcome {
    /// A value of so many bytes of JSON.
    Value(u64),
    /// The first error.
    Error(String),
    /// Anything else, which is a bug.
    Wrong(String),
}

fn main() -> ExitCode {
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-esc"));
    let mut wanted = Vec::new();
    let mut is_small = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--small" => is_small = true,
            "--binary" => binary = arguments.next().expect("a file after --binary").into(),
            _ => wanted.push(argument),
        }
    }
    println!("| shape | size | file | time | memory | outcome | time of each doubling |");
    println!("| --- | ---: | ---: | ---: | ---: | --- | --- |");
    let mut wrong = 0;
    for shape in SHAPES {
        if wanted.is_empty() || wanted.iter().any(|name| shape.name.contains(name.as_str())) {
            wrong += usize::from(!measure(&binary, shape, is_small));
        }
    }
    if wrong > 0 {
        println!("\n{wrong} ended otherwise than they should.");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures a shape and prints its line; false where it ended otherwise than it should.
fn measure(binary: &Path, shape: &Shape, is_small: bool) -> bool {
    let mut runs = Vec::new();
    let sizes = PARTS.map(|part| (shape.large / part).max(1));
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
    let is_right = match (&last.outcome, shape.end) {
        (Outcome::Value(_), End::Value) => true,
        (Outcome::Error(text), End::Error(wanted)) => text.contains(wanted),
        _ => false,
    };
    let outcome = match &last.outcome {
        Outcome::Value(bytes) => format!("{} of JSON", shown(*bytes)),
        Outcome::Error(text) => text.replace('|', "\\|"),
        Outcome::Wrong(text) => format!("**{text}**"),
    };
    let mark = if is_right { "" } else { "**wrong:** " };
    println!(
        "| {} | {} | {} | {:.2} s | {} | {mark}{outcome} | {} |",
        shape.name,
        largest,
        shown(last.bytes),
        last.time.as_secs_f64(),
        shown(last.memory),
        ratios.join(", "),
    );
    is_right
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
    let (mut memory, mut used) = (0, Duration::ZERO);
    let mut is_hung = false;
    let status = loop {
        memory = peak(child.id()).max(memory);
        used = processor_time(child.id()).max(used);
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        if start.elapsed() > LIMIT && !is_hung {
            is_hung = true;
            child.kill().expect("the end of a process");
        }
        thread::sleep(Duration::from_micros(500));
    };
    let time = if used.is_zero() {
        start.elapsed()
    } else {
        used
    };
    let outcome = match status.code() {
        _ if is_hung => Outcome::Wrong("hangs".to_owned()),
        Some(0) => Outcome::Value(fs::metadata(&output).map_or(0, |file| file.len())),
        Some(2 | 3) => Outcome::Error(error_in(&errors, shape.end)),
        _ => Outcome::Wrong(status.to_string()),
    };
    Run {
        bytes,
        time,
        memory,
        outcome,
    }
}

/// The processor time that a process had so far, as Linux counts it: in hundredths of a second.
fn processor_time(process: u32) -> Duration {
    let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; the times are the 12th and 13th field after it.
    let fields = status.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// The most memory that a process had so far, in bytes.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// The line of what was written to standard error that says what should be wrong; else the first
/// that says something.
fn error_in(path: &Path, end: End) -> String {
    let mut text = String::new();
    let file = fs::File::open(path).expect("standard error");
    // What is not UTF-8 would be a mistake of ours; what was read until there is enough to see it.
    let _ = file.take(64 << 20).read_to_string(&mut text);
    let lines = text.lines().filter_map(|line| {
        let error = line.strip_prefix("error: ");
        error.or_else(|| line.strip_prefix("kubectl-esc: "))
    });
    let mut errors = lines.filter(|line| !line.starts_with("cannot open the environment"));
    let wanted = match end {
        End::Error(wanted) => errors.clone().find(|line| line.contains(wanted)),
        End::Value => None,
    };
    let error = wanted.or_else(|| errors.next()).unwrap_or_default();
    let shown: String = error.chars().take(80).collect();
    shown + if error.len() > 80 { "…" } else { "" }
}

/// A number of bytes for people.
fn shown(bytes: u64) -> String {
    match bytes {
        0 => "–".to_owned(),
        1..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}
