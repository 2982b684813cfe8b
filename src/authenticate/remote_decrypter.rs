//! Decrypts the ciphertexts of a local definition with the stored environment that it is a copy of.

use std::sync::{Mutex, PoisonError};

use crate::authenticate::open;
use crate::config::request::OpenRequest;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::Log;
use crate::pulumi_cloud::{self, Cloud, Name};
use crate::secret::Text;
use esc::{Decrypter, HostResult};

/// A stored environment, asked for each ciphertext. Pulumi Cloud is not called, nor is a login
/// looked for, before the first one.
pub(super) struct StoredSecrets<'a> {
    request: &'a OpenRequest,
    host: &'a Host,
    http: &'a HttpClient,
    log: &'a Log<'a>,
    name: Name,
    progress: Mutex<Progress<'a>>,
}

/// The task in messages, in ESC's words.
const TASK: &str = "decrypting";

/// How far it came.
#[derive(Default)]
struct Progress<'a> {
    /// The login, and the name with its organisation.
    reached: Option<(Cloud<'a>, Name)>,
    /// Whether a ciphertext could not be decrypted. What failed once is not asked again: a
    /// definition may hold hundreds.
    has_failed: bool,
}

impl<'a> StoredSecrets<'a> {
    pub(super) fn new(
        name: Name,
        request: &'a OpenRequest,
        host: &'a Host,
        http: &'a HttpClient,
        log: &'a Log<'a>,
    ) -> Self {
        Self {
            request,
            host,
            http,
            log,
            name,
            progress: Mutex::default(),
        }
    }

    fn reach(&self) -> Result<(Cloud<'a>, Name)> {
        let cloud = open::log_in(
            self.request,
            self.host,
            self.http,
            self.log,
            self.name.organization.as_deref(),
        )?;
        let name = cloud.full_name(&self.name)?;
        Ok((cloud, name))
    }

    fn ask(&self, progress: &mut Progress<'a>, ciphertext: &[u8]) -> Result<Text> {
        let (cloud, name) = match &mut progress.reached {
            Some(reached) => reached,
            none => none.insert(self.reach()?),
        };
        let envelope = pulumi_cloud::envelope(ciphertext);
        let mut plaintexts = cloud.stored(name)?.decrypt(&[&envelope])?;
        let plaintext = plaintexts.pop().ok_or_else(|| {
            // invariant: there are as many plaintexts as ciphertexts.
            Error::new(Kind::Internal, "a ciphertext has no plaintext")
        })?;
        Ok(Text::from(plaintext.expose().as_str()))
    }
}

impl Decrypter for StoredSecrets<'_> {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        // A panic while it was held cannot have left it half changed.
        let progress = self.progress.lock();
        let mut progress = progress.unwrap_or_else(PoisonError::into_inner);
        if progress.has_failed {
            let message = "not tried, because another secret could not be decrypted";
            return Err(Error::new(Kind::Definition, message).within(TASK).into());
        }
        let decrypted = self.ask(&mut progress, ciphertext);
        progress.has_failed = decrypted.is_err();
        Ok(decrypted.map_err(|error| error.within(TASK))?)
    }
}
