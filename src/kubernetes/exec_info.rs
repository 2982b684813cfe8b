//! `KUBERNETES_EXEC_INFO`: the `ExecCredential` object that client-go passes to the plugin.

use std::fmt;

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
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The exec info: what client-go tells the plugin.
#[derive(Clone, Debug, Default)]
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

impl ExecInfo {
    /// Reads the exec info from the environment variable. If it is not set, as when a user runs the
    /// plugin by hand, returns the default with the newest version.
    ///
    /// Rejects unknown versions, with a hint that client-go would not give.
    pub fn read(host: &Host) -> Result<Self> {
        host.variable(VARIABLE)?
            .map_or_else(|| Ok(Self::default()), |text| Self::parse(&text))
    }

    /// Parses an `ExecCredential` in JSON.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| malformed("is not valid JSON").caused_by(error))?;
        let Value::Object(document) = document else {
            return Err(malformed(&format!(
                "is not an ExecCredential: it is {}, not an object",
                json_type(&document)
            )));
        };
        if text_field(&document, "kind", "kind")? != Some("ExecCredential") {
            return Err(malformed("is not an ExecCredential: wrong `kind`"));
        }
        let api_version = match text_field(&document, "apiVersion", "apiVersion")? {
            None => return Err(malformed("has no `apiVersion`")),
            Some(version) => parse_version(version)?,
        };
        let Some(spec) = object_field(&document, "spec", "spec")? else {
            return Ok(Self {
                api_version,
                ..Self::default()
            });
        };
        let interactive = match spec.get("interactive") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(interactive)) => *interactive,
            Some(other) => return Err(wrong_type("spec.interactive", "a boolean", other)),
        };
        let cluster = match object_field(spec, "cluster", "spec.cluster")? {
            None => None,
            Some(cluster) => Some(ProvidedCluster {
                server: text_field(cluster, "server", "spec.cluster.server")?.map(str::to_owned),
                config: object_field(cluster, "config", "spec.cluster.config")?
                    .cloned()
                    .unwrap_or_default(),
            }),
        };
        Ok(Self {
            api_version,
            interactive,
            cluster,
        })
    }
}

fn parse_version(text: &str) -> Result<ApiVersion> {
    for version in [ApiVersion::V1, ApiVersion::V1Beta1] {
        if text == version.as_str() {
            return Ok(version);
        }
    }
    let error = Error::configuration(format!("unsupported exec API version `{text}`"));
    Err(if text == format!("{GROUP}/v1alpha1") {
        error.with_hint(format!(
            "Kubernetes 1.24 removed v1alpha1: set `apiVersion: {GROUP}/v1` in the user's `exec` \
             entry of the kubeconfig"
        ))
    } else {
        error.with_hint(format!(
            "set `apiVersion: {GROUP}/v1` (or v1beta1) in the user's `exec` entry of the kubeconfig"
        ))
    })
}

fn malformed(problem: &str) -> Error {
    Error::configuration(format!("the variable `{VARIABLE}` {problem}")).with_hint(format!(
        "kubectl and other clients set `{VARIABLE}`; unset it to run kubectl-esc by hand"
    ))
}

fn wrong_type(path: &str, expected: &str, found: &Value) -> Error {
    malformed(&format!(
        "is not an ExecCredential: `{path}` is {}, not {expected}",
        json_type(found)
    ))
}

fn text_field<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a str>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(path, "a string", other)),
    }
}

fn object_field<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Option<&'a Map<String, Value>>> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(wrong_type(path, "an object", other)),
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
