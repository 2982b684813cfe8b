//! Tests with credentials files as the CLI writes them, and with invalid ones.

use super::*;
use crate::clock::{Clock, Deadline};
use crate::host::Host;
use crate::pulumi_cloud::credentials_writer::CredentialsWriter;

const URL: &str = "https://api.pulumi.com";

fn host(folder: &Path) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(0));
    Host::with([("PULUMI_HOME", folder)], clock)
}

fn in_20_seconds() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("credentials.json"), text).unwrap();
    folder
}

fn readable(folder: &Path) -> CliCredentials {
    match PulumiHome::new(&host(folder), in_20_seconds())
        .credentials()
        .unwrap()
    {
        CredentialsFile::Readable(credentials) => credentials,
        other => panic!("{other:?}"),
    }
}

#[test]
fn accounts_are_found_by_backend_url() {
    let text = r#"{"current":"https://api.pulumi.com",
        "accessTokens":{"https://api.pulumi.com":"pul-old","https://other.example.com":"pul-other"},
        "accounts":{"https://api.pulumi.com/":{"accessToken":"pul-a","refreshToken":"ref-a",
            "username":"alice","tokenInformation":{"expiresAt":"2026-08-01T00:00:00Z"}}}}"#;
    let folder = folder_with(text);
    let credentials = readable(folder.path());
    assert_eq!(credentials.current(), Some(URL));
    let account = credentials.account(URL).unwrap();
    assert_eq!(account.access_token, Some(Secret::from("pul-a")));
    assert_eq!(account.refresh_token, Some(Secret::from("ref-a")));
    assert_eq!(account.username.as_deref(), Some("alice"));
    assert_eq!(
        account.expires_at.unwrap().to_string(),
        "2026-08-01T00:00:00Z"
    );
    let other = credentials.account("https://other.example.com").unwrap();
    assert_eq!(other.access_token, Some(Secret::from("pul-other")));
    assert!(other.expires_at.is_none() && other.username.is_none());
    assert!(credentials.account("https://third.example.com").is_none());
    let shown = format!("{credentials:?} {account:?}");
    assert!(
        !shown.contains("pul-") && !shown.contains("ref-"),
        "{shown}"
    );
}

#[test]
fn expiry_is_read_from_all_formats() {
    for (written_as, want) in [
        (r#""2023-04-28T00:00:00Z""#, Some(1_682_640_000)),
        ("1682640000", Some(1_682_640_000)),
        (r#""0001-01-01T00:00:00Z""#, None),
        ("0", None),
        ("null", None),
        (r#""soon""#, None),
    ] {
        let folder = folder_with(&format!(
            r#"{{"accounts":{{"{URL}":{{"accessToken":"a","tokenInformation":{{"expiresAt":{written_as}}}}}}}}}"#
        ));
        let account = readable(folder.path()).account(URL).unwrap();
        assert_eq!(
            account.expires_at.map(Timestamp::unix),
            want,
            "{written_as}"
        );
    }
}

#[test]
fn access_token_is_used_until_half_a_minute_before_it_expires() {
    for (expires_at, is_valid) in [
        (None, true),
        (Some(1_031), true),
        (Some(1_030), false),
        (Some(900), false),
    ] {
        let account = CliAccount {
            access_token: Some(Secret::from("pul-a")),
            refresh_token: None,
            expires_at: expires_at.map(Timestamp::from_unix),
            username: None,
        };
        let got = account.valid_access_token(Timestamp::from_unix(1_000));
        let want = Secret::from("pul-a");
        assert_eq!(got, is_valid.then_some(&want), "{expires_at:?}");
    }
}

#[test]
fn absent_encrypted_and_invalid_files_are_distinguished() {
    let folder = tempfile::tempdir().unwrap();
    let host_without = host(folder.path());
    let home = PulumiHome::new(&host_without, in_20_seconds());
    assert!(matches!(
        home.credentials().unwrap(),
        CredentialsFile::Absent
    ));
    let envelope = folder_with(
        r#"{"$pulumiSecureStore":1,"backend":"x","algo":"aes-256-gcm","nonce":"","data":""}"#,
    );
    let host_encrypted = host(envelope.path());
    let home = PulumiHome::new(&host_encrypted, in_20_seconds());
    assert!(matches!(
        home.credentials().unwrap(),
        CredentialsFile::Encrypted(_)
    ));
    assert!(home.lock_credentials().is_err());
    for text in ["", "hunter2", "{\"accounts\":{\"hunter2"] {
        let folder = folder_with(text);
        let host = host(folder.path());
        let error = PulumiHome::new(&host, in_20_seconds())
            .credentials()
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration, "{text}");
        assert!(error.to_string().starts_with("cannot read `"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for text in [
        "[]",
        "{}",
        r#"{"accounts":[],"accessTokens":7,"current":{}}"#,
    ] {
        let credentials = readable(folder_with(text).path());
        assert!(
            credentials.account(URL).is_none() && credentials.current().is_none(),
            "{text}"
        );
    }
}

#[test]
fn refreshed_tokens_are_stored_and_other_fields_are_kept() {
    let text = r#"{
    "current": "https://api.pulumi.com",
    "accessTokens": {"https://api.pulumi.com": "pul-old", "https://other.example.com": "pul-other"},
    "accounts": {
        "https://api.pulumi.com": {
            "accessToken": "pul-old", "refreshToken": "ref-old", "username": "alice",
            "unknown": {"number": 12345678901234567890.50},
            "tokenInformation": {"name": "laptop", "expiresAt": "2020-01-01T00:00:00Z"}
        }
    },
    "later": ["x"]
}"#;
    for (refresh_token, want) in [(Some("ref-new"), "ref-new"), (None, "ref-old")] {
        let folder = folder_with(text);
        let path = folder.path().join("credentials.json");
        let host = host(folder.path());
        let home = PulumiHome::new(&host, in_20_seconds());
        let refreshed = IssuedTokens {
            access_token: Secret::from("pul-new"),
            refresh_token: refresh_token.map(Secret::from),
            expires_at: Timestamp::from_unix(1_682_640_000),
        };
        let writer = CredentialsWriter::prepare(&home).unwrap();
        let spent = Secret::from("ref-old");
        writer.store(&home, URL, &spent, &refreshed).unwrap();
        let stored = std::fs::read_to_string(&path).unwrap();
        let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
        let want = text
            .replace("pul-old", "pul-new")
            .replace("ref-old", want)
            .replace("2020-01-01T00:00:00Z", "2023-04-28T00:00:00Z");
        let want: serde_json::Value = serde_json::from_str(&want).unwrap();
        assert_eq!(stored, want);
        let raw = std::fs::read_to_string(&path).unwrap();
        assert!(raw.contains("12345678901234567890.50"), "{raw}");
    }
}

#[test]
fn login_is_not_stored_in_a_file_that_was_removed() {
    let text = format!(r#"{{"accounts":{{"{URL}":{{"refreshToken":"ref-old"}}}}}}"#);
    let folder = folder_with(&text);
    let host = host(folder.path());
    let home = PulumiHome::new(&host, in_20_seconds());
    let writer = CredentialsWriter::prepare(&home).unwrap();
    std::fs::remove_file(folder.path().join("credentials.json")).unwrap();
    let refreshed = IssuedTokens {
        access_token: Secret::from("pul-new"),
        refresh_token: None,
        expires_at: Timestamp::from_unix(1_682_640_000),
    };
    let spent = Secret::from("ref-old");
    writer.store(&home, URL, &spent, &refreshed).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// On Windows, a locked file cannot be read.
#[cfg(unix)]
#[test]
fn lock_is_awaited_to_write_and_to_read_what_is_written_in_part() {
    for text in ["{}", "", "{\"accounts\":"] {
        let folder = folder_with(text);
        let host = host(folder.path());
        let held = File::open(folder.path().join("credentials.json")).unwrap();
        held.lock().unwrap();
        let impatient = PulumiHome::new(&host, Deadline::after(Duration::from_millis(30)));
        let read = impatient.credentials();
        if text == "{}" {
            assert!(read.is_ok());
        } else {
            let error = read.unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable);
            assert!(error.to_string().contains("locked"), "{error}");
        }
        let error = impatient.lock_credentials().err().unwrap();
        assert_eq!(error.kind(), Kind::Unavailable);
        let home = PulumiHome::new(&host, in_20_seconds());
        std::thread::scope(|scope| {
            let read = scope.spawn(|| home.credentials());
            std::fs::write(folder.path().join("credentials.json"), "{}").unwrap();
            drop(held);
            assert!(read.join().unwrap().is_ok());
        });
    }
}

#[test]
fn only_file_systems_without_locks_are_used_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let home = PulumiHome::new(&host, in_20_seconds());
    let wait = |first: fn() -> TryLockError| {
        let attempts = std::cell::Cell::new(0);
        let lock = || match attempts.replace(attempts.get() + 1) {
            0 => Err(first()),
            _ => Ok(()),
        };
        let waited = home.wait_for_lock(folder.path(), lock);
        (waited.is_ok(), attempts.get())
    };
    assert_eq!(wait(|| TryLockError::WouldBlock), (true, 2));
    assert_eq!(
        wait(|| TryLockError::Error(io::ErrorKind::Unsupported.into())),
        (true, 1)
    );
    assert_eq!(
        wait(|| TryLockError::Error(io::ErrorKind::PermissionDenied.into())),
        (false, 1)
    );
}

#[cfg(target_os = "linux")]
#[test]
fn file_that_replaced_the_locked_one_is_locked_instead() {
    let folder = folder_with(r#"{"current":"old"}"#);
    let path = folder
        .path()
        .canonicalize()
        .unwrap()
        .join("credentials.json");
    let held = File::open(&path).unwrap();
    held.lock().unwrap();
    let is_open = |fd: io::Result<std::fs::DirEntry>| {
        std::fs::read_link(fd.unwrap().path()).is_ok_and(|target| target == path)
    };
    let opened = || std::fs::read_dir("/proc/self/fd").unwrap().map(is_open);
    let host = host(folder.path());
    std::thread::scope(|scope| {
        let home = PulumiHome::new(&host, in_20_seconds());
        let locked = scope.spawn(move || home.lock_credentials());
        while opened().filter(|it| *it).count() < 2 && !locked.is_finished() {
            std::thread::yield_now();
        }
        let new = folder.path().join("new");
        std::fs::write(&new, r#"{"current":"new"}"#).unwrap();
        std::fs::rename(&new, &path).unwrap();
        drop(held);
        let locked = locked.join().unwrap().unwrap();
        assert_eq!(locked.credentials.current(), Some("new"));
    });
}
