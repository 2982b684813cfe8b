//! Decrypts the secrets of a local definition with the stored environment that it is a copy of.

use std::sync::{Mutex, PoisonError};

use crate::authenticate::pulumi_login::log_in;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::pulumi_cloud::{Cloud, EnvironmentName, StoredEnvironment};
use crate::secret::Text;
use esc::{Decrypter, HostResult};

/// How messages call the task. These are upstream's words.
const TASK: &str = "decrypting";

/// Decrypts with a stored environment, one request per ciphertext. No login is looked up before the
/// first one.
pub(super) struct RemoteDecrypter<'a> {
    name: EnvironmentName,
    request: &'a OpenRequest,
    context: Context<'a>,
    state: Mutex<State<'a>>,
}

#[derive(Default)]
enum State<'a> {
    #[default]
    NotLoggedIn,
    /// The login, and the environment's name with its organization.
    LoggedIn(Box<(Cloud<'a>, EnvironmentName)>),
    /// A ciphertext could not be decrypted. A definition may hold hundreds, so the rest is not
    /// tried.
    Failed,
}

impl<'a> RemoteDecrypter<'a> {
    pub(super) fn new(
        name: EnvironmentName,
        request: &'a OpenRequest,
        context: Context<'a>,
    ) -> Self {
        Self {
            name,
            request,
            context,
            state: Mutex::default(),
        }
    }

    fn decrypt_with(&self, state: &mut State<'a>, ciphertext: &[u8]) -> Result<Text> {
        if let State::NotLoggedIn = state {
            let organization = self.name.organization.as_deref();
            let cloud = log_in(self.request, self.context, organization)?;
            let name = cloud.full_name(&self.name)?;
            *state = State::LoggedIn(Box::new((cloud, name)));
        }
        let State::LoggedIn(login) = state else {
            return Err(Error::new(
                Kind::Definition,
                "not tried, because another secret could not be decrypted",
            ));
        };
        let (cloud, name) = &**login;
        let envelope = esc::envelope::encode(ciphertext);
        let mut plaintexts = StoredEnvironment::new(cloud, name)?.decrypt(&[&envelope])?;
        let plaintext = plaintexts.pop().ok_or_else(|| {
            // invariant: the response was checked to hold one plaintext per ciphertext.
            Error::new(Kind::Internal, "a ciphertext has no plaintext")
        })?;
        Ok(Text::from(plaintext.expose().as_str()))
    }
}

impl Decrypter for RemoteDecrypter<'_> {
    fn decrypt(&self, ciphertext: &[u8]) -> HostResult<Text> {
        // A panic cannot leave the state half changed.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.decrypt_with(&mut state, ciphertext).map_err(|error| {
            *state = State::Failed;
            error.within(TASK).into()
        })
    }
}
