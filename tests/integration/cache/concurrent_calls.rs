//! Runs the same call in many processes at once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::support::plugin::{Output, TIME_LIMIT};
use crate::support::secret_scan::SecretScan;

/// What a waiting call logs with `-v`.
pub(crate) const WAITING: &str = "waiting for another process to ";

/// Running processes. They are killed when this is dropped.
pub(crate) struct ConcurrentCalls {
    calls: Vec<RunningCall>,
    waiting: Receiver<()>,
}

/// One running process.
pub(crate) struct RunningCall {
    pub(crate) child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    scan: Option<SecretScan>,
}

impl ConcurrentCalls {
    /// Starts `size` processes.
    pub(crate) fn start(size: usize, command: impl Fn() -> Command) -> Self {
        let (sender, waiting) = mpsc::channel();
        let calls = (0..size).map(|_| RunningCall::start(command(), &sender));
        Self {
            calls: calls.collect(),
            waiting,
        }
    }

    /// Waits until `count` processes have logged that they wait for another one. They need `-v`.
    #[track_caller]
    pub(crate) fn wait_until_waiting(&self, count: usize) {
        let end = Instant::now() + TIME_LIMIT;
        for number in 0..count {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.waiting.recv_timeout(left);
            assert!(message.is_ok(), "only {number} of {count} calls wait");
        }
    }

    /// The process id of the first process.
    #[cfg(unix)]
    pub(crate) fn process_id(&self) -> u32 {
        self.calls[0].child.id()
    }

    /// Waits for all processes, and returns their outputs.
    #[track_caller]
    pub(crate) fn outputs(mut self) -> Vec<Output> {
        let calls = std::mem::take(&mut self.calls);
        calls.into_iter().map(RunningCall::output).collect()
    }
}

impl Drop for ConcurrentCalls {
    fn drop(&mut self) {
        for call in &mut self.calls {
            drop(call.child.kill());
            drop(call.child.wait());
        }
    }
}

impl RunningCall {
    fn start(mut command: Command, waiting: &Sender<()>) -> Self {
        let scan = SecretScan::if_enabled(&command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let waiting = waiting.clone();
        let stdout = child.stdout.take().map(|mut stream| {
            thread::spawn(move || {
                let mut text = String::new();
                drop(stream.read_to_string(&mut text));
                text
            })
        });
        let stderr = child.stderr.take().map(|stream| {
            thread::spawn(move || {
                let mut text = String::new();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.contains(WAITING) {
                        let _ = waiting.send(());
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                text
            })
        });
        Self {
            child,
            stdout,
            stderr,
            scan,
        }
    }

    /// Waits for the process, which exits at its own time limit at the latest.
    #[track_caller]
    pub(crate) fn output(mut self) -> Output {
        let read = |stream: Option<JoinHandle<String>>| {
            stream.map_or_else(String::new, |thread| {
                thread.join().expect("the text of the stream")
            })
        };
        let stdout = read(self.stdout.take());
        let stderr = read(self.stderr.take());
        let status = self.child.wait().expect("an exit status");
        let code = status.code().expect("an exit without a signal");
        let output = Output {
            stdout,
            stderr,
            code,
        };
        if let Some(scan) = &self.scan {
            scan.assert_no_leaks(&output, &BTreeSet::new());
        }
        output
    }
}

/// Removes the log lines of `-v`; the message of a failure remains.
pub(crate) fn without_steps(output: Output) -> Output {
    let lines: Vec<_> = output.stderr.split_inclusive('\n').collect();
    let is_message = |line: &&str| line.starts_with("kubectl-esc: ");
    let last = lines.iter().rposition(is_message).unwrap_or_default();
    let message = if output.code == 0 {
        ""
    } else {
        &lines[last..].concat()
    };
    Output {
        stderr: message.to_owned(),
        ..output
    }
}
