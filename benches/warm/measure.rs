//! Programs, and what they take.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that is run again and again.
pub(crate) struct Program {
    /// What the table calls it.
    pub(crate) name: String,
    arguments: Vec<std::ffi::OsString>,
    variables: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

impl Program {
    /// A command with the variables that are set for it, and no others.
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

    fn command<'a>(&'a self, before: &[&'a OsStr]) -> Command {
        let own = self.arguments.iter().map(AsRef::as_ref);
        let mut words = before.iter().copied().chain(own);
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it, which has to succeed, and says what it printed.
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

    /// From before it is started until it has ended.
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

/// The median time of each, run in turns, after a few rounds to warm up.
pub(crate) fn in_turns(programs: &[&Program], runs: usize) -> Vec<Duration> {
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

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The most memory that it held, in KiB. What a process held before it became another program counts
/// too, so it is started by a small one.
pub(crate) fn memory(program: &Program) -> Option<f64> {
    let time = ["/usr/bin/time", "-f", "%M"].map(OsStr::new);
    let output = program.command(&time).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    // The program may have said something before.
    text.lines().last()?.parse().ok()
}

/// The processor time of one run, on Linux. The kernel tells it in hundredths of a second, so many
/// runs are added up.
pub(crate) fn processor_time(program: &Program, runs: usize) -> Option<Duration> {
    let before = of_children()?;
    for _ in 0..runs {
        program.time();
    }
    let runs = u32::try_from(runs).ok()?;
    Some(of_children()?.saturating_sub(before) / runs)
}

/// The processor time of all children that have ended.
fn of_children() -> Option<Duration> {
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
