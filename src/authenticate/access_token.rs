//! Obtains the access token for a GKE or AKS cluster from an opened environment.

use crate::authenticate::credentials::SHORTEST_SESSION;
use crate::authenticate::environment::OpenedEnvironment;
use crate::authenticate::session::AccessTokenSession;
use crate::aws::eks_token::CREDENTIALS_MARGIN;
use crate::clock::Timestamp;
use crate::config::AccessTokenTarget;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::gcp::find_access_token;
use crate::oauth::AccessToken;

/// An access token, and what is known about it.
pub(super) struct ObtainedToken {
    pub(super) session: AccessTokenSession,
    /// Where it comes from, for messages.
    pub(super) source: String,
    /// False for a token of unknown origin, such as a static one.
    pub(super) is_issued: bool,
}

impl OpenedEnvironment {
    /// The access token for a GKE cluster: the output of gcp-login.
    pub(super) fn gke_token(
        &self,
        target: &AccessTokenTarget,
        context: Context<'_>,
    ) -> Result<ObtainedToken> {
        let path = target.credentials.as_ref().map(|path| &path.value);
        let found = find_access_token::find(self.environment(), path)?;
        let token = AccessToken {
            expires_at: found
                .value
                .expires_at
                .or_else(|| self.stated_expiry(&found.value)),
            ..found.value
        };
        self.obtained(token, format!("at `{}`", found.path), target, context)
    }

    pub(super) fn aks_token(
        &self,
        _target: &AccessTokenTarget,
        _inputs: &crate::authenticate::inputs::Inputs,
        _context: Context<'_>,
    ) -> Result<ObtainedToken> {
        todo!()
    }

    /// The expiry by the lifetime that the definition states.
    fn stated_expiry(&self, token: &AccessToken) -> Option<Timestamp> {
        let mut tokens = self.opening.tokens.iter();
        let known = tokens.find(|known| known.token == token.token)?;
        Some(self.started_at.plus(known.lifetime))
    }

    /// Adds the expiry if it is unknown, and rejects a token that is about to expire.
    fn obtained(
        &self,
        token: AccessToken,
        source: String,
        target: &AccessTokenTarget,
        context: Context<'_>,
    ) -> Result<ObtainedToken> {
        let is_issued = token.expires_at.is_some();
        let expires_at = token.expires_at.unwrap_or_else(|| {
            let lifetime = target.credential_lifetime.as_ref();
            let lifetime = lifetime.map_or(SHORTEST_SESSION, |lifetime| lifetime.value);
            self.started_at.plus(lifetime)
        });
        let now = context.now();
        if expires_at.minus(CREDENTIALS_MARGIN) <= now {
            let state = if expires_at > now {
                "expires too soon,"
            } else {
                "expired"
            };
            let message = format!("the access token {source} {state} at {expires_at}");
            return Err(Error::new(Kind::Credentials, message)
                .with_hint("get a token that lasts longer, and check this machine's clock"));
        }
        context.log.info(format_args!(
            "found an access token {source}, valid until {expires_at}"
        ));
        let token = token.token;
        Ok(ObtainedToken {
            session: AccessTokenSession { token, expires_at },
            source,
            is_issued,
        })
    }
}
