//! Where an environment is opened: on this machine or in Pulumi Cloud.

use std::path::PathBuf;

use crate::authenticate::file_importer;
use crate::authenticate::local_environment::Local;
use crate::authenticate::remote_decrypter::StoredSecrets;
use crate::authenticate::stack_backends::StackBackends;
use crate::config::Reference;
use crate::config::request::OpenRequest;
use crate::config::{Origin, Setting};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::HttpClient;
use crate::identity_token::Source;
use crate::log::Log;
use crate::opener::Opener;
use crate::pulumi_cloud::{
    Backend, Cloud, Login, Name, Oidc, Organization, PulumiHome, Settings, TokenType,
};

/// Hands the one who opens the environment to `work`. `verb` is what is to be done, for messages.
pub(super) fn with_opener<T>(
    verb: &str,
    request: &OpenRequest,
    host: &Host,
    http: &HttpClient,
    log: &Log<'_>,
    work: impl FnOnce(&dyn Opener) -> Result<T>,
) -> Result<T> {
    match &request.environment {
        Reference::Local(path) if request.remote => {
            let definition = file_importer::read_definition(path)?;
            in_cloud(verb, request, host, http, log, None, |cloud| {
                work(&cloud.anonymous(definition.text, definition.shown_as)?)
            })
        }
        Reference::Local(path) => {
            let secrets = match &request.secrets_of {
                Some(name) => {
                    let name = name.clone().parse(|name| Name::parse(name))?.value;
                    Some(StoredSecrets::new(name, request, host, http, log))
                }
                None => None,
            };
            let stacks = StackBackends::new(request, host, http, log);
            let secrets = secrets.as_ref();
            work(&Local::new(request, path, host, http, &stacks, secrets)?)
        }
        Reference::Cloud(name) if by_flag(request.secrets_of.as_ref()) => {
            Err(Error::configuration(format!(
                "`{name}` is in Pulumi Cloud already: `--secrets-of` is for local definitions"
            ))
            .with_hint("leave `--secrets-of` out"))
        }
        Reference::Cloud(name) if request.remote => Err(Error::configuration(format!(
            "`{name}` is in Pulumi Cloud already: `--remote` is for local definitions"
        ))
        .with_hint("leave `--remote` out")),
        Reference::Cloud(text) => {
            let name = Name::parse(text)?;
            let organization = name.organization.as_deref();
            in_cloud(verb, request, host, http, log, organization, |cloud| {
                work(&cloud.stored(&name)?)
            })
        }
    }
}

/// Renews the login for the environment in Pulumi Cloud where it has expired and can be renewed;
/// whether it did, or found that another process had. A failure is told as one of the environment's.
pub(super) fn renew_login(
    request: &OpenRequest,
    host: &Host,
    http: &HttpClient,
    log: &Log<'_>,
) -> Result<bool> {
    let organization = match &request.environment {
        Reference::Cloud(name) => Name::parse(name)?.organization,
        Reference::Local(_) => None,
    };
    let home = PulumiHome::new(host, request.deadline);
    let backend = Backend::find(host, &home)?;
    let login = Login::find(host, &home, &backend.url, &oidc(request, host)?, None)?;
    if !login.is_to_be_renewed(host.clock().now()) {
        return Ok(false);
    }
    let organization = organization.as_deref();
    in_cloud("open", request, host, http, log, organization, |_| Ok(true))
}

/// Logs in to Pulumi Cloud. A failure there or in `work` is told as one of the environment's.
fn in_cloud<T>(
    verb: &str,
    request: &OpenRequest,
    host: &Host,
    http: &HttpClient,
    log: &Log<'_>,
    organization: Option<&str>,
    work: impl FnOnce(&Cloud<'_>) -> Result<T>,
) -> Result<T> {
    log_in(request, host, http, log, organization)
        .and_then(|cloud| work(&cloud))
        .map_err(|error| {
            error.within(format_args!(
                "cannot {verb} the environment `{}`",
                request.environment
            ))
        })
}

/// Logs in to Pulumi Cloud as the request says. `organization` is that of the environment's name.
pub(super) fn log_in<'a>(
    request: &OpenRequest,
    host: &Host,
    http: &HttpClient,
    log: &'a Log<'a>,
    organization: Option<&str>,
) -> Result<Cloud<'a>> {
    let organization = organization
        .map(|organization| Organization::parse(organization, "the environment"))
        .transpose()?;
    let settings = Settings {
        organization: organization_setting(request.organization.as_ref())?,
        oidc: oidc(request, host)?,
        deadline: request.deadline,
    };
    Cloud::log_in(host, http, &settings, organization.as_ref(), log)
}

/// What the request says about the exchange of an identity token.
pub(super) fn oidc(request: &OpenRequest, host: &Host) -> Result<Oidc> {
    Ok(Oidc {
        source: oidc_source(request.pulumi_oidc_token.as_ref(), host)?,
        token_type: match &request.pulumi_oidc_token_type {
            Some(text) => text.clone().parse(|text| TokenType::parse(text))?.value,
            None => TokenType::default(),
        },
    })
}

/// Whether it was asked for in this very call. A variable may be meant for others.
fn by_flag(setting: Option<&Setting>) -> bool {
    setting.is_some_and(|setting| matches!(setting.origin, Origin::Flag(_)))
}

fn organization_setting(setting: Option<&Setting>) -> Result<Option<Organization>> {
    setting
        .map(|setting| Organization::parse(&setting.value, &setting.origin))
        .transpose()
}

/// Reads `file://PATH` or `env:NAME`. The message does not quote the text: it may be a token that
/// was given by mistake.
fn oidc_source(setting: Option<&Setting>, host: &Host) -> Result<Option<Source>> {
    let Some(setting) = setting else {
        return Ok(None);
    };
    let named_by = match setting.origin {
        Origin::Flag(name) | Origin::Variable(name) => name,
        _ => "--pulumi-oidc-token",
    };
    if let Some(name) = setting
        .value
        .strip_prefix("env:")
        .filter(|it| !it.is_empty())
    {
        let name = name.to_owned();
        return Ok(Some(Source::Variable { name, named_by }));
    }
    let path = setting.value.strip_prefix("file://");
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        let path = host.expand(&PathBuf::from(path))?;
        return Ok(Some(Source::File { path, named_by }));
    }
    Err(Error::configuration(format!(
        "{} names neither a file nor a variable",
        setting.origin
    ))
    .with_hint("write file://PATH or env:NAME; a token itself would show in the list of processes"))
}
