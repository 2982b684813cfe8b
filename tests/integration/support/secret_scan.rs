//! Searches everything that a call leaves or shows for secrets, in every encoding that a log could have.
//!
//! If `KUBECTL_ESC_SCAN_SECRETS` names a file, [`run`](super::plugin::run) makes each call log its steps as
//! with `-vv`, scans its output, the files that it wrote, and the command lines and variables of its child
//! processes, and adds a line for the call to the file. The secrets are [`MARKER`], which is in every secret
//! that a stand-in issues, the stand-ins' own tokens, and the secrets in the call's files and variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use encodings::{base64, percent};
use stand_ins::MARKER;
use stand_ins::oidc::GitHubActions;
use stand_ins::pulumi_cloud::configuration::{
    ORGANIZATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN,
};

use super::plugin::{DIRECTORY_PREFIX, Output, test_variable};

/// Shorter texts also occur by chance.
const SHORTEST: usize = 7;
/// The keys of secrets in a definition, in the files of `pulumi login` and of states.
const SECRET_KEYS: [&str; 4] = [
    "fn::secret",
    "accessToken",
    "refreshToken",
    "secretAccessKey",
];
/// What the names of variables with secrets contain.
const SECRET_VARIABLES: [&str; 4] = ["TOKEN", "SECRET", "PASSPHRASE", "PASSWORD"];
/// Hostile definitions have larger secrets, and more of them.
const LONGEST: usize = 4096;
const MOST: usize = 50;
/// Larger files are inputs of hostile calls.
const LARGEST_FILE: u64 = 1 << 20;
/// The exit code of a shell whose command was killed.
const KILLED: i32 = 128 + 9;
/// How often the child processes are listed.
const INTERVAL: Duration = Duration::from_millis(2);

/// The file for the calls that were scanned, if every call is to be.
fn log_path() -> Option<OsString> {
    test_variable("KUBECTL_ESC_SCAN_SECRETS")
}

/// A call that is scanned.
pub struct SecretScan {
    directory: PathBuf,
    is_script: bool,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
    secrets: BTreeSet<String>,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl SecretScan {
    /// As [`new`](Self::new), if every call is to be scanned.
    pub fn if_enabled(command: &Command) -> Option<Self> {
        log_path().map(|_| Self::new(command))
    }

    /// Collects the secrets and the files of a call that has not started.
    pub fn new(command: &Command) -> Self {
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let variables: BTreeMap<_, _> = command
            .get_envs()
            .filter_map(|(name, value)| Some((text(name), text(value?))))
            .collect();
        let home = variables.get("HOME").map(Path::new);
        let mut places = home.into_iter().chain(command.get_current_dir());
        let directory = places.find_map(test_directory);
        let directory = directory.unwrap_or(Path::new("/nowhere"));
        let files = files_in(directory);
        let fixed = [
            MARKER,
            TOKEN,
            ORGANIZATION_TOKEN,
            TEAM_TOKEN,
            STRANGERS_TOKEN,
        ];
        let mut secrets: BTreeSet<_> = fixed.map(str::to_owned).into();
        secrets.insert(GitHubActions::REQUEST_TOKEN.to_owned());
        for (name, value) in &variables {
            let is_secret = SECRET_VARIABLES.iter().any(|word| name.contains(word));
            if is_secret && !value.contains('/') {
                secrets.insert(value.clone());
            }
        }
        for (path, content) in &files {
            let content = String::from_utf8_lossy(content);
            secrets.extend(secrets_in(&content));
            if path.ends_with("identity") || path.ends_with("passphrase") {
                secrets.insert(content.trim().to_owned());
            }
        }
        let arguments: Vec<_> = command.get_args().map(text).collect();
        secrets.retain(|secret| {
            // What the test itself passes on the command line is no secret.
            let is_passed = arguments.iter().any(|argument| argument.contains(secret));
            (SHORTEST..=LONGEST).contains(&secret.len()) && !is_passed
        });
        Self {
            directory: directory.to_owned(),
            is_script: !text(command.get_program()).contains("kubectl-esc"),
            arguments,
            variables,
            secrets,
            files,
        }
    }

    /// Lists the child processes of the running call until the result is dropped or asked for.
    pub fn watch(&self, process: u32) -> ProcessWatch {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                add_descendants(process, &mut seen);
                std::thread::sleep(INTERVAL);
            }
            seen
        });
        ProcessWatch {
            stop,
            thread: Some(thread),
        }
    }

    /// Returns each leak: where, and in which encoding.
    pub fn leaks(&self, output: &Output, processes: &BTreeSet<Process>) -> Vec<String> {
        let mut leaks = Vec::new();
        if !self.shows_secrets() {
            if !self.has_argument(&["credential-process"]) {
                let shown = self.without_access_token(&output.stdout);
                leaks.extend(self.search("standard output", &without_tokens(&shown)));
            }
            leaks.extend(self.search("standard error", &output.stderr));
        }
        for (path, content) in files_in(&self.directory) {
            let old = self.files.get(&path);
            // A killed `run` cannot remove its files; the next one does.
            let is_left = output.code == KILLED && path.to_string_lossy().contains("/runtime/");
            if old == Some(&content) || is_left || self.may_have_secrets(&path) {
                continue;
            }
            let old = String::from_utf8_lossy(old.map_or(&[], Vec::as_slice)).into_owned();
            let place = format!("the file {}", path.display());
            let found = self.search(&place, &without_tokens(&String::from_utf8_lossy(&content)));
            // A kubeconfig keeps what it had.
            let kept = self.search(&place, &old);
            leaks.extend(found.into_iter().filter(|leak| !kept.contains(leak)));
        }
        for process in processes {
            if !self
                .arguments
                .iter()
                .any(|argument| argument.contains("${"))
            {
                let arguments = process.arguments.iter();
                let new = arguments.filter(|argument| !self.arguments.contains(argument));
                let new: Vec<_> = new.cloned().collect();
                leaks.extend(self.search("a command line", &new.join(" ")));
            }
            for (name, value) in &process.variables {
                if self.variables.get(name) != Some(value) && !self.defines(name) {
                    leaks.extend(self.search(&format!("the variable {name} of a child"), value));
                }
            }
        }
        leaks
    }

    /// Fails the test if there is a leak.
    #[track_caller]
    pub fn assert_no_leaks(&self, output: &Output, processes: &BTreeSet<Process>) {
        let leaks = self.leaks(output, processes);
        assert!(
            leaks.is_empty(),
            "secrets were leaked: {leaks:#?}\n{output:#?}"
        );
        if let Some(path) = log_path() {
            let command = self.arguments.first().map_or("", String::as_str);
            let line = format!(
                "{} secrets, {} processes: {command}\n",
                self.secrets.len(),
                processes.len()
            );
            let file = fs::OpenOptions::new().append(true).create(true).open(path);
            let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
            written.expect("the file that KUBECTL_ESC_SCAN_SECRETS names");
        }
    }

    fn search(&self, place: &str, text: &str) -> Vec<String> {
        let unwrapped: String = text.replace("\\n", "").split_whitespace().collect();
        let mut leaks = Vec::new();
        for secret in &self.secrets {
            let start: String = secret.chars().take(3).collect();
            for (encoding, form) in forms(secret) {
                if text.contains(&form) {
                    leaks.push(format!("{place}: {encoding} of {start}…"));
                } else if encoding != "text" && unwrapped.contains(&form) {
                    leaks.push(format!("{place}: wrapped {encoding} of {start}…"));
                }
            }
        }
        leaks
    }

    /// Removes the token that `get-token` prints, if it is an access token of Google Cloud or Azure.
    fn without_access_token(&self, stdout: &str) -> String {
        let credential = serde_json::from_str::<serde_json::Value>(stdout).unwrap_or_default();
        let token = match credential["status"]["token"].as_str() {
            Some(token) => token,
            None if self.has_argument(&["--token-only"]) => stdout.trim(),
            None => "",
        };
        let is_access_token = token.starts_with("ya29.") || token.starts_with("eyJ");
        if self.has_argument(&["get-token"]) && is_access_token {
            stdout.replacen(token, "", 1)
        } else {
            stdout.to_owned()
        }
    }

    fn has_argument(&self, names: &[&str]) -> bool {
        let mut arguments = self.arguments.iter();
        arguments.any(|argument| names.contains(&argument.as_str()))
    }

    /// Whether the call is documented to show secrets.
    fn shows_secrets(&self) -> bool {
        let opens = self.has_argument(&["open"]) && !self.has_argument(&["--redact"]);
        let is_raw = self.has_argument(&["-i", "--interactive", "--no-redact"]);
        opens || self.has_argument(&["credential-process"]) || self.has_argument(&["run"]) && is_raw
    }

    /// Whether the call is documented to write secrets there: a renewed login, what the command of `run`
    /// does with its variables, and what the shell of a test does in the test's own directory.
    fn may_have_secrets(&self, path: &Path) -> bool {
        let is_below = |folder: &str| path.starts_with(self.directory.join(folder));
        let is_ours = is_below("home/.kube") || is_below("runtime") || is_below("temporary");
        let is_foreign = self.has_argument(&["run"]) || self.is_script && !is_below("home");
        path.ends_with("credentials.json") || is_foreign && !is_ours
    }

    /// Whether a definition has this name, or may have it in Pulumi Cloud, so that `run` sets the variable.
    fn defines(&self, name: &str) -> bool {
        let is_file = |argument: &String| Path::new(argument).extension() == Some("yaml".as_ref());
        if self.has_argument(&["run"]) && !self.arguments.iter().any(is_file) {
            return true;
        }
        let mut contents = self.files.values();
        contents.any(|content| String::from_utf8_lossy(content).contains(name))
    }
}

/// A child process of a call, at some moment.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Process {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Process {
    /// Reads a running process; `None` once it has exited, and on systems without `/proc`.
    pub fn read(process: u32) -> Option<Self> {
        let words = |file: &str| -> Option<Vec<String>> {
            let content = fs::read(format!("/proc/{process}/{file}")).ok()?;
            let words = content.split(|byte| *byte == 0);
            Some(
                words
                    .map(|word| String::from_utf8_lossy(word).into_owned())
                    .collect(),
            )
        };
        let variables = words("environ")?;
        let variables = variables.iter().filter_map(|word| word.split_once('='));
        Some(Self {
            arguments: words("cmdline")?,
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

/// The child processes of a running call.
pub struct ProcessWatch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<BTreeSet<Process>>>,
}

impl ProcessWatch {
    /// The child processes that were seen.
    pub fn finish(mut self) -> BTreeSet<Process> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for ProcessWatch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn add_descendants(process: u32, seen: &mut BTreeSet<Process>) {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        if let Ok(child) = child.parse() {
            seen.extend(Process::read(child));
            add_descendants(child, seen);
        }
    }
}

/// The test's own directory, which contains this path.
fn test_directory(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| {
        let name = ancestor.file_name().unwrap_or_default();
        name.to_string_lossy().starts_with(DIRECTORY_PREFIX)
    })
}

/// Every file below a folder; links are not followed.
fn files_in(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && size(&entry) <= LARGEST_FILE => {
                    let content = fs::read(entry.path()).unwrap_or_default();
                    files.insert(entry.path(), content);
                }
                _ => {}
            }
        }
    }
    files
}

fn size(entry: &fs::DirEntry) -> u64 {
    entry.metadata().map_or(0, |metadata| metadata.len())
}

/// The values of [`SECRET_KEYS`] in YAML or JSON, each up to the end of its line or flow mapping.
fn secrets_in(text: &str) -> Vec<String> {
    let values = SECRET_KEYS.iter().flat_map(|key| text.split(key).skip(1));
    let values = values.filter_map(|rest| {
        let rest = rest
            .trim_start_matches(['"', '\''])
            .strip_prefix(':')?
            .trim_start();
        let end = match rest.chars().next()? {
            '"' => {
                let mut texts = serde_json::Deserializer::from_str(rest).into_iter();
                return texts.next()?.ok();
            }
            '\'' => return rest[1..].split('\'').next().map(str::to_owned),
            '$' | '{' | '|' | '>' => return None,
            _ => rest.find(['\n', '}', ',']),
        };
        Some(rest[..end.unwrap_or(rest.len())].trim().to_owned())
    });
    values.take(MOST).collect()
}

/// Removes tokens for a cluster, which contain the session token.
fn without_tokens(text: &str) -> String {
    let mut parts = text.split("k8s-aws-v1.");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        rest.push_str(part.trim_start_matches(is_token));
    }
    rest
}

/// The forms in which a secret can be in a text, with the name of the encoding.
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let each =
        |format: fn(&u8) -> String| -> String { secret.as_bytes().iter().map(format).collect() };
    let quoted = serde_json::to_string(secret).expect("JSON");
    let percent = percent::encode(secret);
    let mut forms = vec![
        ("text", secret.to_owned()),
        ("JSON", quoted[1..quoted.len() - 1].to_owned()),
        ("JSON escapes", each(|byte| format!("\\u{byte:04x}"))),
        ("JSON escapes", each(|byte| format!("\\u{byte:04X}"))),
        ("Go escapes", each(|byte| format!("\\x{byte:02x}"))),
        ("percent encoding", lower_escapes(&percent)),
        ("percent encoding", percent),
        ("percent encoding", each(|byte| format!("%{byte:02x}"))),
        ("percent encoding", each(|byte| format!("%{byte:02X}"))),
        ("hex", each(|byte| format!("{byte:02x}"))),
        ("hex", each(|byte| format!("{byte:02X}"))),
        (
            "bytes",
            each(|byte| format!("{byte},"))
                .trim_end_matches(',')
                .to_owned(),
        ),
    ];
    // The three base64 alignments within a longer text, without the ends that depend on the text around it.
    for lead in ["", "x", "xx"] {
        let text = format!("{lead}{secret}");
        for encode in [base64::encode_standard, base64::encode_url] {
            let encoded = encode(text.as_bytes());
            forms.push(("base64", encoded[4..encoded.len() - 3].to_owned()));
        }
    }
    forms
}

/// Writes the digits of percent encoding in lower case.
fn lower_escapes(text: &str) -> String {
    let mut digits = 0;
    let lower = text.chars().map(|c| {
        digits = if c == '%' { 2 } else { digits };
        let is_digit = c != '%' && digits > 0;
        digits -= usize::from(is_digit);
        if is_digit { c.to_ascii_lowercase() } else { c }
    });
    lower.collect()
}
