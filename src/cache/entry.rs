//! The entry that a successful call stores.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::cache::directory::{self, MAX_FILE_BYTES};
use crate::cache::seal::Purpose;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileDigest;
use crate::secret::Secret;

/// The version of the format. It is part of the cache key, so entries of other versions are not found.
pub const FORMAT: &str = "2";

/// The advisory refresh starts after this percentage of the credentials' lifetime. The rest bridges an
/// outage.
const ADVISORY_REFRESH: u32 = 75;

/// The mandatory refresh: credentials that expire sooner are not used, because a token is replaced a
/// minute before them.
const MANDATORY_REFRESH: Duration = Duration::from_mins(2);

/// In seconds. If the boot time moves by more than this, the clock was set.
const CLOCK_STEP: u64 = 30;

/// What a call stores for the next one.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one per call")]
pub enum CacheEntry {
    /// Credentials.
    Credentials(CachedCredentials),
    /// The credentials come from one of these local files. While the files are unchanged, there is
    /// nothing to cache.
    NothingToCache(Vec<FileDigest>),
}

impl CacheEntry {
    /// The files that the entry depends on.
    pub(super) fn files(&self) -> &[FileDigest] {
        match self {
            Self::Credentials(credentials) => &credentials.files,
            Self::NothingToCache(files) => files,
        }
    }
}

/// Credentials, and how long they may be used. Times are on AWS's clock if `clock_offset` is not 0.
#[derive(Debug, Deserialize, Serialize)]
pub struct CachedCredentials {
    /// What a call needs for a token.
    pub content: CachedContent,
    /// What a listing shows. It is in the header.
    #[serde(skip)]
    pub listed: Listed,
    /// When they were fetched.
    pub obtained_at: Timestamp,
    /// When the entry expires: with the credentials, or when they should be looked up again.
    pub good_until: Timestamp,
    /// AWS's clock minus the local clock, in seconds; 0 if AWS was not asked.
    pub clock_offset: i64,
    /// When the machine was booted, in its local clock.
    #[serde(rename = "machine_start")]
    pub boot_time: Option<Timestamp>,
    /// The files that the credentials depend on. Their paths are in the header.
    #[serde(skip)]
    pub files: Vec<FileDigest>,
}

/// What a call needs for a token.
#[derive(Debug, Deserialize, Serialize)]
pub enum CachedContent {
    /// What signs a token for an EKS cluster.
    Aws(CachedAwsCredentials),
    /// An access token, which GKE and AKS clusters accept as it is.
    AccessToken(#[serde(serialize_with = "expose")] Secret<String>),
}

/// AWS credentials, and what else is needed to sign a token.
#[derive(Debug, Deserialize, Serialize)]
pub struct CachedAwsCredentials {
    /// The cluster's name for messages: the environment may mark it as secret.
    pub shown_cluster: String,
    /// The cluster's name.
    pub cluster_name: String,
    /// The cluster's region.
    pub region: String,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    #[serde(serialize_with = "expose")]
    pub secret_access_key: Secret<String>,
    /// The session token of temporary credentials.
    #[serde(serialize_with = "expose_option")]
    pub session_token: Option<Secret<String>>,
    /// The expiry of the credentials, if they have one.
    pub expires_at: Option<Timestamp>,
}

/// What a listing shows of an entry, as far as it is not secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listed {
    /// The provider of the cluster. Entries for AWS credentials have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The cluster's name. One access token serves all clusters of GKE or AKS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The cluster's region. Entries of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The AWS account of the credentials, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// How long the content of an entry may be used. Times are on AWS's clock if `clock_offset` is not 0.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Validity {
    /// When the content was obtained.
    pub obtained_at: Timestamp,
    /// When it expires.
    pub good_until: Timestamp,
    /// AWS's clock minus the local clock, in seconds; 0 if AWS was not asked.
    pub clock_offset: i64,
    /// When the machine was booted, in its local clock.
    pub boot_time: Option<Timestamp>,
}

/// Whether the content of an entry may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It may be used.
    Fresh,
    /// It may be used, but should be refreshed.
    RefreshDue,
    /// It must not be used.
    Expired,
}

impl CachedCredentials {
    /// How long the credentials may be used.
    #[must_use]
    pub fn validity(&self) -> Validity {
        Validity {
            obtained_at: self.obtained_at,
            good_until: self.good_until,
            clock_offset: self.clock_offset,
            boot_time: self.boot_time,
        }
    }
}

impl Validity {
    /// Whether the content may be used at `now`, an instant of the local clock. `boot_time` is
    /// the machine's current boot time.
    #[must_use]
    pub fn freshness(&self, now: Timestamp, boot_time: Option<Timestamp>) -> Freshness {
        let now = now.shifted(self.clock_offset);
        if now.plus(MANDATORY_REFRESH) >= self.good_until {
            return Freshness::Expired;
        }
        let lifetime = self.good_until.since(self.obtained_at);
        let refresh_at = self.obtained_at.plus(lifetime / 100 * ADVISORY_REFRESH);
        // If the clock was set, `clock_offset` is outdated.
        let clock_was_set = match (self.boot_time, boot_time) {
            (Some(then), Some(now)) => then.unix().abs_diff(now.unix()) > CLOCK_STEP,
            _ => now < self.obtained_at.minus(Duration::from_secs(CLOCK_STEP)),
        };
        if clock_was_set || now >= refresh_at {
            Freshness::RefreshDue
        } else {
            Freshness::Fresh
        }
    }
}

/// What an entry contains.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EntryKind {
    /// The credentials of one call.
    #[default]
    Credentials,
    /// An opened environment.
    Environment,
}

impl EntryKind {
    /// The extension of the entry's file.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Credentials => directory::ENTRY,
            Self::Environment => directory::OPENED,
        }
    }

    pub(super) fn purpose(self) -> Purpose {
        match self {
            Self::Credentials => Purpose::Entry,
            Self::Environment => Purpose::OpenedEnvironment,
        }
    }
}

/// What is known about an entry without decrypting it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EntrySummary {
    format: Cow<'static, str>,
    /// What the entry contains. The name of the file says so, not the header.
    #[serde(skip)]
    pub kind: EntryKind,
    /// The environment, as the user wrote it.
    pub environment: String,
    /// What else is known about the entry.
    #[serde(flatten)]
    pub listed: Listed,
    /// When the content was obtained, in seconds since 1970.
    pub obtained_at: i64,
    /// When the entry expires, in seconds since 1970.
    pub good_until: i64,
}

impl EntrySummary {
    /// The summary of an entry. Its kind is that of credentials until the name of the file is known.
    pub(super) fn new(environment: &str, listed: Listed, validity: Validity) -> Self {
        Self {
            format: FORMAT.into(),
            kind: EntryKind::Credentials,
            environment: environment.to_owned(),
            listed,
            obtained_at: validity.obtained_at.unix(),
            good_until: validity.good_until.unix(),
        }
    }
}

/// The unencrypted header of a file.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    summary: Option<EntrySummary>,
    #[serde(flatten)]
    files: Files<'a>,
}

/// The paths of the files whose content is part of the encryption key.
#[derive(Deserialize, Serialize)]
struct Files<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<Cow<'a, str>>,
}

/// The encrypted content of a file.
#[derive(Deserialize, Serialize)]
struct Content<C> {
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<C>,
}

fn expose<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.expose().serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the signature that serde requires")]
fn expose_option<S: Serializer>(
    secret: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

/// Encodes an entry as header and content. Fails if the path of a file is not UTF-8.
pub(super) fn encode(
    environment: &str,
    entry: &CacheEntry,
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let (summary, credentials) = match entry {
        CacheEntry::NothingToCache(_) => (None, None),
        CacheEntry::Credentials(entry) => {
            let summary = EntrySummary::new(environment, entry.listed.clone(), entry.validity());
            (Some(summary), Some(entry))
        }
    };
    let header = encode_header(summary, entry.files())?;
    let content = Content { credentials };
    // Large enough from the start: a buffer that grows leaves copies of the secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES));
    serde_json::to_writer(&mut *text, &content).map_err(not_stored)?;
    if header.len() + text.len() > MAX_FILE_BYTES / 2 {
        return Err(not_stored("it is too large"));
    }
    Ok((header, text))
}

/// Encodes a header. Fails if the path of a file is not UTF-8.
pub(super) fn encode_header(
    summary: Option<EntrySummary>,
    files: &[FileDigest],
) -> Result<Vec<u8>> {
    let paths = files.iter().map(|file| file.path.to_str().map(Cow::from));
    let files = paths.collect::<Option<_>>();
    let files = files.ok_or_else(|| not_stored("a path is not valid UTF-8"))?;
    let files = Files { files };
    serde_json::to_vec(&Header { summary, files }).map_err(not_stored)
}

/// Reads the paths of the files from a header; `None` if it has another format.
pub(super) fn paths(header: &[u8]) -> Option<Vec<PathBuf>> {
    let Files { files } = serde_json::from_slice(header).ok()?;
    Some(files.iter().map(|path| PathBuf::from(&**path)).collect())
}

/// Decodes the content of an entry that depends on `files`; `None` if it has another format.
pub(super) fn decode(text: &[u8], files: Vec<FileDigest>) -> Option<CacheEntry> {
    let content: Content<CachedCredentials> = serde_json::from_slice(text).ok()?;
    Some(match content.credentials {
        None => CacheEntry::NothingToCache(files),
        Some(entry) => CacheEntry::Credentials(CachedCredentials { files, ..entry }),
    })
}

pub(super) fn not_stored(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Configuration, "cannot store the cache entry").caused_by(reason)
}

#[cfg(test)]
mod tests;
