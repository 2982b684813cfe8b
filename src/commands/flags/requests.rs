//! The requests that the flags make, together with environment variables.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CacheDirectoryFlags, CacheFlags, CloudFlags, GetTokenFlags, OpenFlags};
use crate::config::{
    CacheRequest, DEFAULT_TIMEOUT, OpenRequest, Reference, Request, Setting, SettingSearch,
    parse_positive_duration,
};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::ExecInfo;

/// The flag and the environment variable of a setting.
struct SettingNames {
    flag: &'static str,
    variable: &'static str,
}

const API_VERSION: SettingNames = names("--api-version", "KUBECTL_ESC_API_VERSION");
const AZURE_AUTHORITY_HOST: SettingNames = names("--azure-authority-host", "AZURE_AUTHORITY_HOST");
const CLUSTER_NAME: SettingNames = names("--cluster-name", "KUBECTL_ESC_CLUSTER_NAME");
const CREDENTIALS: SettingNames = names("--credentials", "KUBECTL_ESC_CREDENTIALS");
const CREDENTIAL_LIFETIME: SettingNames =
    names("--credential-lifetime", "KUBECTL_ESC_CREDENTIAL_LIFETIME");
const EXTERNAL_ID: SettingNames = names("--external-id", "KUBECTL_ESC_EXTERNAL_ID");
const ORGANIZATION: SettingNames = names("--organization", "PULUMI_DEFAULT_ORGANIZATION");
const PROVIDER: SettingNames = names("--provider", "KUBECTL_ESC_PROVIDER");
const PULUMI_OIDC_TOKEN: SettingNames =
    names("--pulumi-oidc-token", "KUBECTL_ESC_PULUMI_OIDC_TOKEN");
const PULUMI_OIDC_TOKEN_TYPE: SettingNames = names(
    "--pulumi-oidc-token-type",
    "KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE",
);
const REGION: SettingNames = names("--region", "KUBECTL_ESC_REGION");
const ROLE_ARN: SettingNames = names("--role-arn", "KUBECTL_ESC_ROLE_ARN");
const SECRETS_OF: SettingNames = names("--secrets-of", "KUBECTL_ESC_SECRETS_OF");
const SESSION_NAME: SettingNames = names("--session-name", "KUBECTL_ESC_SESSION_NAME");
const TIMEOUT: SettingNames = names("--timeout", "KUBECTL_ESC_TIMEOUT");
const WEB_IDENTITY: SettingNames = names("--web-identity", "KUBECTL_ESC_WEB_IDENTITY");

const fn names(flag: &'static str, variable: &'static str) -> SettingNames {
    SettingNames { flag, variable }
}

impl SettingNames {
    /// The setting from the flag's value, or else from the variable.
    fn find(&self, value: Option<&String>, host: &Host) -> Result<Option<Setting>> {
        let search = SettingSearch::flag(self.flag, value).variable(self.variable, host)?;
        Ok(search.finish())
    }
}

impl OpenFlags {
    /// The request to open `environment`.
    pub(in crate::commands) fn request(
        &self,
        environment: &OsStr,
        host: &Host,
    ) -> Result<OpenRequest> {
        let Self { cloud, .. } = self;
        let mut request = OpenRequest::new(Reference::parse(environment, host)?);
        request.root = expand(self.root.as_ref(), host)?;
        request.web_identity_token_file = expand(self.web_identity_token_file.as_ref(), host)?;
        request
            .web_identity_token_env
            .clone_from(&self.web_identity_token_env);
        request
            .web_identity_audience
            .clone_from(&self.web_identity_audience);
        request.secrets_of = SECRETS_OF.find(self.secrets_of.as_ref(), host)?;
        request.remote = cloud.remote;
        request.organization = ORGANIZATION.find(cloud.organization.as_ref(), host)?;
        request.pulumi_oidc_token =
            PULUMI_OIDC_TOKEN.find(cloud.pulumi_oidc_token.as_ref(), host)?;
        request.pulumi_oidc_token_type =
            PULUMI_OIDC_TOKEN_TYPE.find(cloud.pulumi_oidc_token_type.as_ref(), host)?;
        request.timeout = cloud.timeout(host)?.unwrap_or(DEFAULT_TIMEOUT);
        Ok(request)
    }

    /// The flags as arguments that work in any working directory.
    fn to_arguments(&self, host: &Host) -> Result<Vec<String>> {
        // No `..` here: a new flag must be added to the arguments.
        let Self {
            root,
            web_identity_token_file,
            web_identity_token_env,
            web_identity_audience,
            secrets_of,
            cloud:
                CloudFlags {
                    remote,
                    organization,
                    pulumi_oidc_token,
                    pulumi_oidc_token_type,
                    timeout,
                },
        } = self;
        let root = root.as_ref().map(|root| absolute_path(root, host));
        let token_file = web_identity_token_file.as_ref();
        let token_file = token_file.map(|file| absolute_path(file, host));
        let mut arguments = flag_arguments(&[
            ("--root", &root.transpose()?),
            ("--web-identity-token-file", &token_file.transpose()?),
            ("--web-identity-token-env", web_identity_token_env),
            ("--web-identity-audience", web_identity_audience),
            (SECRETS_OF.flag, secrets_of),
            (ORGANIZATION.flag, organization),
            (PULUMI_OIDC_TOKEN.flag, pulumi_oidc_token),
            (PULUMI_OIDC_TOKEN_TYPE.flag, pulumi_oidc_token_type),
            (TIMEOUT.flag, timeout),
        ]);
        if *remote {
            arguments.push("--remote".to_owned());
        }
        Ok(arguments)
    }
}

impl CloudFlags {
    /// The timeout in the flag, or else in the variable.
    pub(in crate::commands) fn timeout(&self, host: &Host) -> Result<Option<Duration>> {
        let timeout = TIMEOUT.find(self.timeout.as_ref(), host)?;
        let timeout = timeout.map(|timeout| timeout.parse(|text| parse_positive_duration(text)));
        Ok(timeout.transpose()?.map(|timeout| timeout.value))
    }
}

impl GetTokenFlags {
    /// The request for a token, including what `KUBERNETES_EXEC_INFO` says.
    pub(in crate::commands) fn request(&self, cache: &CacheFlags, host: &Host) -> Result<Request> {
        let exec_info = ExecInfo::read(host)?;
        let requested_version = exec_info.as_ref().map(|info| info.api_version);
        let cluster = exec_info.and_then(|info| info.cluster).unwrap_or_default();
        let mut request = self.settings(&cluster.config, host)?;
        request.cache = cache.request(host)?;
        if let Some(version) = requested_version {
            request.api_version = version;
            request.is_from_client = true;
        }
        request.api_server = cluster.server;
        request.extension = cluster.config;
        Ok(request)
    }

    /// The request with the settings from flags and variables. The environment may also come from the
    /// cluster extension.
    pub(in crate::commands) fn settings(
        &self,
        extension: &serde_json::Map<String, serde_json::Value>,
        host: &Host,
    ) -> Result<Request> {
        let environment = match self.environment(host) {
            Some(environment) => environment,
            None => SettingSearch::default()
                .extension(extension, "environment")?
                .finish()
                .map(|setting| setting.value.into())
                .ok_or_else(no_environment)?,
        };
        let mut request = Request::new(self.open.request(&environment, host)?);
        let provider = PROVIDER.find(self.provider.as_ref(), host)?;
        request.provider = provider
            .map(|provider| provider.parse(|text| text.parse()))
            .transpose()?;
        request.cluster_name = CLUSTER_NAME.find(self.cluster_name.as_ref(), host)?;
        request.region = REGION.find(self.region.as_ref(), host)?;
        request.role_arn = ROLE_ARN.find(self.role_arn.as_ref(), host)?;
        request.external_id = EXTERNAL_ID.find(self.external_id.as_ref(), host)?;
        request.session_name = SESSION_NAME.find(self.session_name.as_ref(), host)?;
        request.credentials = CREDENTIALS.find(self.credentials.as_ref(), host)?;
        request.web_identity = WEB_IDENTITY.find(self.web_identity.as_ref(), host)?;
        request.credential_lifetime =
            CREDENTIAL_LIFETIME.find(self.credential_lifetime.as_ref(), host)?;
        request.azure_authority_host =
            AZURE_AUTHORITY_HOST.find(self.azure_authority_host.as_ref(), host)?;
        if let Some(version) = API_VERSION.find(self.api_version.as_ref(), host)? {
            request.api_version = version.parse(|text| text.parse())?.value;
        }
        request.open.region = request.region.as_ref().map(|region| region.value.clone());
        Ok(request)
    }

    /// The environment in the argument, or else in the variable.
    pub(in crate::commands) fn environment(&self, host: &Host) -> Option<OsString> {
        named_environment(self.environment.as_ref(), host)
    }

    /// The arguments of a `get-token` call with these flags that works in any working directory.
    pub(in crate::commands) fn to_arguments(&self, host: &Host) -> Result<Vec<String>> {
        // No `..` here: a new flag must be added to the arguments.
        let Self {
            environment,
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
            api_version,
            open,
        } = self;
        let mut arguments = vec!["get-token".to_owned()];
        if let Some(environment) = environment {
            arguments.push(match Reference::parse(environment, host)? {
                Reference::Local(path) => absolute_path(&path, host)?,
                Reference::Cloud(name) => name,
            });
        }
        arguments.extend(flag_arguments(&[
            (PROVIDER.flag, provider),
            (CLUSTER_NAME.flag, cluster_name),
            (REGION.flag, region),
            (ROLE_ARN.flag, role_arn),
            (EXTERNAL_ID.flag, external_id),
            (SESSION_NAME.flag, session_name),
            (CREDENTIALS.flag, credentials),
            (WEB_IDENTITY.flag, web_identity),
            (CREDENTIAL_LIFETIME.flag, credential_lifetime),
            (AZURE_AUTHORITY_HOST.flag, azure_authority_host),
            (API_VERSION.flag, api_version),
        ]));
        arguments.extend(open.to_arguments(host)?);
        Ok(arguments)
    }
}

impl CacheFlags {
    /// The request for the cache.
    pub(in crate::commands) fn request(&self, host: &Host) -> Result<CacheRequest> {
        let is_disabled = self.no_cache || is_disabled_by_variable(host)?;
        Ok(CacheRequest {
            directory: if is_disabled {
                None
            } else {
                self.directory.path(host)?
            },
            refresh: self.refresh,
        })
    }
}

impl CacheDirectoryFlags {
    /// The cache directory; `None` without a home directory.
    pub(in crate::commands) fn path(&self, host: &Host) -> Result<Option<PathBuf>> {
        let variable = || host.path_variable("KUBECTL_ESC_CACHE_DIR");
        let parent = self.cache_dir.clone().or_else(variable);
        CacheRequest::directory(parent.as_deref(), host)
    }
}

fn is_disabled_by_variable(host: &Host) -> Result<bool> {
    const NAME: &str = "KUBECTL_ESC_NO_CACHE";
    match host.variable(NAME)?.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(Error::configuration(format!(
            "the variable `{NAME}` must be `true` or `false`"
        ))
        .with_hint(format!("set `{NAME}` to `true` or `false`, or unset it"))),
    }
}

fn named_environment(argument: Option<&OsString>, host: &Host) -> Option<OsString> {
    let variable = || host.path_variable("KUBECTL_ESC_ENVIRONMENT");
    argument
        .cloned()
        .or_else(|| variable().map(PathBuf::into_os_string))
}

/// The environment in the argument, or else in the variable.
pub(in crate::commands) fn environment_or_variable(
    argument: Option<&OsString>,
    host: &Host,
) -> Result<OsString> {
    named_environment(argument, host).ok_or_else(no_environment)
}

fn no_environment() -> Error {
    Error::configuration("no environment specified")
        .with_hint("pass ENVIRONMENT, such as acme/platform/prod or ./env.yaml, or set KUBECTL_ESC_ENVIRONMENT")
}

fn expand(path: Option<&PathBuf>, host: &Host) -> Result<Option<PathBuf>> {
    path.map(|path| host.expand(path)).transpose()
}

fn flag_arguments(flags: &[(&'static str, &Option<String>)]) -> Vec<String> {
    let mut arguments = Vec::new();
    for (flag, value) in flags {
        match value {
            // As an argument of its own, it would be parsed as another flag.
            Some(value) if value.starts_with('-') => arguments.push(format!("{flag}={value}")),
            Some(value) => arguments.extend([(*flag).to_owned(), value.clone()]),
            None => {}
        }
    }
    arguments
}

/// The absolute path, which works in any working directory. Clients do not expand `~`.
pub(in crate::commands) fn absolute_path(path: &Path, host: &Host) -> Result<String> {
    let path = host.expand(path)?;
    let absolute = std::path::absolute(&path).map_err(|error| {
        Error::configuration(format!("cannot resolve `{}`", path.display()))
            .with_hint("pass an absolute path")
            .caused_by(error)
    })?;
    absolute.into_os_string().into_string().map_err(|_| {
        Error::configuration(format!("the path `{}` is not valid UTF-8", path.display()))
            .with_hint("rename the file, or use a symbolic link with a UTF-8 name")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};

    #[test]
    fn arguments_work_in_any_working_directory() {
        let home = if cfg!(windows) {
            "C:\\home"
        } else {
            "/home/alice"
        };
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        let host = Host::with([(variable, home)], Clock::fixed(Timestamp::from_unix(0)));
        let below_home = Path::new(home).join("esc").join("env.yaml");
        let elsewhere = std::path::absolute("env.yaml").unwrap();
        for (environment, want) in [
            ("acme/platform/prod@3", "acme/platform/prod@3"),
            ("~/esc/env.yaml", below_home.to_str().unwrap()),
            (below_home.to_str().unwrap(), below_home.to_str().unwrap()),
            ("env.yaml", elsewhere.to_str().unwrap()),
            ("./env.yaml", elsewhere.to_str().unwrap()),
        ] {
            let flags = GetTokenFlags {
                environment: Some(environment.into()),
                cluster_name: Some("demo".to_owned()),
                session_name: Some("-x".to_owned()),
                ..GetTokenFlags::default()
            };
            assert_eq!(
                flags.to_arguments(&host).unwrap(),
                [
                    "get-token",
                    want,
                    "--cluster-name",
                    "demo",
                    "--session-name=-x"
                ]
            );
        }
    }
}
