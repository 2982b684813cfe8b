//! The step `login`: whose login it is, where it comes from, and when it expires.

use crate::authenticate::doctor::Step;
use crate::authenticate::inputs::Inputs;
use crate::authenticate::{cache_key, local_environment};
use crate::context::Context;
use crate::identity_token::{self, IdentityTokenSource};
use crate::pulumi_cloud::{LoginMethod, storing_problem};
use crate::secret::Secret;

const NAME: &str = "login";

/// Describes the login after it was used. `user` is whose login Pulumi Cloud says it is.
pub(super) fn describe(inputs: &Inputs, context: Context<'_>, user: Option<String>) -> Step {
    if !inputs.request.open.is_in_cloud() {
        return identity_tokens(inputs, context);
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

/// Describes the identity tokens that a local definition may exchange.
fn identity_tokens(inputs: &Inputs, context: Context<'_>) -> Step {
    let sources = local_environment::identity_token_sources(&inputs.request.open, context.host);
    let tokens: Vec<_> = (sources.iter())
        .map(|source| identity_token(source, context))
        .collect();
    let details: Vec<_> = tokens.iter().map(|(detail, _)| detail.as_str()).collect();
    if details.is_empty() {
        let detail = "no login to Pulumi Cloud is needed for a local definition, and there is no \
                      identity token";
        return Step::ok(NAME, detail);
    }
    let details = details.join("; ");
    if tokens.iter().any(|(_, is_expired)| *is_expired) {
        return Step::warning(NAME, details, "get a new identity token");
    }
    Step::ok(NAME, details)
}

/// Describes an identity token, and returns whether it has expired.
fn identity_token(source: &IdentityTokenSource, context: Context<'_>) -> (String, bool) {
    let mut detail = format!("identity token from {source}");
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
        return (detail, false);
    };
    if let Some(claims) = identity_token::describe_claims(&token) {
        detail.push_str("; ");
        detail.push_str(&claims);
    }
    match identity_token::expiry(&token) {
        Some(expiry) if expiry <= context.now() => {
            (format!("{detail}; it expired at {expiry}"), true)
        }
        Some(expiry) => (format!("{detail}; valid until {expiry}"), false),
        None => (detail, false),
    }
}
