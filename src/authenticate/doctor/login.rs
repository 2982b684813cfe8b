//! The step `login`: whose login it is, where it comes from, and when it expires.

use crate::authenticate::doctor::Step;
use crate::authenticate::inputs::Inputs;
use crate::authenticate::{cache_key, local_environment};
use crate::aws::IDENTITY_TOKEN_RECIPIENT;
use crate::context::Context;
use crate::identity_token::{self, IdentityTokenSource};
use crate::pulumi_cloud::{LoginMethod, storing_problem};
use crate::secret::Secret;

const NAME: &str = "login";

/// Describes the login after it was used. `user` is whose login Pulumi Cloud says it is.
pub(super) fn describe(inputs: &Inputs, context: Context<'_>, user: Option<String>) -> Step {
    if !inputs.request.open.is_in_cloud() {
        return identity_token(inputs, context);
    }
    if let Some(problem) = storing_problem() {
        return Step::warning(NAME, problem, "run `pulumi login`");
    }
    let login = match cache_key::pulumi_login(inputs, context) {
        Ok(login) => login,
        Err(error) => return Step::failed(NAME, &error),
    };
    let source = login.as_ref().and_then(LoginMethod::describe_source);
    let principal = login.as_ref().and_then(LoginMethod::principal);
    let login_of = match (user, source) {
        (Some(user), Some(source)) => format!("{user}, with the access token from {source}"),
        _ => principal.unwrap_or_else(|| "no login".to_owned()),
    };
    let url = inputs.backend.as_ref().map(|backend| backend.url.as_str());
    let expiry = login.and_then(|login| login.expires_at());
    let parts = [
        Some(login_of),
        url.ok().map(|url| format!("at `{url}`")),
        expiry.map(|expiry| format!("valid until {expiry}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    Step::ok(NAME, parts.join(", "))
}

/// Describes the identity token that a local definition may exchange at AWS.
fn identity_token(inputs: &Inputs, context: Context<'_>) -> Step {
    let settings = local_environment::identity_token(&inputs.request.open);
    let Ok(source) = settings.source(&IDENTITY_TOKEN_RECIPIENT, context.host) else {
        let detail = "no login to Pulumi Cloud is needed for a local definition, and there is no \
                      identity token for AWS";
        return Step::ok(NAME, detail);
    };
    let mut detail = format!("identity token for AWS from {source}");
    // A pipe can be read only once, and GitHub issues the token on request.
    let is_at_hand = !matches!(source, IdentityTokenSource::GitHubActions { .. });
    let token = is_at_hand
        .then(|| source.secret(context.host).ok())
        .flatten();
    let token = token.and_then(|token| {
        let text = std::str::from_utf8(token.expose()).ok()?;
        Some(Secret::from(text.trim()))
    });
    let Some(token) = token else {
        return Step::ok(NAME, detail);
    };
    if let Some(claims) = identity_token::describe_claims(&token) {
        detail.push_str("; ");
        detail.push_str(&claims);
    }
    match identity_token::expiry(&token) {
        Some(expiry) if expiry <= context.now() => {
            let detail = format!("{detail}; it expired at {expiry}");
            Step::warning(NAME, detail, "get a new identity token")
        }
        Some(expiry) => Step::ok(NAME, format!("{detail}; valid until {expiry}")),
        None => Step::ok(NAME, detail),
    }
}
