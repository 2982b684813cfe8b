//! ESC's own evaluator, in a separate process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::case::{Answer, Case};

/// The version of ESC's module that the program is built with.
pub fn version() -> String {
    let module = include_str!("../upstream/go.mod");
    let line = module.lines().find(|line| line.contains("pulumi/sdk/v3"));
    let version = line.and_then(|line| line.split(' ').next_back());
    version.unwrap_or_default().to_owned()
}

/// The panic message for a case that ended the process.
pub const CRASHED: &str = "upstream's process ended";

pub struct Upstream {
    program: PathBuf,
    running: Running,
}

struct Running {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Upstream {
    /// Starts `program`, built from the folder `upstream`.
    pub fn start(program: &Path) -> Result<Self, String> {
        let running = Running::start(program)?;
        let program = program.to_owned();
        Ok(Self { program, running })
    }

    /// Sends `cases`, runs `meanwhile`, and returns the answers in the same order.
    pub fn answers<T>(
        &mut self,
        cases: &[Case],
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Vec<Answer>, T), String> {
        let (mut received, result) = self.running.answers(cases, meanwhile)?;
        while received.len() < cases.len() {
            // Go cannot recover from a stack overflow, which this case has caused.
            received.push(Answer {
                panic: Some(CRASHED.to_owned()),
                ..Answer::default()
            });
            self.running = Running::start(&self.program)?;
            let (more, ()) = self.running.answers(&cases[received.len()..], || ())?;
            received.extend(more);
        }
        Ok((received, result))
    }

    /// The answer to one case.
    pub fn answer(&mut self, case: &Case) -> Result<Answer, String> {
        let (mut answers, ()) = self.answers(std::slice::from_ref(case), || ())?;
        Ok(answers.remove(0))
    }
}

impl Running {
    fn start(program: &Path) -> Result<Self, String> {
        let mut process = Command::new(program)
            .arg("answer")
            .env("GOTRACEBACK", "none")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("upstream has no pipes".to_owned());
        };
        Ok(Self {
            process,
            requests,
            answers: BufReader::new(answers),
        })
    }

    /// The answers up to the case that ends the process.
    fn answers<T>(
        &mut self,
        cases: &[Case],
        meanwhile: impl FnOnce() -> T,
    ) -> Result<(Vec<Answer>, T), String> {
        let Self {
            process,
            requests,
            answers,
        } = self;
        let (received, result) = std::thread::scope(|scope| {
            // The pipes are small, so requests are written while answers are read. Writing fails
            // when the process ends early.
            scope.spawn(move || {
                for case in cases {
                    let mut line = serde_json::to_vec(case).unwrap();
                    line.push(b'\n');
                    if requests.write_all(&line).is_err() {
                        return;
                    }
                }
                drop(requests.flush());
            });
            let reader = scope.spawn(move || {
                let mut received = Vec::with_capacity(cases.len());
                let mut line = String::new();
                while received.len() < cases.len() {
                    line.clear();
                    let length = answers.read_line(&mut line);
                    if length.map_err(|error| error.to_string())? == 0 {
                        break;
                    }
                    let answer = serde_json::from_str(&line).map_err(|error| error.to_string())?;
                    received.push(answer);
                }
                Ok::<_, String>(received)
            });
            let result = meanwhile();
            (reader.join().unwrap(), result)
        });
        let received = received?;
        if received.len() < cases.len() {
            let mut message = String::new();
            if let Some(errors) = process.stderr.take() {
                drop(errors.take(10_000).read_to_string(&mut message));
            }
            // Anything else is a bug in the program or in its input.
            if !message.contains("stack overflow") {
                return Err(format!("upstream has ended: {message}"));
            }
        }
        Ok((received, result))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The process ends with its input, unless it hangs.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
