//! The steps `provider`, `credentials`, `authority` and `token` for GKE and AKS.

use crate::authenticate::access_token::{ChosenAuthority, ObtainedToken};
use crate::authenticate::doctor::{KubeconfigCluster, Step};
use crate::authenticate::provider::ChosenProvider;
use crate::authenticate::session::AccessTokenSession;
use crate::azure::authority::AuthorityHost;
use crate::azure::{AzureLogin, Proof};
use crate::context::Context;
use crate::environment_search::Found;
use crate::identity_token;

const CREDENTIALS: &str = "credentials";

pub(super) fn describe_provider(chosen: &ChosenProvider) -> Step {
    let title = chosen.provider.title();
    let origin = chosen.origin.as_ref();
    let origin = origin.map(|origin| format!(" (from {origin})"));
    Step::ok("provider", format!("{title}{}", origin.unwrap_or_default()))
}

/// Describes the output of gcp-login.
pub(super) fn describe_access_token(obtained: &ObtainedToken) -> Step {
    let ObtainedToken {
        session,
        source,
        expiry_note,
        ..
    } = obtained;
    let expiry = session.expires_at;
    let detail = format!("access token {source}, valid until {expiry}{expiry_note}");
    Step::ok(CREDENTIALS, detail)
}

/// Describes the output of azure-login.
pub(super) fn describe_login(found: &Found<AzureLogin>, context: Context<'_>) -> Step {
    let Found { value: login, path } = found;
    let (client, tenant) = (&login.client_id, &login.tenant_id);
    let application = format!("application `{client}` in tenant `{tenant}` at `{path}`");
    let Proof::Assertion(token) = &login.proof else {
        return Step::ok(CREDENTIALS, format!("{application}, with a client secret"));
    };
    let mut detail = format!("{application}, with an identity token");
    if let Some(claims) = identity_token::describe_claims(token) {
        detail = format!("{detail}; {claims}");
    }
    match identity_token::expiry(token) {
        Some(expiry) if expiry <= context.now() => {
            let detail = format!("{detail}; it expired at {expiry}");
            Step::warning(CREDENTIALS, detail, "get a new identity token")
        }
        Some(expiry) => Step::ok(CREDENTIALS, format!("{detail}; valid until {expiry}")),
        None => Step::ok(CREDENTIALS, detail),
    }
}

/// Describes the host of Microsoft Entra ID, and compares its cloud with that of the API server.
pub(super) fn describe_authority(
    authority: &ChosenAuthority,
    cluster: Option<&KubeconfigCluster>,
) -> Step {
    let ChosenAuthority { host, origin } = authority;
    let origin = match origin {
        Some(origin) => format!("from {origin}"),
        None => "that of the public cloud".to_owned(),
    };
    let detail = format!("`{}` ({origin})", host.as_str());
    let of_server = cluster.and_then(|cluster| AuthorityHost::of_api_server(&cluster.server.url));
    match of_server.filter(|of_server| of_server != host) {
        Some(other) => Step::warning(
            "authority",
            format!("{detail}, but the API server is in another cloud"),
            format!("pass `--azure-authority-host {}`", other.as_str()),
        ),
        None => Step::ok("authority", detail),
    }
}

pub(super) fn describe_token(session: &AccessTokenSession) -> Step {
    let size = session.token.expose().len();
    let expiry = session.replace_at();
    Step::ok("token", format!("{size} bytes, valid until {expiry}"))
}
