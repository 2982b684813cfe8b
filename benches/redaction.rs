//! Measures the throughput of redaction: `cargo bench --bench redaction -- [--binary FILE] [TEXT…]`.
//!
//! `run` executes `cat` with each set of secrets and each text. Prints a Markdown table with the best of
//! three runs, in MB per second of CPU time of both processes. Without `/proc` it is the elapsed time.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its results"
)]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// The size of each text.
const TEXT_BYTES: usize = 64 << 20;

/// Texts are repetitions of a shorter one of at least this size.
const UNIT_BYTES: usize = 1 << 20;

type Text = (&'static str, fn(&[String], &mut Random) -> String);

/// Ordinary output, and output that is as close to the secrets as possible.
const TEXTS: [Text; 8] = [
    ("log lines", |_, random| {
        let word = random.word(8);
        format!(
            "level=info msg=\"reconciled object\" name={word} namespace=default duration=12ms\n"
        )
    }),
    ("base64", |_, random| random.word(76) + "\n"),
    ("one byte", |_, _| "a".repeat(1000)),
    ("starts of secrets", |secrets, random| random.start(secrets)),
    ("ends at the shared prefix", |secrets, random| {
        let secret = random.choose(secrets);
        let length = secret.len().min(200);
        secret[..length].to_owned() + &random.word(1)
    }),
    ("starts in base64", |secrets, random| {
        BASE64_STANDARD.encode(random.start(secrets)) + "\n"
    }),
    ("starts with \\x", |secrets, random| {
        escaped(&random.start(secrets), "\\x")
    }),
    ("starts with %", |secrets, random| {
        escaped(&random.start(secrets), "%")
    }),
];

fn main() {
    let mut binary = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-esc"));
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--binary" => binary = arguments.next().expect("a file after --binary").into(),
            _ => names.push(argument),
        }
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let prefix = random.word(200);
    let sets: [Vec<String>; 3] = [
        vec![random.word(40)],
        (0..300).map(|_| random.word(40)).collect(),
        (0..250)
            .map(|_| prefix.clone() + &random.word(32))
            .collect(),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (index, secrets) in sets.iter().enumerate() {
        let path = folder.path().join(format!("{index}.yaml"));
        fs::write(path, definition(secrets)).expect("a file");
    }
    println!("| output | 1 secret | 300 random | 250 with a shared prefix of 200 bytes |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, unit) in TEXTS {
        if !names.is_empty() && !names.iter().any(|wanted| name.contains(wanted.as_str())) {
            continue;
        }
        let mut line = format!("| {name} |");
        for (index, secrets) in sets.iter().enumerate() {
            write_text(&folder.path().join("text"), || unit(secrets, &mut random));
            let runs = (0..3).map(|_| run(&binary, folder.path(), index));
            let best = runs.min().expect("a run").as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a size in MB")]
            let speed = TEXT_BYTES as f64 / 1e6 / best;
            write!(line, " {speed:.0} MB/s |").expect("a line");
        }
        println!("{line}");
    }
}

fn definition(secrets: &[String]) -> String {
    let mut text = "values:\n  environmentVariables:\n".to_owned();
    for (index, secret) in secrets.iter().enumerate() {
        writeln!(text, "    SECRET_{index}: {{'fn::secret': '{secret}'}}").expect("a line");
    }
    text
}

fn write_text(path: &Path, mut unit: impl FnMut() -> String) {
    let mut text = String::new();
    while text.len() < UNIT_BYTES {
        text += &unit();
    }
    let mut bytes = text.into_bytes().repeat(TEXT_BYTES / UNIT_BYTES);
    bytes.truncate(TEXT_BYTES);
    fs::write(path, bytes).expect("a file");
}

fn run(binary: &Path, folder: &Path, index: usize) -> Duration {
    let null = File::options().write(true).open("/dev/null");
    let (start, cpu_start) = (Instant::now(), cpu_time_of_children());
    let status = Command::new(binary)
        .args(["run", &format!("./{index}.yaml"), "--", "cat", "text"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(null.expect("/dev/null"))
        .status()
        .expect("the binary");
    assert!(status.success());
    match cpu_time_of_children().saturating_sub(cpu_start) {
        Duration::ZERO => start.elapsed(),
        cpu => cpu,
    }
}

/// The CPU time of the child processes that have exited, which Linux counts in hundredths of a second.
fn cpu_time_of_children() -> Duration {
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may contain anything; the times are the 14th and 15th field after it.
    let fields = status.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

/// Every third byte escaped, as in text of several languages.
fn escaped(text: &str, introducer: &str) -> String {
    let escaped = text.bytes().enumerate().map(|(index, byte)| {
        if index % 3 == 0 {
            format!("{introducer}{byte:02x}")
        } else {
            char::from(byte).to_string()
        }
    });
    escaped.collect()
}

/// Marsaglia's xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    /// Base64 digits.
    fn word(&mut self, length: usize) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..length)
            .map(|_| char::from(DIGITS[self.below(DIGITS.len())]))
            .collect()
    }

    fn choose<'a>(&mut self, secrets: &'a [String]) -> &'a str {
        &secrets[self.below(secrets.len())]
    }

    /// A secret without its last bytes.
    fn start(&mut self, secrets: &[String]) -> String {
        let secret = self.choose(secrets);
        secret[..secret.len() - 1 - self.below(4)].to_owned()
    }
}
