//! The flags that several commands share. Their doc comments are the help text.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::path::{Path, PathBuf};

use clap::Args;

use crate::config::{
    CacheRequest, DEFAULT_TIMEOUT, OpenRequest, Reference, Request, Setting, SettingSearch,
    parse_positive_duration,
};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::ExecInfo;

/// How an environment is opened.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct OpenFlags {
    /// Folder with the definitions that a local definition imports, as PROJECT/NAME.yaml or NAME.yaml
    /// [default: the definition's folder]
    #[arg(long, value_name = "FOLDER")]
    pub(super) root: Option<PathBuf>,

    /// File with the OIDC identity token for aws-login [default: the file that
    /// AWS_WEB_IDENTITY_TOKEN_FILE names, then the token of GitHub Actions]
    #[arg(long, value_name = "FILE", conflicts_with = "web_identity_token_env")]
    pub(super) web_identity_token_file: Option<PathBuf>,

    /// Environment variable with the OIDC identity token for aws-login
    #[arg(long, value_name = "NAME")]
    pub(super) web_identity_token_env: Option<String>,

    /// Audience of the token to request from GitHub Actions [default: sts.amazonaws.com]
    #[arg(long, value_name = "AUDIENCE")]
    pub(super) web_identity_audience: Option<String>,

    /// Environment in Pulumi Cloud that a local definition is a copy of, to decrypt its secrets
    /// [env: KUBECTL_ESC_SECRETS_OF]
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "remote")]
    pub(super) secrets_of: Option<String>,

    #[command(flatten)]
    pub(super) cloud: CloudFlags,
}

/// How Pulumi Cloud is reached, and the timeout.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CloudFlags {
    /// Evaluate a local definition in Pulumi Cloud, where all providers work
    #[arg(long)]
    pub(super) remote: bool,

    /// Organization for environment names without one [env: PULUMI_DEFAULT_ORGANIZATION] [default:
    /// the one set with `pulumi org set-default`, then the server's]
    #[arg(long, value_name = "ORGANIZATION")]
    pub(super) organization: Option<String>,

    /// Source of the OIDC token to exchange for a Pulumi access token: file://PATH or env:NAME [env:
    /// KUBECTL_ESC_PULUMI_OIDC_TOKEN] [default: the token of GitHub Actions, if there is no other
    /// login]
    #[arg(long, value_name = "SOURCE")]
    pub(super) pulumi_oidc_token: Option<String>,

    /// Type of the Pulumi access token to request: organization, organization:admin, team:NAME,
    /// personal:LOGIN or runner:NAME [env: KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE] [default: organization]
    #[arg(long, value_name = "TYPE")]
    pub(super) pulumi_oidc_token_type: Option<String>,

    /// Give up after this long, such as 15s or 1m [env: KUBECTL_ESC_TIMEOUT] [default: 15s]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,
}

/// The settings of `get-token`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct GetTokenFlags {
    /// Environment to open: a name in Pulumi Cloud such as acme/platform/prod or
    /// acme/platform/prod@3, or a definition file such as ./env.yaml [env: KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    pub(super) environment: Option<String>,

    /// Name of the EKS cluster [env: KUBECTL_ESC_CLUSTER_NAME]
    #[arg(short = 'i', long, visible_alias = "cluster-id", value_name = "NAME")]
    pub(super) cluster_name: Option<String>,

    /// AWS region of the cluster [env: KUBECTL_ESC_REGION]
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,

    /// ARN of a role to assume with the environment's credentials [env: KUBECTL_ESC_ROLE_ARN]
    #[arg(long, value_name = "ARN")]
    pub(super) role_arn: Option<String>,

    /// External ID for that role [env: KUBECTL_ESC_EXTERNAL_ID]
    #[arg(long, value_name = "ID")]
    pub(super) external_id: Option<String>,

    /// Session name for that role [env: KUBECTL_ESC_SESSION_NAME] [default: kubectl-esc]
    #[arg(long, value_name = "NAME")]
    pub(super) session_name: Option<String>,

    /// Property path of the AWS credentials in the environment, such as aws.creds [env:
    /// KUBECTL_ESC_CREDENTIALS]
    #[arg(long, value_name = "PATH")]
    pub(super) credentials: Option<String>,

    /// Property path of an OIDC identity token in the environment, to exchange at AWS STS for
    /// credentials of the role that --role-arn names [env: KUBECTL_ESC_WEB_IDENTITY]
    #[arg(long, value_name = "PATH", conflicts_with = "credentials")]
    pub(super) web_identity: Option<String>,

    /// How long to use the environment's credentials if their expiry is unknown, such as 1h [env:
    /// KUBECTL_ESC_CREDENTIAL_LIFETIME] [default: 15m]
    #[arg(long, value_name = "DURATION")]
    pub(super) credential_lifetime: Option<String>,

    #[command(flatten)]
    pub(super) open: OpenFlags,
}

/// Which kubeconfig to change, and how.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct KubeconfigFlags {
    /// Kubeconfig file to change [default: the files in KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Name of the context, and of the user unless --user-alias is given
    #[arg(long, value_name = "NAME")]
    pub(super) alias: Option<String>,

    /// Name of the user
    #[arg(long, value_name = "NAME")]
    pub(super) user_alias: Option<String>,

    /// Print the changes as a diff without writing them
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Make the context the current one
    #[arg(long)]
    pub(super) set_current: bool,
}

/// Where the cache is.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheFolderFlags {
    /// Cache folder [env: KUBECTL_ESC_CACHE_DIR] [default: ~/.kube/cache/kubectl-esc]
    #[arg(long, value_name = "FOLDER")]
    pub(super) cache_dir: Option<PathBuf>,
}

/// How the cache is used.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CacheFlags {
    /// Do not read or write the credential cache [env: KUBECTL_ESC_NO_CACHE]
    #[arg(long)]
    pub(super) no_cache: bool,

    /// Fetch new credentials and replace the cached ones
    #[arg(long, conflicts_with = "no_cache")]
    pub(super) refresh: bool,

    #[command(flatten)]
    pub(super) folder: CacheFolderFlags,
}

/// The setting of a flag, or else of a variable.
fn setting(
    flag: &'static str,
    value: Option<&String>,
    variable: &'static str,
    host: &Host,
) -> Result<Option<Setting>> {
    let search = SettingSearch::flag(flag, value).variable(variable, host)?;
    Ok(search.finish())
}

impl OpenFlags {
    /// The request to open `environment`.
    pub(super) fn request(&self, environment: &str, host: &Host) -> Result<OpenRequest> {
        let CloudFlags {
            remote,
            organization,
            pulumi_oidc_token,
            pulumi_oidc_token_type,
            timeout,
        } = &self.cloud;
        let expand = |path: Option<&PathBuf>| path.map(|path| host.expand(path)).transpose();
        let mut request = OpenRequest::new(Reference::parse(environment, host)?);
        request.root = expand(self.root.as_ref())?;
        request.web_identity_token_file = expand(self.web_identity_token_file.as_ref())?;
        request
            .web_identity_token_env
            .clone_from(&self.web_identity_token_env);
        request
            .web_identity_audience
            .clone_from(&self.web_identity_audience);
        request.secrets_of = setting(
            "--secrets-of",
            self.secrets_of.as_ref(),
            "KUBECTL_ESC_SECRETS_OF",
            host,
        )?;
        request.remote = *remote;
        request.organization = setting(
            "--organization",
            organization.as_ref(),
            "PULUMI_DEFAULT_ORGANIZATION",
            host,
        )?;
        request.pulumi_oidc_token = setting(
            "--pulumi-oidc-token",
            pulumi_oidc_token.as_ref(),
            "KUBECTL_ESC_PULUMI_OIDC_TOKEN",
            host,
        )?;
        request.pulumi_oidc_token_type = setting(
            "--pulumi-oidc-token-type",
            pulumi_oidc_token_type.as_ref(),
            "KUBECTL_ESC_PULUMI_OIDC_TOKEN_TYPE",
            host,
        )?;
        let timeout = setting("--timeout", timeout.as_ref(), "KUBECTL_ESC_TIMEOUT", host)?;
        request.timeout = match timeout {
            Some(timeout) => timeout.parse(|text| parse_positive_duration(text))?.value,
            None => DEFAULT_TIMEOUT,
        };
        Ok(request)
    }
}

impl GetTokenFlags {
    /// The request for a token. Reads `KUBERNETES_EXEC_INFO`.
    pub(super) fn request(&self, cache: &CacheFlags, host: &Host) -> Result<Request> {
        let exec_info = ExecInfo::read(host)?;
        let cluster = exec_info.cluster.unwrap_or_default();
        let mut request = self.settings(&cluster.config, host)?;
        request.cache = cache.request(host)?;
        request.api_version = exec_info.api_version;
        request.api_server = cluster.server;
        request.extension = cluster.config;
        Ok(request)
    }

    /// The settings of the flags and the variables. The cluster extension may name the environment.
    pub(super) fn settings(
        &self,
        extension: &serde_json::Map<String, serde_json::Value>,
        host: &Host,
    ) -> Result<Request> {
        let environment = SettingSearch::flag("ENVIRONMENT", self.environment.as_ref())
            .variable("KUBECTL_ESC_ENVIRONMENT", host)?
            .extension(extension, "environment")?
            .finish()
            .ok_or_else(no_environment)?;
        let mut request = Request::new(self.open.request(&environment.value, host)?);
        for (flag, value, variable, target) in [
            (
                "--cluster-name",
                &self.cluster_name,
                "KUBECTL_ESC_CLUSTER_NAME",
                &mut request.cluster_name,
            ),
            (
                "--region",
                &self.region,
                "KUBECTL_ESC_REGION",
                &mut request.region,
            ),
            (
                "--role-arn",
                &self.role_arn,
                "KUBECTL_ESC_ROLE_ARN",
                &mut request.role_arn,
            ),
            (
                "--external-id",
                &self.external_id,
                "KUBECTL_ESC_EXTERNAL_ID",
                &mut request.external_id,
            ),
            (
                "--session-name",
                &self.session_name,
                "KUBECTL_ESC_SESSION_NAME",
                &mut request.session_name,
            ),
            (
                "--credentials",
                &self.credentials,
                "KUBECTL_ESC_CREDENTIALS",
                &mut request.credentials,
            ),
            (
                "--web-identity",
                &self.web_identity,
                "KUBECTL_ESC_WEB_IDENTITY",
                &mut request.web_identity,
            ),
            (
                "--credential-lifetime",
                &self.credential_lifetime,
                "KUBECTL_ESC_CREDENTIAL_LIFETIME",
                &mut request.credential_lifetime,
            ),
        ] {
            *target = setting(flag, value.as_ref(), variable, host)?;
        }
        request.open.region = request.region.as_ref().map(|region| region.value.clone());
        Ok(request)
    }

    /// The arguments of a `get-token` call with these flags that works in any working directory:
    /// paths are absolute, or start with `~` if they are below the home directory.
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
            open,
        } = self;
        let OpenFlags {
            root,
            web_identity_token_file,
            web_identity_token_env,
            web_identity_audience,
            secrets_of,
            cloud,
        } = open;
        let CloudFlags {
            remote,
            organization,
            pulumi_oidc_token,
            pulumi_oidc_token_type,
            timeout,
        } = cloud;
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref().map(|path| portable_path(path, host));
            path.transpose()
        };
        let mut arguments = vec!["get-token".to_owned()];
        if let Some(environment) = environment {
            arguments.push(match Reference::parse(environment, host)? {
                Reference::Local(path) => portable_path(&path, host)?,
                Reference::Cloud(name) => name,
            });
        }
        for (flag, value) in [
            ("--cluster-name", cluster_name.clone()),
            ("--region", region.clone()),
            ("--role-arn", role_arn.clone()),
            ("--external-id", external_id.clone()),
            ("--session-name", session_name.clone()),
            ("--credentials", credentials.clone()),
            ("--web-identity", web_identity.clone()),
            ("--credential-lifetime", credential_lifetime.clone()),
            ("--root", path(root)?),
            ("--web-identity-token-file", path(web_identity_token_file)?),
            ("--web-identity-token-env", web_identity_token_env.clone()),
            ("--web-identity-audience", web_identity_audience.clone()),
            ("--secrets-of", secrets_of.clone()),
            ("--organization", organization.clone()),
            ("--pulumi-oidc-token", pulumi_oidc_token.clone()),
            ("--pulumi-oidc-token-type", pulumi_oidc_token_type.clone()),
            ("--timeout", timeout.clone()),
        ] {
            match value {
                // Otherwise it would be parsed as another flag.
                Some(value) if value.starts_with('-') => arguments.push(format!("{flag}={value}")),
                Some(value) => arguments.extend([flag.to_owned(), value]),
                None => {}
            }
        }
        if *remote {
            arguments.push("--remote".to_owned());
        }
        Ok(arguments)
    }
}

impl CacheFlags {
    /// How the call uses the cache.
    pub(super) fn request(&self, host: &Host) -> Result<CacheRequest> {
        let is_disabled = self.no_cache || is_disabled_by_variable(host)?;
        Ok(CacheRequest {
            folder: if is_disabled {
                None
            } else {
                self.folder.path(host)?
            },
            refresh: self.refresh,
        })
    }
}

impl CacheFolderFlags {
    /// The cache folder; `None` without a home directory.
    pub(super) fn path(&self, host: &Host) -> Result<Option<PathBuf>> {
        let variable = || host.path_variable("KUBECTL_ESC_CACHE_DIR");
        match self.cache_dir.clone().or_else(variable) {
            Some(folder) => host.expand(&folder).map(Some),
            None => Ok(CacheRequest::default_folder(host)),
        }
    }
}

fn is_disabled_by_variable(host: &Host) -> Result<bool> {
    const NAME: &str = "KUBECTL_ESC_NO_CACHE";
    match host.variable(NAME)?.as_deref() {
        None | Some("0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(Error::configuration(format!(
            "the variable `{NAME}` is neither `true` nor `false`"
        ))
        .with_hint(format!("set `{NAME}` to `true` or `false`, or unset it"))),
    }
}

fn no_environment() -> Error {
    Error::configuration("no environment specified")
        .with_hint("pass one: `kubectl-esc get-token ./env.yaml`, or set KUBECTL_ESC_ENVIRONMENT")
}

/// A path that works in any working directory: absolute, or below `~`.
fn portable_path(path: &Path, host: &Host) -> Result<String> {
    let shown = path.display();
    let full = if path.starts_with("~") {
        path.to_owned()
    } else {
        std::path::absolute(path).map_err(|error| {
            Error::configuration(format!("cannot resolve `{shown}`"))
                .with_hint("write an absolute path")
                .caused_by(error)
        })?
    };
    let home = host.home().filter(|home| home.parent().is_some());
    let full = match home.as_ref().and_then(|home| full.strip_prefix(home).ok()) {
        Some(below) => Path::new("~").join(below),
        None => full,
    };
    full.into_os_string().into_string().map_err(|_| {
        Error::configuration(format!("the path `{shown}` is not valid UTF-8"))
            .with_hint("rename the file, or use a symbolic link with a plain name")
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
        let shown = Path::new("~").join("esc").join("env.yaml");
        let elsewhere = std::path::absolute("env.yaml").unwrap();
        for (environment, want) in [
            ("acme/platform/prod@3", "acme/platform/prod@3"),
            ("~/esc/env.yaml", shown.to_str().unwrap()),
            (below_home.to_str().unwrap(), shown.to_str().unwrap()),
            ("env.yaml", elsewhere.to_str().unwrap()),
            ("./env.yaml", elsewhere.to_str().unwrap()),
        ] {
            let flags = GetTokenFlags {
                environment: Some(environment.to_owned()),
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
