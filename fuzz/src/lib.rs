//! What several fuzz targets share.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use kubectl_esc::Context;
use kubectl_esc::clock::{Clock, Timestamp};
use kubectl_esc::error::Error;
use kubectl_esc::fuzzing::{Answer, http_client};
use kubectl_esc::host::Host;
use kubectl_esc::log::{Level, Log, Message};

/// The local time of every call: 2026-01-01T00:00:00Z.
pub const NOW: i64 = 1_767_225_600;

/// The longest message, hint or cause, in bytes. Servers' own messages are cut off far below.
const LONGEST_MESSAGE: usize = 8_192;

/// Makes a call with these variables to servers that send these answers. Returns its result, and its
/// log at `-vv`.
pub fn call<T>(
    variables: &[(&str, &str)],
    answers: Vec<Answer>,
    work: impl FnOnce(Context<'_>) -> T,
) -> (T, String) {
    let clock = Clock::fixed(Timestamp::from_unix(NOW));
    let host = Host::with(variables.iter().copied(), clock);
    let http = http_client(&host, answers);
    let lines = Mutex::new(String::new());
    let sink = |message: Message<'_>| {
        let (Message::Block(text) | Message::Line(text)) = message;
        *lines.lock().unwrap() += &format!("{text}\n");
    };
    let log = Log::new(Some(Level::Debug), &sink);
    let result = work(Context::new(&host, &http, &log, Duration::from_secs(60)));
    (result, lines.into_inner().unwrap())
}

/// Reads answers from text: each is a line with the status, headers, an empty line and the body. A line
/// `%%` separates two answers.
pub fn answers(text: &str) -> Vec<Answer> {
    let answers = text.split("\n%%\n").take(8);
    answers.map(answer).collect()
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.unwrap_or(200),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// Everything that a user can see of an error. Checks that it is fit to be shown.
pub fn shown(error: &Error) -> String {
    let mut lines = vec![error.to_string()];
    lines.extend(error.hint().map(str::to_owned));
    lines.extend(error.causes());
    for line in &lines {
        assert!(
            !line.contains(char::is_control),
            "a message with control characters: {line:?}"
        );
        assert!(
            line.len() <= LONGEST_MESSAGE,
            "a message of {} bytes: {}…",
            line.len(),
            line.chars().take(200).collect::<String>()
        );
    }
    lines.extend(error.details().map(str::to_owned));
    lines.push(format!("{error:?}"));
    lines.join("\n")
}

/// Fails if `shown` contains one of these secrets.
#[track_caller]
pub fn assert_hidden(shown: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
    }
}

/// A directory of this process. `TMPDIR` says where.
pub fn scratch() -> &'static PathBuf {
    static SCRATCH: LazyLock<PathBuf> = LazyLock::new(|| {
        let name = format!("kubectl-esc-fuzz-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    });
    &SCRATCH
}
