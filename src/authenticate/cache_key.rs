//! What a call asks, and what it has to log in with: its place in the cache. Nothing here needs the
//! network, for it is read before every call.

use std::path::Path;

use serde_json::Value as Json;

use crate::authenticate::file_importer;
use crate::authenticate::{Call, local_environment, open};
use crate::aws::endpoint::{EndpointSettings, Region};
use crate::cache::{Key, Login};
use crate::config::Reference;
use crate::config::Setting;
use crate::digest::Sha256;
use crate::error::{Error, Result};
use crate::pulumi_cloud::{self, Backend, Name, PulumiHome, StateBackend};

/// What opens the stacks of Pulumi that a local definition may read.
const PASSPHRASES: [&str; 2] = ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"];

/// What the call has to log in with, and the hash of what it asks. `None` where there is no login
/// that could seal anything. Nothing here needs the network.
pub(super) fn login_and_key(call: &Call<'_>) -> Result<Option<(Login, Sha256)>> {
    let host = call.host;
    let open = &call.request.open;
    let home = PulumiHome::new(host, open.deadline);
    let backend = Backend::find(host, &home);
    let mut login = Login::default();

    let pulumi = backend.as_ref().ok().map(|backend| {
        let oidc = open::oidc(open, host)?;
        pulumi_cloud::Login::find(host, &home, &backend.url, &oidc, None)
    });
    let pulumi = pulumi.transpose();
    let (environment, has_organization) = match &open.environment {
        // A pipe can be read once, and that is left to whoever opens the environment.
        Reference::Local(path) if !path.is_file() => return Ok(None),
        Reference::Local(path) => {
            let definition = file_importer::read_definition(path)?;
            login.add("definition", Some(definition.text.as_bytes()));
            (full_path(path)?, false)
        }
        Reference::Cloud(text) => (text.clone(), Name::parse(text)?.organization.is_some()),
    };
    let mut key = settings(call, &environment);

    // A local definition may do without Pulumi Cloud, so trouble with that is none of its own.
    let pulumi = if call.request.is_in_cloud() {
        pulumi?
    } else {
        pulumi.ok().flatten()
    };
    let secret = pulumi.as_ref().map(|login| login.secret(host)).transpose();
    let secret = secret.map(Option::flatten);
    if call.request.is_in_cloud() {
        if !matches!(secret, Ok(Some(_))) {
            return Ok(None);
        }
    } else {
        // Whoever has no identity token may still need none. One that is there and cannot be read
        // now must not be missing from the seal of what it may get later.
        let identity = match local_environment::identity(open).source(host) {
            Err(_) => None,
            Ok(source) => match source.secret(host) {
                Err(_) => return Ok(None),
                Ok(secret) => Some(secret),
            },
        };
        login.add_secret("identity token", identity.as_ref());
        // Where the stacks are whose outputs the definition may have.
        if let Ok(StateBackend::Files { url, .. }) = StateBackend::find(host, &home) {
            login.add("states", Some(url.expose().as_bytes()));
        }
        for variable in PASSPHRASES {
            let value = host.variable(variable)?;
            login.add(variable, value.as_deref().map(str::as_bytes));
        }
    }
    login.add_secret("Pulumi Cloud", secret.ok().flatten().as_ref());
    let principal = pulumi.and_then(|login| login.principal());
    key.principal = principal.as_deref();
    key.backend = backend.as_ref().ok().map(|backend| backend.url.as_str());

    let organization = match (&open.organization, &backend) {
        _ if has_organization => None,
        (Some(setting), _) => Some(setting.value.clone()),
        (None, Ok(backend)) => home.default_organization(&backend.url).ok().flatten(),
        (None, Err(_)) => None,
    };
    key.organization = organization.as_deref();
    let default_region = match host.variable("AWS_REGION")? {
        Some(region) => Some(region),
        None => host.variable("AWS_DEFAULT_REGION")?,
    };
    key.default_region = default_region.as_deref();
    let root = open.root.as_deref().map(full_path).transpose()?;
    key.root = root.as_deref();
    let extension = &call.request.extension;
    let extension = (!extension.is_empty()).then(|| Json::Object(extension.clone()).to_string());
    key.extension = extension.as_deref();
    let sts = EndpointSettings::for_sts(host)?;
    key.endpoint = sts.endpoint.as_deref();
    key.fips = sts.endpoint_mode.fips;
    key.dual_stack = sts.endpoint_mode.dual_stack;
    Ok(Some((login, key.hash())))
}

/// How the call is going to log in to Pulumi Cloud, in one line.
pub(super) fn describe_login(call: &Call<'_>) -> Result<String> {
    if !call.request.is_in_cloud() {
        return Ok(
            "the definition is on this machine, no login to Pulumi Cloud is needed to read it"
                .to_owned(),
        );
    }
    let open = &call.request.open;
    let home = PulumiHome::new(call.host, open.deadline);
    let backend = Backend::find(call.host, &home)?;
    let oidc = open::oidc(open, call.host)?;
    let login = pulumi_cloud::Login::find(call.host, &home, &backend.url, &oidc, None)?;
    Ok(match login.principal() {
        Some(principal) => format!("{principal} at `{}`", backend.url),
        None => format!("none at `{}`", backend.url),
    })
}

/// The fields that are at hand as texts. The others are left to the caller.
fn settings<'a>(call: &'a Call<'_>, environment: &'a str) -> Key<'a> {
    fn text(setting: Option<&Setting>) -> Option<&str> {
        setting.map(|setting| setting.value.as_str())
    }
    let Call {
        request,
        server_region,
        ..
    } = call;
    Key {
        environment,
        remote: request.open.remote,
        secrets_of: text(request.open.secrets_of.as_ref()),
        token_type: text(request.open.pulumi_oidc_token_type.as_ref()),
        audience: request.open.web_identity_audience.as_deref(),
        cluster_name: text(request.cluster_name.as_ref()),
        region: text(request.region.as_ref()),
        server_region: server_region.as_ref().map(Region::as_str),
        role_arn: text(request.role_arn.as_ref()),
        external_id: text(request.external_id.as_ref()),
        session_name: text(request.session_name.as_ref()),
        credentials: text(request.credentials.as_ref()),
        web_identity: text(request.web_identity.as_ref()),
        credential_lifetime: text(request.credential_lifetime.as_ref()),
        ..Key::default()
    }
}

/// The path as text that means the same from anywhere.
pub(super) fn full_path(path: &Path) -> Result<String> {
    let full = std::path::absolute(path).ok();
    let full = full.and_then(|path| path.to_str().map(str::to_owned));
    full.ok_or_else(|| Error::configuration("a path cannot be written as text"))
}
