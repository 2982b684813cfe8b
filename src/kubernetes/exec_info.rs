//! `KUBERNETES_EXEC_INFO`: the `ExecCredential` object that client-go passes to the plugin.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::host::Host;

/// The environment variable in which client-go passes the exec info.
pub(crate) const VARIABLE: &str = "KUBERNETES_EXEC_INFO";

const GROUP: &str = "client.authentication.k8s.io";

/// A version of the exec protocol. client-go rejects an answer in another version than it requested.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApiVersion {
    /// `client.authentication.k8s.io/v1`.
    #[default]
    V1,
    /// `client.authentication.k8s.io/v1beta1`.
    V1Beta1,
}

impl ApiVersion {
    /// The API group and version, as in `apiVersion`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "client.authentication.k8s.io/v1",
            Self::V1Beta1 => "client.authentication.k8s.io/v1beta1",
        }
    }

    /// The version without its group, as in `--api-version`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }

    /// The version with this name, as in `apiVersion`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::V1, Self::V1Beta1]
            .into_iter()
            .find(|version| version.as_str() == name)
    }
}

impl FromStr for ApiVersion {
    type Err = Error;

    /// Parses the value of `--api-version`: `v1`, `v1beta1`, or the name with its group.
    fn from_str(text: &str) -> Result<Self> {
        [Self::V1, Self::V1Beta1]
            .into_iter()
            .find(|version| [version.as_str(), version.short_name()].contains(&text))
            .ok_or_else(|| {
                Error::configuration(format!("unsupported exec API version `{text}`"))
                    .with_hint("use `v1` or `v1beta1`, as in the user's `exec` entry")
            })
    }
}

/// The exec info: what the client tells the plugin.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExecInfo {
    /// The version for the answer.
    pub api_version: ApiVersion,
    /// Whether the plugin may read from standard input. False if not set.
    pub interactive: bool,
    /// The cluster, if the kubeconfig has `provideClusterInfo: true`.
    pub cluster: Option<ProvidedCluster>,
}

/// The cluster that the credential is for, as in the kubeconfig.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProvidedCluster {
    /// The URL of the API server.
    pub server: Option<String>,
    /// The cluster's extension `client.authentication.k8s.io/exec`: settings by name.
    pub config: Map<String, Value>,
}

/// The fields that the plugin reads. Clients disagree about the others: the .NET client writes
/// `kind: ExecCredentials`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialJson {
    api_version: Option<String>,
    spec: Option<SpecJson>,
}

#[derive(Deserialize)]
struct SpecJson {
    interactive: Option<bool>,
    cluster: Option<ClusterJson>,
}

#[derive(Deserialize)]
struct ClusterJson {
    server: Option<String>,
    config: Option<Map<String, Value>>,
}

impl ExecInfo {
    /// Reads the exec info from the environment variable. `None` if it is not set, as when a user runs
    /// the plugin by hand; the Java, Ruby and JavaScript clients do not set it either.
    ///
    /// Rejects unknown versions, with a hint that client-go would not give.
    pub fn read(host: &Host) -> Result<Option<Self>> {
        host.variable(VARIABLE)?
            .map(|text| Self::parse(&text))
            .transpose()
    }

    /// Parses an `ExecCredential` in JSON. Ignores `kind` and unknown fields.
    pub fn parse(text: &str) -> Result<Self> {
        let document: ExecCredentialJson = serde_json::from_str(text)
            .map_err(|error| malformed("is not an ExecCredential in JSON").caused_by(error))?;
        let version = document
            .api_version
            .ok_or_else(|| malformed("has no `apiVersion`"))?;
        let spec = document.spec;
        let interactive = spec.as_ref().and_then(|spec| spec.interactive);
        let cluster = spec.and_then(|spec| spec.cluster);
        Ok(Self {
            api_version: ApiVersion::from_name(&version).ok_or_else(|| unsupported(&version))?,
            interactive: interactive.unwrap_or(false),
            cluster: cluster.map(|cluster| ProvidedCluster {
                server: cluster.server,
                config: cluster.config.unwrap_or_default(),
            }),
        })
    }
}

fn unsupported(version: &str) -> Error {
    let error = Error::configuration(format!("unsupported exec API version `{version}`"));
    if version == format!("{GROUP}/v1alpha1") {
        error.with_hint(format!(
            "Kubernetes 1.24 removed v1alpha1: set `apiVersion: {GROUP}/v1` in the user's `exec` \
             entry of the kubeconfig"
        ))
    } else {
        error.with_hint(format!(
            "set `apiVersion: {GROUP}/v1` (or v1beta1) in the user's `exec` entry of the kubeconfig"
        ))
    }
}

fn malformed(problem: &str) -> Error {
    Error::configuration(format!("the variable `{VARIABLE}` {problem}")).with_hint(format!(
        "kubectl and other clients set `{VARIABLE}`; unset it to run kubectl-esc by hand"
    ))
}

#[cfg(test)]
mod tests;
