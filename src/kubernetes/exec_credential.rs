//! The plugin's output: an `ExecCredential` with a bearer token.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::kubernetes::exec_info::ApiVersion;
use crate::secret::Secret;

/// A credential for the Kubernetes API. `Debug` does not show the token.
#[derive(Clone, Debug)]
pub struct ExecCredential {
    /// The version that client-go requested.
    pub api_version: ApiVersion,
    /// The bearer token.
    pub token: Secret<String>,
    /// When the token expires. client-go runs the plugin again after this time on its own clock, without
    /// a margin.
    pub expiration_timestamp: Timestamp,
}

impl ExecCredential {
    /// The credential as one line of JSON, without a final line feed.
    pub fn to_json(&self) -> Result<Zeroizing<String>> {
        let json = ExecCredentialJson {
            kind: "ExecCredential",
            api_version: self.api_version.as_str(),
            spec: Spec { interactive: false },
            status: Status {
                expiration_timestamp: self.expiration_timestamp.to_string(),
                token: self.token.expose(),
            },
        };
        // Large enough for the token and the other fields: a buffer that is reallocated would leave
        // copies of the token in memory.
        let mut buffer = Zeroizing::new(Vec::with_capacity(self.token.expose().len() * 2 + 256));
        serde_json::to_writer(&mut *buffer, &json).map_err(|error| {
            Error::new(Kind::Internal, "cannot write the ExecCredential").caused_by(error)
        })?;
        let text = String::from_utf8(std::mem::take(&mut *buffer))
            .map_err(|_| Error::new(Kind::Internal, "the ExecCredential is not UTF-8"))?;
        Ok(Zeroizing::new(text))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialJson<'a> {
    kind: &'static str,
    api_version: &'static str,
    spec: Spec,
    status: Status<'a>,
}

#[derive(Serialize)]
struct Spec {
    interactive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    expiration_timestamp: String,
    token: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_is_one_line_of_json() {
        let credential = ExecCredential {
            api_version: ApiVersion::V1Beta1,
            token: Secret::from("k8s-aws-v1.x"),
            expiration_timestamp: Timestamp::from_unix(1_682_640_840),
        };
        assert_eq!(
            credential.to_json().unwrap().as_str(),
            concat!(
                r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","#,
                r#""spec":{"interactive":false},"status":{"expirationTimestamp":"#,
                r#""2023-04-28T00:14:00Z","token":"k8s-aws-v1.x"}}"#,
            )
        );
        assert!(!format!("{credential:?}").contains("k8s-aws"));
    }
}
