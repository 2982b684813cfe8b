//! Flags that several commands share, and the requests they make.
//!
//! The doc comments on the fields are help texts.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::{
    CacheRequest, DEFAULT_TIMEOUT, OpenRequest, Reference, Request, Setting, SettingSearch,
    parse_positive_duration,
};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::ExecInfo;

/// The headings of the flags in a command's help. Flags without one come first.
pub(super) mod heading {
    pub(in crate::commands) const AWS: &str = "AWS";
    pub(in crate::commands) const CACHE: &str = "Cache";
    pub(in crate::commands) const CLUSTER: &str = "Cluster";
    pub(in crate::commands) const IDENTITY_TOKENS: &str = "Identity tokens";
    pub(in crate::commands) const KUBECONFIG: &str = "Kubeconfig";
    pub(in crate::commands) const OUTPUT: &str = "Output";
    pub(in crate::commands) const PULUMI_CLOUD: &str = "Pulumi Cloud";
}

/// The output formats of most commands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    Json,
    Text,
}

/// Flags for opening an environment.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct OpenFlags {
    /// Directory of imported definitions
    ///
    /// They are PROJECT/NAME.yaml or NAME.yaml in it. [default: the definition's directory]
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) root: Option<PathBuf>,

    /// File with the OIDC token for aws-login
    ///
    /// [default: the file that AWS_WEB_IDENTITY_TOKEN_FILE names, then the token of GitHub Actions]
    #[arg(long, value_name = "FILE", conflicts_with = "web_identity_token_env")]
    #[arg(help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_token_file: Option<PathBuf>,

    /// Variable with the OIDC token for aws-login
    #[arg(long, value_name = "NAME", help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_token_env: Option<String>,

    /// Audience of the token from GitHub Actions
    ///
    /// [default: sts.amazonaws.com]
    #[arg(long, value_name = "AUDIENCE", help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity_audience: Option<String>,

    /// Environment in Pulumi Cloud that decrypts a local definition's secrets
    ///
    /// The local definition is a copy of it. [env: KUBECTL_ESC_SECRETS_OF]
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "remote")]
    #[arg(help_heading = heading::PULUMI_CLOUD)]
    pub(super) secrets_of: Option<String>,

    #[command(flatten)]
    pub(super) cloud: CloudFlags,
}

/// Flags for Pulumi Cloud, and the timeout.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CloudFlags {
    /// Evaluate a local definition in Pulumi Cloud
    ///
    /// All providers work there.
    #[arg(long, help_heading = heading::PULUMI_CLOUD)]
    pub(super) remote: bool,

    /// Organization for environment names without one
    ///
    /// [env: PULUMI_DEFAULT_ORGANIZATION] [default: the one set with `pulumi org set-default`, then the
    /// server's]
    #[arg(long, value_name = "ORGANIZATION", help_heading = heading::PULUMI_CLOUD)]
    pub(super) organization: Option<String>,

    /// OIDC token to exchange for a Pulumi access token: file://PATH or env:NAME
    ///
    /// [env: KUBECTL_ESC_PULUMI_OIDC_TOKEN] [default: the token of GitHub Actions, if there is no other
    /// login]
    #[arg(long, value_name = "SOURCE", help_heading = heading::PULUMI_CLOUD)]
    pub(super) pulumi_oidc_token: Option<String>,

    /// Type of the Pulumi access token to request
    ///
    /// One of organization, organization:admin, team:NAME, personal:LOGIN or runner:NAME. [env:
    /// KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE] [default: organization]
    #[arg(long, value_name = "TYPE", help_heading = heading::PULUMI_CLOUD)]
    pub(super) pulumi_oidc_token_type: Option<String>,

    /// Give up after this long, such as 15s or 1m
    ///
    /// [env: KUBECTL_ESC_TIMEOUT] [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
}

/// Flags of `get-token`, except for those of the cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct GetTokenFlags {
    /// Environment to open: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod or acme/platform/prod@3, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    pub(super) environment: Option<OsString>,

    /// Name of the EKS cluster
    ///
    /// [env: KUBECTL_ESC_CLUSTER_NAME] [default: eks.clusterName in the environment]
    #[arg(short = 'i', long, visible_alias = "cluster-id", value_name = "NAME")]
    #[arg(help_heading = heading::CLUSTER)]
    pub(super) cluster_name: Option<String>,

    /// AWS region of the cluster
    ///
    /// [env: KUBECTL_ESC_REGION] [default: eks.region in the environment]
    #[arg(long, value_name = "REGION", help_heading = heading::CLUSTER)]
    pub(super) region: Option<String>,

    /// ARN of a role to assume with the environment's credentials
    ///
    /// [env: KUBECTL_ESC_ROLE_ARN]
    #[arg(long, value_name = "ARN", help_heading = heading::AWS)]
    pub(super) role_arn: Option<String>,

    /// External ID for that role
    ///
    /// [env: KUBECTL_ESC_EXTERNAL_ID]
    #[arg(long, value_name = "ID", help_heading = heading::AWS)]
    pub(super) external_id: Option<String>,

    /// Session name for that role
    ///
    /// [env: KUBECTL_ESC_SESSION_NAME] [default: kubectl-esc]
    #[arg(long, value_name = "NAME", help_heading = heading::AWS)]
    pub(super) session_name: Option<String>,

    /// Property path of the AWS credentials, such as aws.creds
    ///
    /// [env: KUBECTL_ESC_CREDENTIALS] [default: found in the environment]
    #[arg(long, value_name = "PATH", help_heading = heading::AWS)]
    pub(super) credentials: Option<String>,

    /// Property path of an OIDC token to exchange for credentials
    ///
    /// AWS STS exchanges it for credentials of the role that --role-arn names. [env:
    /// KUBECTL_ESC_WEB_IDENTITY]
    #[arg(long, value_name = "PATH", conflicts_with = "credentials")]
    #[arg(help_heading = heading::IDENTITY_TOKENS)]
    pub(super) web_identity: Option<String>,

    /// How long to use credentials of unknown expiry, such as 1h
    ///
    /// [env: KUBECTL_ESC_CREDENTIAL_LIFETIME] [default: 15m]
    #[arg(long, value_name = "DURATION", help_heading = heading::AWS)]
    pub(super) credential_lifetime: Option<String>,

    /// Version of the exec protocol: v1 or v1beta1
    ///
    /// For clients that do not set KUBERNETES_EXEC_INFO. [env: KUBECTL_ESC_API_VERSION] [default: v1]
    #[arg(long, value_name = "VERSION", help_heading = heading::OUTPUT)]
    pub(super) api_version: Option<String>,

    #[command(flatten)]
    pub(super) open: OpenFlags,
}

/// Flags for editing a kubeconfig.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct KubeconfigFlags {
    /// Kubeconfig file to change
    ///
    /// [default: the files in KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE", help_heading = heading::KUBECONFIG)]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Name of the context, and of the user unless --user-alias is given
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    pub(super) alias: Option<String>,

    /// Name of the user
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    pub(super) user_alias: Option<String>,

    /// Print the changes as a diff without writing them
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(super) dry_run: bool,

    /// Make the context the current one
    #[arg(long, help_heading = heading::KUBECONFIG)]
    pub(super) set_current: bool,
}

/// The location of the credential cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheDirectoryFlags {
    /// Directory of kubectl's caches
    ///
    /// Entries are in its subdirectory kubectl-esc. [env: KUBECTL_ESC_CACHE_DIR] [default:
    /// ~/.kube/cache]
    #[arg(long, value_name = "DIRECTORY", help_heading = heading::CACHE)]
    pub(super) cache_dir: Option<PathBuf>,
}

/// Flags for using the credential cache.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheFlags {
    /// Do not read or write the credential cache
    ///
    /// [env: KUBECTL_ESC_NO_CACHE]
    #[arg(long, help_heading = heading::CACHE)]
    pub(super) no_cache: bool,

    /// Fetch new credentials and replace the cached ones
    #[arg(long, conflicts_with = "no_cache", help_heading = heading::CACHE)]
    pub(super) refresh: bool,

    #[command(flatten)]
    pub(super) directory: CacheDirectoryFlags,
}

/// The flag and the environment variable of a setting.
struct SettingNames {
    flag: &'static str,
    variable: &'static str,
}

const API_VERSION: SettingNames = names("--api-version", "KUBECTL_ESC_API_VERSION");
const CLUSTER_NAME: SettingNames = names("--cluster-name", "KUBECTL_ESC_CLUSTER_NAME");
const CREDENTIALS: SettingNames = names("--credentials", "KUBECTL_ESC_CREDENTIALS");
const CREDENTIAL_LIFETIME: SettingNames =
    names("--credential-lifetime", "KUBECTL_ESC_CREDENTIAL_LIFETIME");
const EXTERNAL_ID: SettingNames = names("--external-id", "KUBECTL_ESC_EXTERNAL_ID");
const ORGANIZATION: SettingNames = names("--organization", "PULUMI_DEFAULT_ORGANIZATION");
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
    pub(super) fn request(&self, environment: &OsStr, host: &Host) -> Result<OpenRequest> {
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
    pub(super) fn timeout(&self, host: &Host) -> Result<Option<Duration>> {
        let timeout = TIMEOUT.find(self.timeout.as_ref(), host)?;
        let timeout = timeout.map(|timeout| timeout.parse(|text| parse_positive_duration(text)));
        Ok(timeout.transpose()?.map(|timeout| timeout.value))
    }
}

impl GetTokenFlags {
    /// The request for a token, including what `KUBERNETES_EXEC_INFO` says.
    pub(super) fn request(&self, cache: &CacheFlags, host: &Host) -> Result<Request> {
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
    pub(super) fn settings(
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
        request.cluster_name = CLUSTER_NAME.find(self.cluster_name.as_ref(), host)?;
        request.region = REGION.find(self.region.as_ref(), host)?;
        request.role_arn = ROLE_ARN.find(self.role_arn.as_ref(), host)?;
        request.external_id = EXTERNAL_ID.find(self.external_id.as_ref(), host)?;
        request.session_name = SESSION_NAME.find(self.session_name.as_ref(), host)?;
        request.credentials = CREDENTIALS.find(self.credentials.as_ref(), host)?;
        request.web_identity = WEB_IDENTITY.find(self.web_identity.as_ref(), host)?;
        request.credential_lifetime =
            CREDENTIAL_LIFETIME.find(self.credential_lifetime.as_ref(), host)?;
        if let Some(version) = API_VERSION.find(self.api_version.as_ref(), host)? {
            request.api_version = version.parse(|text| text.parse())?.value;
        }
        request.open.region = request.region.as_ref().map(|region| region.value.clone());
        Ok(request)
    }

    /// The environment in the argument, or else in the variable.
    pub(super) fn environment(&self, host: &Host) -> Option<OsString> {
        let variable = || host.path_variable("KUBECTL_ESC_ENVIRONMENT");
        let argument = self.environment.clone();
        argument.or_else(|| variable().map(PathBuf::into_os_string))
    }

    /// The arguments of a `get-token` call with these flags that works in any working directory.
    pub(super) fn to_arguments(&self, host: &Host) -> Result<Vec<String>> {
        // No `..` here: a new flag must be added to the arguments.
        let Self {
            environment,
            cluster_name,
            region,
            role_arn,
            external_id,
            session_name,
            credentials,
            web_identity,
            credential_lifetime,
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
            (CLUSTER_NAME.flag, cluster_name),
            (REGION.flag, region),
            (ROLE_ARN.flag, role_arn),
            (EXTERNAL_ID.flag, external_id),
            (SESSION_NAME.flag, session_name),
            (CREDENTIALS.flag, credentials),
            (WEB_IDENTITY.flag, web_identity),
            (CREDENTIAL_LIFETIME.flag, credential_lifetime),
            (API_VERSION.flag, api_version),
        ]));
        arguments.extend(open.to_arguments(host)?);
        Ok(arguments)
    }
}

impl CacheFlags {
    /// The request for the cache.
    pub(super) fn request(&self, host: &Host) -> Result<CacheRequest> {
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
    pub(super) fn path(&self, host: &Host) -> Result<Option<PathBuf>> {
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
pub(super) fn absolute_path(path: &Path, host: &Host) -> Result<String> {
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
