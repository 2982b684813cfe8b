//! Runs the real binary in isolation: only the variables that a test sets, no standard input, its own
//! home and working directory, and a time limit.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use kubectl_esc::Context;
use kubectl_esc::authenticate::authenticate;
use kubectl_esc::clock::Clock;
use kubectl_esc::commands::token_request;
use kubectl_esc::host::Host;
use kubectl_esc::http::HttpClient;
use kubectl_esc::kubernetes::ExecCredential;
use kubectl_esc::log::Log;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::secret_scan::SecretScan;

/// After this time a run counts as hung and is killed.
pub const TIME_LIMIT: Duration = Duration::from_mins(1);

/// How the names of the tests' directories start.
pub const DIRECTORY_PREFIX: &str = "kubectl-esc-test-";

/// Builds a call of the binary.
pub struct Plugin {
    directory: TempDir,
    arguments: Vec<OsString>,
    variables: BTreeMap<OsString, OsString>,
}

/// The output of a call. In both texts the test's own directory is replaced by `[dir]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code.
    pub code: i32,
}

impl Plugin {
    /// A call with no arguments.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix(DIRECTORY_PREFIX)
            .tempdir()
            .expect("a temporary directory");
        let home = directory.path().join("home");
        std::fs::create_dir(&home).expect("a home directory");
        let mut variables = BTreeMap::new();
        variables.insert(
            if cfg!(windows) { "USERPROFILE" } else { "HOME" }.into(),
            home.into_os_string(),
        );
        // Without it Windows starts no process that needs randomness or sockets.
        if cfg!(windows)
            && let Some(root) = test_variable("SystemRoot")
        {
            variables.insert("SystemRoot".into(), root);
        }
        Self {
            directory,
            arguments: Vec::new(),
            variables,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables
            .insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Unsets a variable, such as `HOME`.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.remove(name.as_ref());
        self
    }

    /// Sets `KUBERNETES_EXEC_INFO` as client-go writes it. `version` is `v1` or `v1beta1`;
    /// `cluster` is set only where the kubeconfig has `provideClusterInfo: true`.
    #[must_use]
    pub fn exec_info(self, version: &str, interactive: bool, cluster: Option<Value>) -> Self {
        let mut information = json!({
            "kind": "ExecCredential",
            "apiVersion": format!("client.authentication.k8s.io/{version}"),
            "spec": {"interactive": interactive},
        });
        if let Some(cluster) = cluster {
            information["spec"]["cluster"] = cluster;
        }
        self.env("KUBERNETES_EXEC_INFO", format!("{information}\n"))
    }

    /// Logs nothing while the suite is scanned for secrets: the messages of a successful call are compared.
    #[must_use]
    pub fn without_log(self) -> Self {
        self.env("KUBECTL_ESC_LOG", "0")
    }

    /// Writes a file below the working directory, and creates its folders.
    #[must_use]
    pub fn file(self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Self {
        let path = self.directory.path().join(path);
        let folder = path.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("a folder below the test's own");
        std::fs::write(path, content).expect("a file below the test's own folder");
        self
    }

    /// The path of a file below the working directory.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(path)
    }

    /// The call as a command, for a test that interacts with it while it runs.
    pub fn command(&self) -> Command {
        #[cfg(unix)]
        default_signals();
        let mut command = Command::new(program());
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.directory.path());
        command
    }

    /// Makes the `get-token` call through the library at another time, without waiting for other processes.
    pub fn get_token_at(
        &self,
        seconds_from_now: i64,
    ) -> kubectl_esc::error::Result<ExecCredential> {
        let command = self.command();
        let variables = command.get_envs().map(|(name, value)| {
            let name = name.to_str().expect("a name").to_owned();
            (name, value.expect("a value").to_owned())
        });
        let now = Clock::system().now().shifted(seconds_from_now);
        let host = Host::with(variables, Clock::fixed(now));
        let arguments = std::iter::once("kubectl-esc".as_ref()).chain(command.get_args());
        let request = token_request(arguments.map(ToOwned::to_owned), &host)?;
        let http = HttpClient::new(&host);
        let log = Log::disabled();
        let context = Context::new(&host, &http, &log, request.open.timeout);
        authenticate(request, context)
    }

    /// Runs the binary through a shell, whose exit code also shows a signal that ends the binary. It may print
    /// before it fails, because `run` passes on the output of its command.
    #[track_caller]
    pub fn run_through_shell(&self) -> Output {
        self.run_in_script("\"$@\"; exit $?")
    }

    /// Runs a shell script, in which `"$@"` is the call of the binary.
    #[track_caller]
    pub fn run_in_script(&self, script: &str) -> Output {
        let mut shell = Command::new("sh");
        let command = self.command();
        shell
            .args(["-c", script, "sh"])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.directory.path());
        run(shell, TIME_LIMIT).replacing(self.directory.path(), "[dir]")
    }

    /// Runs the binary. Fails the test if it hangs, if a signal ends it, or if it fails and writes to standard
    /// output, which kubectl would read. May be called again: files of earlier calls are kept.
    #[track_caller]
    pub fn run(&self) -> Output {
        self.run_within(TIME_LIMIT)
    }

    /// Runs the binary with another time limit.
    #[track_caller]
    pub fn run_within(&self, limit: Duration) -> Output {
        let output = self.run_command(limit);
        assert!(
            output.code == 0 || output.stdout.is_empty(),
            "a failing call must leave standard output empty: {output:#?}"
        );
        output
    }

    /// Runs the binary with this text on standard input.
    #[track_caller]
    pub fn run_with_stdin(&self, text: impl AsRef<[u8]>) -> Output {
        let mut file = tempfile::tempfile().expect("a temporary file");
        file.write_all(text.as_ref()).expect("a file");
        file.rewind().expect("a file");
        let mut command = self.command();
        command
            .stdin(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = command.output().expect("the binary");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let output = Output {
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code().expect("an exit code"),
        };
        output.replacing(self.directory.path(), "[dir]")
    }

    /// Runs a command whose output kubectl does not read: it may print and fail.
    #[track_caller]
    pub fn run_command(&self, limit: Duration) -> Output {
        run(self.command(), limit).replacing(self.directory.path(), "[dir]")
    }
}

/// Resets signals to their default action for child processes, which would inherit ignored ones: SIGINT in
/// the background of a script, SIGHUP under nohup. A signal that a process catches is not ignored by its
/// children; the registered handler only runs the default action.
#[cfg(unix)]
pub fn default_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
            let always = std::sync::Arc::new(true.into());
            signal_hook::flag::register_conditional_default(signal, always)
                .expect("a signal that can be caught");
        }
    });
}

impl Output {
    /// Compares standard output, standard error and the exit code exactly.
    #[track_caller]
    pub fn assert(&self, stdout: &str, stderr: &str, code: i32) {
        let mut differences = String::new();
        for (name, expected, actual) in [
            ("stdout", stdout, self.stdout.as_str()),
            ("stderr", stderr, self.stderr.as_str()),
        ] {
            if expected != actual {
                let _ = write!(
                    differences,
                    "\n{name}, expected:\n{expected}\n{name}, actual:\n{actual}\n"
                );
            }
        }
        if code != self.code {
            let _ = write!(
                differences,
                "\nexit code, expected: {code}, actual: {}",
                self.code
            );
        }
        assert!(differences.is_empty(), "unexpected output:\n{differences}");
    }

    /// Asserts a failure with this standard error and exit code, and an empty standard output.
    #[track_caller]
    pub fn assert_fails(&self, stderr: &str, code: i32) {
        self.assert("", stderr, code);
    }

    /// Asserts that the call succeeded without a message, and parses the one line of JSON on standard
    /// output.
    #[track_caller]
    pub fn credential(&self) -> Value {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{self:#?}");
        let line = self.stdout.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "more than one line: {line}");
        serde_json::from_str(line).expect("JSON on standard output")
    }

    /// The token of [`Output::credential`].
    #[track_caller]
    pub fn token(&self) -> String {
        let credential = self.credential();
        let token = credential["status"]["token"].as_str();
        token.expect("a token").to_owned()
    }

    /// Removes what is logged with `-v`; the message of a failure remains.
    #[must_use]
    fn without_log(mut self, is_get_token: bool) -> Self {
        let mut lines: Vec<_> = self.stderr.split_inclusive('\n').collect();
        let is_message = |line: &str| line.starts_with("kubectl-esc: ");
        let last = lines.iter().rposition(|line| is_message(line));
        let mut numbers = 0..;
        lines.retain(|line| {
            let is_last = numbers.next() == last && self.code != 0;
            let is_error = is_last && !line.starts_with("kubectl-esc: running `");
            let is_silent = self.code == 0 && is_get_token;
            let is_warning = line.starts_with("kubectl-esc: warning: ");
            is_error || !is_silent && (is_warning || !is_message(line))
        });
        self.stderr = lines.concat();
        self
    }

    fn replacing(mut self, path: &Path, name: &str) -> Self {
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        // First the canonical form, which may contain the other one (macOS: /private/var).
        for path in [canonical.as_path(), path] {
            let path = path.to_string_lossy();
            self.stdout = self.stdout.replace(&*path, name);
            self.stderr = self.stderr.replace(&*path, name);
        }
        self
    }
}

/// The binary that was built with the tests, or the one that `KUBECTL_ESC_BINARY` names, such as a release
/// build.
pub(crate) fn program() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_kubectl-esc").into();
    test_variable("KUBECTL_ESC_BINARY").map_or_else(built, PathBuf::from)
}

/// Copies a program with another process. If this one wrote the copy, the children that other tests
/// start meanwhile would inherit the open file, and running the copy would fail with `ETXTBSY`.
#[cfg(unix)]
pub fn copy_program(program: impl AsRef<OsStr>, copy: &Path) {
    let status = Command::new("cp").arg(program).arg(copy).status().unwrap();
    assert!(status.success(), "cp: {status}");
}

/// A variable of the test process.
pub fn test_variable(name: &str) -> Option<OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests read the variables of their machine"
    )]
    std::env::var_os(name)
}

/// Runs a command without standard input and kills it after `limit`, which fails the test.
#[track_caller]
pub fn run(mut command: Command, limit: Duration) -> Output {
    let scan = SecretScan::if_enabled(&command);
    let adds_log = scan.is_some() && !logs_already(&command);
    if adds_log {
        command.env("KUBECTL_ESC_LOG", "2");
    }
    let is_get_token = command.get_args().any(|argument| argument == "get-token");
    let output = run_scanned(command, limit, scan);
    if adds_log {
        output.without_log(is_get_token)
    } else {
        output
    }
}

/// Whether the call logs its steps.
fn logs_already(command: &Command) -> bool {
    let has_flag = command
        .get_args()
        .any(|argument| argument == "-v" || argument == "-vv");
    has_flag
        || command
            .get_envs()
            .any(|(name, _)| name == "KUBECTL_ESC_LOG")
}

/// Runs a command, and scans it for secrets.
#[track_caller]
pub fn run_scanned(mut command: Command, limit: Duration, scan: Option<SecretScan>) -> Output {
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
    let end = Instant::now() + limit;
    let watch = scan.as_ref().map(|scan| scan.watch(child.id()));
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let result = stdout
        .recv_timeout(end.saturating_duration_since(Instant::now()))
        .and_then(|stdout| {
            let left = end.saturating_duration_since(Instant::now());
            Ok((stdout, stderr.recv_timeout(left)?))
        });
    let status = wait(&mut child, end);
    let (Ok((stdout, stderr)), Some(status)) = (result, status) else {
        drop(child.kill());
        drop(child.wait());
        panic!("{} hung and was killed after {limit:?}", program.display());
    };
    let Some(code) = status.code() else {
        panic!("{} was ended by a signal: {stderr}", program.display());
    };
    let output = Output {
        stdout,
        stderr,
        code,
    };
    if let Some((scan, watch)) = scan.zip(watch) {
        scan.assert_no_leaks(&output, &watch.finish());
    }
    output
}

/// Reads a stream in a thread, so that neither stream can block the other.
fn read(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            drop(stream.read_to_end(&mut bytes));
        }
        drop(sender.send(String::from_utf8_lossy(&bytes).into_owned()));
    });
    receiver
}

/// Waits for the process; `None` on a time-out. Both streams have ended before this is called, so the
/// process is about to exit.
fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
            Ok(status) => return status,
            Err(_) => return None,
        }
    }
}
