//! Runs programs, and measures their time and memory.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that is run repeatedly.
pub(crate) struct Program {
    /// The name in the table.
    pub(crate) name: String,
    arguments: Vec<std::ffi::OsString>,
    variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

impl Program {
    /// A program with the arguments and variables of this command, and no other variables.
    pub(crate) fn new(name: &str, command: &Command) -> Self {
        let arguments = std::iter::once(command.get_program()).chain(command.get_args());
        let variables = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Self {
            name: name.to_owned(),
            arguments: arguments.map(OsStr::to_owned).collect(),
            variables: variables.collect(),
        }
    }

    fn command<'a>(&'a self, prefix: &[&'a OsStr]) -> Command {
        let own = self.arguments.iter().map(AsRef::as_ref);
        let mut words = prefix.iter().copied().chain(own);
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program, which has to succeed, and returns its standard output.
    pub(crate) fn run(&self) -> Vec<u8> {
        let output = self.command(&[]).output().expect("a program that starts");
        assert!(
            output.status.success(),
            "{}: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Returns the time from before the program is started until it has exited.
    fn time(&self) -> Duration {
        let mut command = self.command(&[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().expect("a program that starts");
        let time = start.elapsed();
        assert!(status.success(), "{}: {status}", self.name);
        time
    }
}

/// Returns the median time of each program. The programs run alternately, after a few warm-up rounds.
pub(crate) fn median_times(programs: &[&Program], runs: usize) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(runs); programs.len()];
    for round in 0..runs + 3 {
        for (program, times) in programs.iter().zip(&mut times) {
            let time = program.time();
            if round >= 3 {
                times.push(time);
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// The median of at least one time.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the peak memory in KiB. That includes memory of the process before `exec`, so a small program
/// starts it.
pub(crate) fn peak_memory(program: &Program) -> Option<f64> {
    let time = ["/usr/bin/time", "-f", "%M"].map(OsStr::new);
    let output = program.command(&time).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    // The program may have printed lines before.
    text.lines().last()?.parse().ok()
}

/// Returns the CPU time of one run, on Linux. The kernel counts hundredths of a second, so the mean of many
/// runs is taken.
pub(crate) fn cpu_time(program: &Program, runs: usize) -> Option<Duration> {
    let before = cpu_time_of_children()?;
    for _ in 0..runs {
        program.time();
    }
    let runs = u32::try_from(runs).ok()?;
    Some(cpu_time_of_children()?.saturating_sub(before) / runs)
}

/// The CPU time of all child processes that have exited.
fn cpu_time_of_children() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    // proc(5): fields 16 and 17; the rest starts with field 3.
    let fields = rest.split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(ticks * 10))
}

pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
