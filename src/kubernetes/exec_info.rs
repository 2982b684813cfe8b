//! `KUBERNETES_EXEC_INFO`: the `ExecCredential` object that client-go hands to the plugin.

use std::fmt;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::host::Host;

/// The variable in which client-go passes the exec info.
pub const VARIABLE: &str = "KUBERNETES_EXEC_INFO";

const GROUP: &str = "client.authentication.k8s.io";

/// A version of the exec protocol. The answer must be in the version of the question.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApiVersion {
    /// `client.authentication.k8s.io/v1`.
    #[default]
    V1,
    /// `client.authentication.k8s.io/v1beta1`.
    V1Beta1,
}

impl ApiVersion {
    /// The group and version, as `apiVersion` holds it.
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

/// What client-go says about the call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExecInfo {
    /// The version to answer in.
    pub api_version: ApiVersion,
    /// Whether the plugin may read from standard input. False where client-go did not say so.
    pub interactive: bool,
    /// The cluster, where the kubeconfig has `provideClusterInfo: true`.
    pub cluster: Option<Cluster>,
}

/// The cluster that the credential is for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Cluster {
    /// The URL of the API server.
    pub server: Option<String>,
    /// The cluster's extension `client.authentication.k8s.io/exec`: settings by name.
    pub config: Map<String, Value>,
}

impl ExecInfo {
    /// Reads the exec info of this call. Where there is none, somebody runs the plugin by hand and
    /// gets the newest version.
    ///
    /// client-go refuses an answer in another version than it asked for, so an unknown version is an
    /// error here, where the user can read why.
    pub fn read(host: &Host) -> Result<Self> {
        host.variable(VARIABLE)?
            .map_or_else(|| Ok(Self::default()), |text| Self::parse(&text))
    }

    /// Reads the JSON text of an `ExecCredential`.
    pub fn parse(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| malformed("is not valid JSON").caused_by(error))?;
        let Value::Object(document) = document else {
            return Err(malformed(&format!(
                "is not an ExecCredential: it is {}, not an object",
                kind_of(&document)
            )));
        };
        if text_field(&document, "kind", "kind")? != Some("ExecCredential") {
            return Err(malformed(
                "is not an ExecCredential: its `kind` says otherwise",
            ));
        }
        let api_version = match text_field(&document, "apiVersion", "apiVersion")? {
            None => return Err(malformed("has no `apiVersion`")),
            Some(version) => supported(version)?,
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
            Some(cluster) => Some(Cluster {
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

fn supported(version: &str) -> Result<ApiVersion> {
    if let Some(known) = [ApiVersion::V1, ApiVersion::V1Beta1]
        .into_iter()
        .find(|known| known.as_str() == version)
    {
        return Ok(known);
    }
    let error = Error::configuration(format!("cannot answer in the exec API version `{version}`"));
    Err(if version == format!("{GROUP}/v1alpha1") {
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
        "kubectl and other clients set `{VARIABLE}` themselves; unset it to run kubectl-esc by hand"
    ))
}

fn wrong_type(path: &str, wanted: &str, found: &Value) -> Error {
    malformed(&format!(
        "is not an ExecCredential: `{path}` is {}, not {wanted}",
        kind_of(found)
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

fn kind_of(value: &Value) -> &'static str {
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
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        for (version, want) in [("v1", ApiVersion::V1), ("v1beta1", ApiVersion::V1Beta1)] {
            let text = format!(
                r#"{{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/{version}",
                     "spec":{{"interactive":true,"cluster":{{"server":"https://example.test",
                     "certificate-authority-data":"AA==","config":{{"region":"eu-west-1"}}}}}}}}"#
            );
            let info = ExecInfo::parse(&text).unwrap();
            let cluster = info.cluster.unwrap();
            assert_eq!(info.api_version, want);
            assert!(info.interactive);
            assert_eq!(cluster.server.as_deref(), Some("https://example.test"));
            assert_eq!(cluster.config["region"], "eu-west-1");
        }
    }

    #[test]
    fn what_is_missing_has_a_default() {
        let info = ExecInfo::parse(
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
                "spec":{"cluster":{"config":null}}}"#,
        )
        .unwrap();
        assert!(!info.interactive);
        assert!(info.cluster.unwrap().config.is_empty());
    }

    #[test]
    fn malformed_exec_info_says_what_is_wrong() {
        let v1 = "client.authentication.k8s.io/v1";
        for (text, want) in [
            ("", "is not valid JSON"),
            ("{", "is not valid JSON"),
            ("[]", "it is an array, not an object"),
            ("null", "it is null, not an object"),
            ("{}", "its `kind` says otherwise"),
            (r#"{"kind":"ExecCredential"}"#, "has no `apiVersion`"),
            (r#"{"kind":7}"#, "`kind` is a number, not a string"),
            (
                &format!(r#"{{"kind":"ExecCredential","apiVersion":"{v1}","spec":[]}}"#),
                "`spec` is an array, not an object",
            ),
            (
                &format!(
                    r#"{{"kind":"ExecCredential","apiVersion":"{v1}","spec":{{"interactive":"no"}}}}"#
                ),
                "`spec.interactive` is a string, not a boolean",
            ),
            (
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v2"}"#,
                "cannot answer in the exec API version `client.authentication.k8s.io/v2`",
            ),
        ] {
            let error = ExecInfo::parse(text).unwrap_err();
            assert!(error.to_string().contains(want), "{text}: {error}");
            assert!(error.hint().is_some());
        }
    }
}
