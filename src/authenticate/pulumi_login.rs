//! Logs in to Pulumi Cloud as a request says.

use std::path::PathBuf;

use crate::config::{OpenRequest, Origin, Reference, Setting};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::identity_token::IdentityTokenSource;
use crate::pulumi_cloud::{
    AccessTokenType, Backend, Cloud, EnvironmentName, LoginMethod, LoginSettings, OidcSettings,
    Organization, PulumiHome,
};

/// Logs in. `organization` is the one in the name of the environment or stack.
pub(super) fn log_in<'a>(
    request: &OpenRequest,
    context: Context<'a>,
    organization: Option<&str>,
) -> Result<Cloud<'a>> {
    let organization = match organization {
        Some(name) => Some(Organization::parse(name, "the environment name")?),
        None => None,
    };
    let settings = LoginSettings {
        organization: match &request.organization {
            Some(setting) => Some(Organization::parse(&setting.value, &setting.origin)?),
            None => None,
        },
        oidc: oidc(request, context.host)?,
    };
    Cloud::log_in(context, &settings, organization.as_ref())
}

/// Refreshes an expired login for an environment in Pulumi Cloud. Returns whether it was refreshed, by
/// this process or by another one in the meantime.
pub(super) fn refresh_if_expired(request: &OpenRequest, context: Context<'_>) -> Result<bool> {
    let organization = match &request.environment {
        Reference::Cloud(name) => EnvironmentName::parse(name)?.organization,
        Reference::Local(_) => None,
    };
    let home = PulumiHome::new(context.host, context.deadline);
    let backend = Backend::find(context.host, &home)?;
    let oidc = oidc(request, context.host)?;
    let login = LoginMethod::find(context.host, &home, &backend.url, &oidc, None)?;
    if !login.needs_refresh(context.now()) {
        return Ok(false);
    }
    log_in(request, context, organization.as_deref())?;
    Ok(true)
}

/// How the request exchanges an OIDC token for a Pulumi access token.
pub(super) fn oidc(request: &OpenRequest, host: &Host) -> Result<OidcSettings> {
    Ok(OidcSettings {
        source: match &request.pulumi_oidc_token {
            Some(setting) => Some(token_source(setting, host)?),
            None => None,
        },
        token_type: match &request.pulumi_oidc_token_type {
            Some(setting) => {
                setting
                    .clone()
                    .parse(|text| AccessTokenType::parse(text))?
                    .value
            }
            None => AccessTokenType::default(),
        },
    })
}

/// Parses `file://PATH` or `env:NAME`. The error does not quote the text: it may be a token that was
/// passed by mistake.
fn token_source(setting: &Setting, host: &Host) -> Result<IdentityTokenSource> {
    let named_by = match setting.origin {
        Origin::Flag(name) | Origin::Variable(name) => name,
        _ => "--pulumi-oidc-token",
    };
    let text = setting.value.as_str();
    if let Some(name) = text.strip_prefix("env:").filter(|name| !name.is_empty()) {
        let name = name.to_owned();
        return Ok(IdentityTokenSource::Variable { name, named_by });
    }
    if let Some(path) = text.strip_prefix("file://").filter(|path| !path.is_empty()) {
        let path = host.expand(&PathBuf::from(path))?;
        return Ok(IdentityTokenSource::File { path, named_by });
    }
    Err(Error::configuration(format!(
        "{} is neither a file nor a variable",
        setting.origin
    ))
    .with_hint("write file://PATH or env:NAME; a token itself would show in the process list"))
}
