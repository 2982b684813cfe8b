//! Other credential plugins in the `exec` entries of kubeconfig users: what they do, in terms of this
//! plugin.

mod aks;
mod arguments;
mod eks;
mod gke;

use std::fmt;

use crate::config::ClusterProvider;
use crate::kubernetes::ApiVersion;
use crate::kubernetes::plugin_user::COMMAND;
use kubeconfig::Exec;

/// The credential plugin that a kubeconfig user runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ExecPlugin {
    /// This plugin.
    KubectlEsc,
    /// Another plugin.
    Convertible(Box<TokenCommand>),
    /// Another plugin for clusters of this provider whose arguments cannot be converted, and the reason.
    Unsupported(ClusterProvider, String),
    /// A plugin for other clusters.
    Other,
}

impl ExecPlugin {
    /// Identifies the plugin by its command and arguments.
    #[must_use]
    pub(crate) fn identify(exec: &Exec) -> Self {
        let program = program_name(&exec.command);
        let is_kubectl_plugin =
            program == "kubectl" && exec.args.first().is_some_and(|arg| arg == "esc");
        if program == COMMAND || is_kubectl_plugin {
            return Self::KubectlEsc;
        }
        for (provider, parse) in [
            (ClusterProvider::Eks, eks::parse as fn(&Exec) -> _),
            (ClusterProvider::Gke, gke::parse),
            (ClusterProvider::Aks, aks::parse),
        ] {
            match parse(exec) {
                Ok(Some(command)) => return Self::Convertible(Box::new(command)),
                Ok(None) => {}
                Err(reason) => return Self::Unsupported(provider, reason),
            }
        }
        Self::Other
    }
}

/// The file name of a program, without `.exe`.
fn program_name(command: &str) -> &str {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem_length = name.len().saturating_sub(4);
    match name.get(stem_length..) {
        Some(extension) if extension.eq_ignore_ascii_case(".exe") => &name[..stem_length],
        _ => name,
    }
}

fn non_empty(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// A command that prints a token for a cluster.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct TokenCommand {
    /// The provider of the cluster.
    pub provider: ClusterProvider,
    /// The name of the EKS cluster; its ID if it runs on AWS Outposts.
    pub cluster_name: Option<String>,
    /// The AWS region.
    pub region: Option<String>,
    /// The ARN of the role to assume.
    pub role_arn: Option<String>,
    /// The external ID for that role.
    pub external_id: Option<String>,
    /// The session name for that role.
    pub session_name: Option<String>,
    /// The URL of Microsoft Entra's host.
    pub azure_authority_host: Option<String>,
    /// Whose credentials it uses, for messages. One environment cannot replace those of several identities.
    pub identity: String,
    /// The environment variables that this plugin supports too.
    pub env: Vec<(String, String)>,
    /// The version of the exec protocol; v1 where this plugin does not support the entry's version.
    pub api_version: ApiVersion,
    /// Descriptions of the settings that this plugin does not have, such as "AWS profile `ops`". They
    /// do not include the values of variables, which may be secret.
    pub dropped: Vec<String>,
    /// The names of the environment variables that have no effect on this plugin.
    pub without_effect: Vec<String>,
}

/// Omits the variables, which may be secret.
impl fmt::Debug for TokenCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenCommand")
            .field("provider", &self.provider)
            .field("identity", &self.identity)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl TokenCommand {
    /// A command without settings, with the protocol version of the entry.
    fn new(provider: ClusterProvider, exec: &Exec) -> Self {
        let api_version = exec.api_version.as_deref();
        Self {
            provider,
            cluster_name: None,
            region: None,
            role_arn: None,
            external_id: None,
            session_name: None,
            azure_authority_host: None,
            identity: String::new(),
            env: Vec::new(),
            api_version: api_version
                .and_then(ApiVersion::from_name)
                .unwrap_or_default(),
            dropped: Vec::new(),
            without_effect: Vec::new(),
        }
    }

    fn drop_flag(&mut self, flag: &str) {
        self.dropped.push(format!("flag `--{flag}`"));
    }

    fn drop_variable(&mut self, name: &str) {
        self.dropped.push(format!("variable `{name}`"));
    }
}

#[cfg(test)]
mod tests;
