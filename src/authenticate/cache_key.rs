//! The cache key of a call, and the secrets that seal its cache entry. Runs before every call, so it
//! reads variables and files only.

use std::path::Path;

use serde_json::Value as Json;

use crate::authenticate::inputs::Inputs;
use crate::authenticate::{file_importer, local_environment, pulumi_login};
use crate::aws::endpoint::{EndpointMode, EndpointSettings, Region};
use crate::azure::authority::AuthorityHost;
use crate::cache::{self, LoginSecrets};
use crate::config::{OpenRequest, Purpose, Reference, Request, Setting};
use crate::context::Context;
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::pulumi_cloud::{Backend, LoginMethod, PulumiHome, StateBackend};

/// The variables that decrypt the stack outputs which a local definition may read.
const PASSPHRASE_VARIABLES: [&str; 2] =
    ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"];

/// A call's place in the cache.
pub(super) struct CachePlace {
    /// The secrets that seal its entries.
    pub(super) login: LoginSecrets,
    /// The cache key of its credentials.
    pub(super) key: Sha256,
    /// Who logs in, as far as it is known without the network.
    pub(super) principal: Option<String>,
}

/// What a cache key is for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Scope {
    /// The credentials of a call.
    Credentials,
    /// The opened environment, which is the same for all clusters, roles and regions.
    Environment,
}

/// The place of a call in the cache. `None` if there is no login that could seal anything, or if a
/// definition can only be read once.
pub(super) fn cache_place(inputs: &Inputs, context: Context<'_>) -> Result<Option<CachePlace>> {
    let open = &inputs.request.open;
    let mut sealing = LoginSecrets::default();
    if let Reference::Local(path) = &open.environment {
        let Some(text) = file_importer::read_repeatable_text(path)? else {
            return Ok(None);
        };
        sealing.add("definition", Some(text.as_bytes()));
    }
    let pulumi = pulumi_login(inputs, context);
    // A local definition may not need Pulumi Cloud, so a broken login is not an error there.
    let pulumi = if open.is_in_cloud() {
        pulumi?
    } else {
        pulumi.unwrap_or_default()
    };
    let secret = match &pulumi {
        Some(login) => login.secret(context.host).unwrap_or_default(),
        None => None,
    };
    if open.is_in_cloud() {
        if secret.is_none() {
            return Ok(None);
        }
    } else if !add_local_secrets(inputs, context, &mut sealing)? {
        return Ok(None);
    }
    sealing.add_secret("Pulumi Cloud", secret.as_ref());
    let principal = pulumi.and_then(|login| login.principal());
    Ok(Some(CachePlace {
        login: sealing,
        key: cache_key(inputs, principal.as_deref(), Scope::Credentials)?,
        principal,
    }))
}

/// The Pulumi login, as far as it is known without the network.
pub(super) fn pulumi_login(inputs: &Inputs, context: Context<'_>) -> Result<Option<LoginMethod>> {
    let Ok(backend) = &inputs.backend else {
        return Ok(None);
    };
    let home = PulumiHome::without_waiting(context.host);
    let oidc = pulumi_login::oidc(&inputs.request.open, context.host)?;
    LoginMethod::find(context.host, &home, &backend.url, &oidc, None).map(Some)
}

/// Adds the secrets that a local definition may use. `false` if one exists that cannot be read now:
/// the entry would not be sealed with it.
fn add_local_secrets(
    inputs: &Inputs,
    context: Context<'_>,
    sealing: &mut LoginSecrets,
) -> Result<bool> {
    let host = context.host;
    // Without an identity token the definition may still open: it may not need one.
    for source in local_environment::identity_token_sources(&inputs.request.open, host) {
        let Ok(secret) = source.secret(host) else {
            return Ok(false);
        };
        sealing.add_secret(source.named_by(), Some(&secret));
    }
    let home = PulumiHome::without_waiting(host);
    if let Ok(StateBackend::Files { url, .. }) = StateBackend::find(host, &home) {
        sealing.add("states", Some(url.expose().as_bytes()));
    }
    for variable in PASSPHRASE_VARIABLES {
        let value = host.variable(variable)?;
        sealing.add(variable, value.as_deref().map(str::as_bytes));
    }
    Ok(true)
}

/// Computes the cache key: the hash of everything, besides the sealing secrets and the files, that
/// changes which credentials a call gets or what is signed with them, or how the environment opens.
#[expect(clippy::too_many_lines, reason = "it names every input once")]
pub(super) fn cache_key(inputs: &Inputs, principal: Option<&str>, scope: Scope) -> Result<Sha256> {
    // No `..` here: a new input does not compile until it is part of the key, or is named with the
    // reason why it is not.
    let Inputs {
        request,
        server_region,
        server_authority,
        default_region,
        sts,
        gcp_endpoints,
        backend,
        organization,
    } = inputs;
    let Request {
        purpose,
        open,
        cache: _,          // where the entry is, not what is in it
        api_version: _,    // only the token's envelope
        is_from_client: _, // only words an error
        api_server: _,     // only through `server_region` and `server_authority`
        extension,
        provider,
        cluster_name,
        region,
        role_arn,
        external_id,
        session_name,
        credentials,
        web_identity,
        credential_lifetime,
        azure_authority_host,
    } = request;
    let OpenRequest {
        environment,
        root,
        web_identity_token_file: _, // the token itself seals the entry
        web_identity_token_env: _,  // likewise
        web_identity_audience,
        secrets_of,
        remote,
        organization: _,      // resolved: `Inputs::organization`
        pulumi_oidc_token: _, // the token itself seals the entry
        pulumi_oidc_token_type,
        region: _,  // a copy of `Request::region`
        timeout: _, // changes whether a call succeeds, not its credentials
    } = open;
    let EndpointSettings {
        endpoint,
        endpoint_mode: EndpointMode { fips, dual_stack },
    } = sts;
    let backend = backend.as_ref().ok().map(|backend| {
        let Backend { url, .. } = backend;
        url.as_str()
    });
    let (environment, definition_name) = match environment {
        Reference::Local(path) => {
            let name = file_importer::environment_name(path, root.as_deref());
            (absolute_path(path)?, Some(name))
        }
        Reference::Cloud(name) => (name.clone(), None),
    };
    let root = root.as_deref().map(absolute_path).transpose()?;
    let gcp_endpoints = (!gcp_endpoints.is_empty()).then(|| gcp_endpoints.join(" "));
    // The region is not among them: a definition on this machine opens with STS of that region, but the
    // credentials that STS issues are the same in all regions of the partition.
    let mut fields = Vec::with_capacity(32);
    fields.extend([
        ("format", Some(cache::FORMAT)),
        ("backend", backend),
        ("principal", principal),
        ("organization", organization.as_deref()),
        ("environment", Some(&environment)),
        ("definition name", definition_name.as_deref()),
        ("remote", switch(*remote)),
        ("root", root.as_deref()),
        ("secrets of", text(secrets_of.as_ref())),
        ("token type", text(pulumi_oidc_token_type.as_ref())),
        ("audience", web_identity_audience.as_deref()),
        ("endpoint", endpoint.as_deref()),
        ("FIPS", switch(*fips)),
        ("dual-stack", switch(*dual_stack)),
        ("Google Cloud endpoints", gcp_endpoints.as_deref()),
    ]);
    if scope == Scope::Environment {
        return Ok(Sha256::of_fields(&fields));
    }
    let extension = (!extension.is_empty()).then(|| Json::Object(extension.clone()).to_string());
    fields.extend([
        (
            "AWS credentials",
            switch(*purpose == Purpose::AwsCredentials),
        ),
        ("cluster name", text(cluster_name.as_ref())),
        ("region", text(region.as_ref())),
        ("server region", server_region.as_ref().map(Region::as_str)),
        ("default region", text(default_region.as_ref())),
        ("role ARN", text(role_arn.as_ref())),
        ("external id", text(external_id.as_ref())),
        ("session name", text(session_name.as_ref())),
        ("credentials", text(credentials.as_ref())),
        ("web identity", text(web_identity.as_ref())),
        ("credential lifetime", text(credential_lifetime.as_ref())),
        ("extension", extension.as_deref()),
    ]);
    // Most calls have none of these, and hashing takes time.
    let provider = provider.as_ref().map(|provider| provider.value.as_str());
    let server_authority = server_authority.as_ref().map(AuthorityHost::as_str);
    let rare = [
        ("provider", provider),
        ("Azure authority", text(azure_authority_host.as_ref())),
        ("server authority", server_authority),
    ];
    fields.extend(rare.iter().filter(|(_, value)| value.is_some()));
    Ok(Sha256::of_fields(&fields))
}

fn text(setting: Option<&Setting>) -> Option<&str> {
    setting.map(|setting| setting.value.as_str())
}

fn switch(on: bool) -> Option<&'static str> {
    on.then_some("true")
}

/// The path in a form that means the same file in any working directory.
pub(super) fn absolute_path(path: &Path) -> Result<String> {
    std::path::absolute(path)
        .ok()
        .and_then(|path| path.into_os_string().into_string().ok())
        .ok_or_else(|| {
            Error::configuration(format!("the path `{}` is not valid UTF-8", path.display()))
        })
}

#[cfg(test)]
mod tests;
