//! What is kept of a successful call.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::files_read::FileRead;
use crate::secret::Secret;

/// The version of the format. Entries of another one are not found: it is part of the key.
pub const FORMAT: &str = "1";

/// The share of their lifetime, in percent, after which credentials are to be renewed while they
/// are still good: an outage that is shorter than the rest is not noticed.
const ADVISORY: u32 = 75;

/// Credentials that end sooner are not used. A token that they sign would end a minute before them.
const MANDATORY: Duration = Duration::from_mins(2);

/// A clock that was set by more than this, in seconds, was set by somebody.
const STEP: u64 = 30;

/// What one call kept for the next.
#[derive(Debug)]
pub enum Kept {
    /// Credentials.
    Credentials(Entry),
    /// That there is nothing to keep, as long as these files are as they were: the credentials
    /// stand in one of them.
    Nothing(Vec<FileRead>),
}

impl Kept {
    /// The files that it was made of.
    pub(super) fn files(&self) -> &[FileRead] {
        match self {
            Self::Credentials(entry) => &entry.files,
            Self::Nothing(files) => files,
        }
    }
}

/// Credentials, and what else signing a token takes. Times are those of the servers' clock.
#[derive(Debug)]
pub struct Entry {
    /// The cluster's name for people: the environment may hide it.
    pub shown_cluster: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// The cluster's region.
    pub region: String,
    /// The access key's public name.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret<String>,
    /// The session token of a temporary key.
    pub session_token: Option<Secret<String>>,
    /// When the credentials end, where they do.
    pub expires_at: Option<Timestamp>,
    /// When they were fetched.
    pub obtained_at: Timestamp,
    /// Until when they may be used: their end, or the time after which to look again.
    pub good_until: Timestamp,
    /// The servers' clock less this machine's, in seconds.
    pub clock_offset: i64,
    /// When the machine started, by its own clock.
    pub machine_start: Option<Timestamp>,
    /// The files that they came from.
    pub files: Vec<FileRead>,
}

/// Whether credentials may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// As they are.
    Fresh,
    /// Yes, but it is time to renew them.
    Due,
    /// No.
    Over,
}

impl Entry {
    /// Whether the credentials may be used at `now`, an instant of the local clock.
    /// `machine_start` is what the clock says now of the machine's start.
    #[must_use]
    pub fn freshness(&self, now: Timestamp, machine_start: Option<Timestamp>) -> Freshness {
        let now = now.shifted(self.clock_offset);
        if now.plus(MANDATORY) >= self.good_until {
            return Freshness::Over;
        }
        let advisory = self.good_until.since(self.obtained_at) * ADVISORY / 100;
        // Where somebody set the clock, the offset that was found is of no use any more.
        let was_set = match (self.machine_start, machine_start) {
            (Some(then), Some(now)) => then.unix().abs_diff(now.unix()) > STEP,
            _ => now < self.obtained_at.minus(Duration::from_secs(STEP)),
        };
        if was_set || now >= self.obtained_at.plus(advisory) {
            Freshness::Due
        } else {
            Freshness::Fresh
        }
    }
}

/// What an entry tells about itself without being opened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    format: Cow<'static, str>,
    /// The environment, as it was written.
    pub environment: String,
    /// The cluster's name.
    pub cluster: String,
    /// When the credentials were fetched, in seconds since 1970.
    pub obtained_at: i64,
    /// Until when they may be used, in seconds since 1970.
    pub good_until: i64,
}

/// What stands in the clear before the content.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    listed: Option<Listed>,
    #[serde(flatten)]
    files: Files<'a>,
}

/// The paths of the files whose content belongs to the seal.
#[derive(Deserialize, Serialize)]
struct Files<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
struct Content<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    credentials: Option<Credentials<'a>>,
}

#[derive(Deserialize, Serialize)]
struct Credentials<'a> {
    #[serde(borrow)]
    shown_cluster: Cow<'a, str>,
    #[serde(borrow)]
    cluster_name: Cow<'a, str>,
    #[serde(borrow)]
    region: Cow<'a, str>,
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: Cow<'a, str>,
    #[serde(borrow)]
    session_token: Option<Cow<'a, str>>,
    expires_at: Option<i64>,
    obtained_at: i64,
    good_until: i64,
    clock_offset: i64,
    machine_start: Option<i64>,
}

/// The header and the content of an entry's file. A file whose path is no UTF-8 cannot be kept.
pub(super) fn encode(environment: &str, kept: &Kept) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let files = kept.files().iter();
    let files = files.map(|file| file.path.to_str().map(Cow::from));
    let files = files.collect::<Option<Vec<_>>>();
    let files = files.ok_or_else(|| unwritable("a path is not valid UTF-8"))?;
    let credentials = match kept {
        Kept::Nothing(_) => None,
        Kept::Credentials(entry) => Some(Credentials {
            shown_cluster: entry.shown_cluster.as_str().into(),
            cluster_name: entry.cluster_name.as_str().into(),
            region: entry.region.as_str().into(),
            access_key_id: entry.access_key_id.as_str().into(),
            secret_access_key: entry.secret_access_key.expose().as_str().into(),
            session_token: entry
                .session_token
                .as_ref()
                .map(|token| token.expose().as_str().into()),
            expires_at: entry.expires_at.map(Timestamp::unix),
            obtained_at: entry.obtained_at.unix(),
            good_until: entry.good_until.unix(),
            clock_offset: entry.clock_offset,
            machine_start: entry.machine_start.map(Timestamp::unix),
        }),
    };
    let listed = match kept {
        Kept::Nothing(_) => None,
        Kept::Credentials(entry) => Some(Listed {
            format: FORMAT.into(),
            environment: environment.to_owned(),
            cluster: entry.shown_cluster.clone(),
            obtained_at: entry.obtained_at.unix(),
            good_until: entry.good_until.unix(),
        }),
    };
    let files = Files { files };
    let header = serde_json::to_vec(&Header { listed, files }).map_err(unwritable)?;
    let content = Content { credentials };
    // Room for all of it: a buffer that grows would leave copies of the secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(super::folder::LARGEST));
    serde_json::to_writer(&mut *text, &content).map_err(unwritable)?;
    if header.len() + text.len() > super::folder::LARGEST / 2 {
        return Err(unwritable("it is too large"));
    }
    Ok((header, text))
}

/// The paths in the header of an entry's file; `None` for another format.
pub(super) fn paths(header: &[u8]) -> Option<Vec<PathBuf>> {
    let Files { files } = serde_json::from_slice(header).ok()?;
    Some(files.iter().map(|path| PathBuf::from(&**path)).collect())
}

/// Reads the content of an entry's file that was sealed with these files; `None` for another format.
pub(super) fn decode(text: &[u8], files: Vec<FileRead>) -> Option<Kept> {
    let content: Content<'_> = serde_json::from_slice(text).ok()?;
    let Some(credentials) = content.credentials else {
        return Some(Kept::Nothing(files));
    };
    Some(Kept::Credentials(Entry {
        shown_cluster: credentials.shown_cluster.into_owned(),
        cluster_name: credentials.cluster_name.into_owned(),
        region: credentials.region.into_owned(),
        access_key_id: credentials.access_key_id.into_owned(),
        secret_access_key: Secret::new(credentials.secret_access_key.into_owned()),
        session_token: credentials
            .session_token
            .map(|token| Secret::new(token.into_owned())),
        expires_at: credentials.expires_at.map(Timestamp::from_unix),
        obtained_at: Timestamp::from_unix(credentials.obtained_at),
        good_until: Timestamp::from_unix(credentials.good_until),
        clock_offset: credentials.clock_offset,
        machine_start: credentials.machine_start.map(Timestamp::from_unix),
        files,
    }))
}

/// Reads the header of an entry's file; `None` where there is nothing to list.
pub(super) fn list(header: &[u8]) -> Option<Listed> {
    serde_json::from_slice(header).ok()
}

fn unwritable(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(
        Kind::Configuration,
        "an entry of the cache cannot be written",
    )
    .caused_by(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;

    fn entry() -> Entry {
        Entry {
            shown_cluster: "prod".to_owned(),
            cluster_name: "prod".to_owned(),
            region: "eu-west-1".to_owned(),
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("hunter2"),
            session_token: Some(Secret::from("a\"b\\c")),
            expires_at: Some(Timestamp::from_unix(4_600)),
            obtained_at: Timestamp::from_unix(1_000),
            good_until: Timestamp::from_unix(4_600),
            clock_offset: 0,
            machine_start: Some(Timestamp::from_unix(500)),
            files: vec![FileRead {
                path: PathBuf::from("/etc/env.yaml"),
                content: Some(Sha256::of(b"x")),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let (header, content) = encode("acme/platform/prod", &Kept::Credentials(entry())).unwrap();
        let wanted = entry();
        let Some(Kept::Credentials(read)) = decode(&content, wanted.files.clone()) else {
            panic!("no credentials");
        };
        assert_eq!(paths(&header), Some(vec![PathBuf::from("/etc/env.yaml")]));
        assert_eq!(format!("{read:?}"), format!("{wanted:?}"));
        assert_eq!(read.session_token, wanted.session_token);
        assert_eq!(read.secret_access_key, wanted.secret_access_key);
        let listed = list(&header).unwrap();
        assert_eq!(
            (listed.cluster.as_str(), listed.good_until),
            ("prod", 4_600)
        );
        assert!(!String::from_utf8(header).unwrap().contains("ASIA"));
        let (header, content) = encode("acme/platform/prod", &Kept::Nothing(Vec::new())).unwrap();
        let decoded = decode(&content, Vec::new());
        assert!(matches!(decoded, Some(Kept::Nothing(files)) if files.is_empty()));
        assert_eq!(paths(&header), Some(Vec::new()));
        assert_eq!(list(&header), None);
    }

    #[test]
    fn credentials_are_renewed_in_time() {
        use Freshness::{Due, Fresh, Over};
        let start = Some(500);
        for (offset, now, machine_start, want) in [
            (0, 1_000, start, Fresh),
            (0, 3_699, start, Fresh),
            (0, 3_700, start, Due),
            (0, 4_479, start, Due),
            (0, 4_480, start, Over),
            (0, 9_999, start, Over),
            // The local clock is an hour behind, or ahead.
            (3_600, 1_000 - 3_600, start, Fresh),
            (3_600, 4_480 - 3_600, start, Over),
            (-3_600, 1_000 + 3_600, start, Fresh),
            // The clock was set, or the machine started anew.
            (0, 1_100, Some(600), Due),
            (0, 1_100, Some(510), Fresh),
            (0, 1_100, None, Fresh),
            (0, 960, None, Due),
        ] {
            let entry = Entry {
                clock_offset: offset,
                ..entry()
            };
            let machine_start = machine_start.map(Timestamp::from_unix);
            let got = entry.freshness(Timestamp::from_unix(now), machine_start);
            assert_eq!(got, want, "{offset} {now} {machine_start:?}");
        }
    }
}
