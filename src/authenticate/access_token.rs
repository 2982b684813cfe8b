//! Obtains the access token for a GKE or AKS cluster from an opened environment.

use std::time::Duration;

use crate::authenticate::credentials::SHORTEST_SESSION;
use crate::authenticate::environment::{OpenedEnvironment, api_servers};
use crate::authenticate::fetch::Step;
use crate::authenticate::inputs::Inputs;
use crate::authenticate::session::AccessTokenSession;
use crate::aws::eks_token::CREDENTIALS_MARGIN;
use crate::azure::authority::AuthorityHost;
use crate::azure::find_login;
use crate::azure::token_endpoint::request_aks_token;
use crate::clock::Timestamp;
use crate::config::{AccessTokenTarget, Origin, Request};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::gcp::find_access_token;
use crate::gcp::gke::{self, ClusterName};
use crate::oauth::AccessToken;
use kubeconfig::Cluster;

/// The longest lifetime of a token: clients cannot read dates after the year 9999.
const LONGEST_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// An access token, and what is known about it.
pub(super) struct ObtainedToken {
    pub(super) session: AccessTokenSession,
    /// Where it comes from, for messages.
    pub(super) source: String,
    /// False for a token of unknown origin, such as a static one.
    pub(super) is_issued: bool,
    /// How the expiry is known, if nothing states it.
    pub(super) expiry_note: String,
}

/// The host of Microsoft Entra ID, and the setting that chose it. `None` for the default.
pub(super) struct ChosenAuthority {
    pub(super) host: AuthorityHost,
    pub(super) origin: Option<Origin>,
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
        let stated = found.value.expires_at;
        let token = AccessToken {
            expires_at: stated.or_else(|| self.stated_expiry(&found.value)),
            ..found.value
        };
        let source = format!("at `{}`", found.path);
        Self::obtained(token, self.started_at, source, target, context)
    }

    /// The access token for an AKS cluster: Microsoft Entra ID issues it for the output of azure-login.
    pub(super) fn aks_token(
        &self,
        target: &AccessTokenTarget,
        inputs: &Inputs,
        context: Context<'_>,
        observe: &mut dyn FnMut(Step<'_>),
    ) -> Result<ObtainedToken> {
        let path = target.credentials.as_ref().map(|path| &path.value);
        let found = find_login::find(self.environment(), path)?;
        observe(Step::AzureLogin(&found));
        let authority = self.authority(inputs)?;
        observe(Step::Authority(&authority));
        context.log.info(format_args!(
            "requesting an access token with the login at `{}`",
            found.path
        ));
        let requested_at = context.now();
        let token = request_aks_token(context, &authority.host, &found.value)?;
        let source = format!("for the login at `{}`", found.path);
        let obtained = Self::obtained(token, requested_at, source, target, context)?;
        Ok(ObtainedToken {
            is_issued: true,
            ..obtained
        })
    }

    /// The authority of the setting, or else that of the API server's cloud: the server that the client is
    /// talking to, or those in the kubeconfig that the environment renders.
    fn authority(&self, inputs: &Inputs) -> Result<ChosenAuthority> {
        if let Some(setting) = inputs.request.azure_authority_host.clone() {
            let setting = setting.parse(|url| AuthorityHost::parse(url))?;
            return Ok(ChosenAuthority {
                host: setting.value,
                origin: Some(setting.origin),
            });
        }
        if let Some(host) = inputs.server_authority.clone() {
            return Ok(ChosenAuthority {
                host,
                origin: Some(Origin::ApiServer),
            });
        }
        let servers = api_servers(self.environment());
        let mut hosts: Vec<_> = servers
            .iter()
            .filter_map(|server| AuthorityHost::of_api_server(server))
            .collect();
        hosts.dedup();
        let host = hosts.pop().filter(|_| hosts.is_empty());
        let origin = Origin::Environment("files.KUBECONFIG".to_owned());
        Ok(ChosenAuthority {
            origin: host.is_some().then_some(origin),
            host: host.unwrap_or_default(),
        })
    }

    /// The expiry by the lifetime that the definition states.
    pub(super) fn stated_expiry(&self, token: &AccessToken) -> Option<Timestamp> {
        let mut tokens = self.opening.tokens.iter();
        let known = tokens.find(|known| known.token == token.token)?;
        Some(self.started_at.plus(known.lifetime))
    }

    /// Adds the expiry if it is unknown, and rejects a token that is about to expire. The token is not older
    /// than `since`.
    fn obtained(
        token: AccessToken,
        since: Timestamp,
        source: String,
        target: &AccessTokenTarget,
        context: Context<'_>,
    ) -> Result<ObtainedToken> {
        let is_issued = token.expires_at.is_some();
        let expiry_note = match &target.credential_lifetime {
            _ if is_issued => String::new(),
            Some(lifetime) => format!(" (from {})", lifetime.origin),
            None => " (assumed: the expiry is unknown)".to_owned(),
        };
        let expires_at = token.expires_at.unwrap_or_else(|| {
            let lifetime = target.credential_lifetime.as_ref();
            let lifetime = lifetime.map_or(SHORTEST_SESSION, |lifetime| lifetime.value);
            since.plus(lifetime)
        });
        let now = context.now();
        let expires_at = expires_at.min(now.plus(LONGEST_LIFETIME));
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
            "the access token {source} is valid until {expires_at}"
        ));
        let token = token.token;
        Ok(ObtainedToken {
            session: AccessTokenSession { token, expires_at },
            source,
            is_issued,
            expiry_note,
        })
    }
}

/// Asks Google Kubernetes Engine for the endpoint and the CA certificate of a cluster, with the
/// environment's login.
pub(crate) fn describe_gke_cluster(
    opened: &OpenedEnvironment,
    request: &Request,
    cluster: &ClusterName<'_>,
    wants_dns_endpoint: bool,
    context: Context<'_>,
) -> Result<Cluster> {
    let target = AccessTokenTarget::resolve(request, opened.environment())?;
    let token = opened.gke_token(&target, context)?.session.token;
    context.log.info(format_args!(
        "looking up the GKE cluster `{}` in `{}` of the project `{}`",
        cluster.name, cluster.location, cluster.project
    ));
    let described = gke::describe_cluster(context, cluster, &token, wants_dns_endpoint)?;
    Ok(Cluster {
        server: described.server,
        certificate_authority_data: described.certificate_authority_data,
        ..Cluster::default()
    })
}
