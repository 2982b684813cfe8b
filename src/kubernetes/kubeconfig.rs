//! The parts of a kubeconfig that matter here: where the clusters' API servers are.

use serde::Deserialize;

use crate::error::{Error, Result};

/// A kubeconfig, as far as it is read here; everything else in it is ignored.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Kubeconfig {
    #[serde(default, deserialize_with = "null_is_empty")]
    clusters: Vec<NamedCluster>,
}

#[derive(Clone, Debug, Deserialize)]
struct NamedCluster {
    #[serde(default, deserialize_with = "null_is_empty")]
    cluster: Cluster,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Cluster {
    #[serde(default)]
    server: Option<String>,
}

impl Kubeconfig {
    /// Reads a kubeconfig in YAML or JSON.
    pub fn parse(text: &str) -> Result<Self> {
        // The reader's own message may quote the text, which may hold a token.
        serde_yaml::from_str(text).map_err(|error| {
            let place = error.location().map_or_else(String::new, |location| {
                format!(" (line {}, column {})", location.line(), location.column())
            });
            Error::configuration(format!("the kubeconfig cannot be read{place}"))
                .with_hint("see that `kubectl config view` reads it")
        })
    }

    /// The URLs of the API servers, in the order of the file.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.clusters
            .iter()
            .filter_map(|cluster| cluster.cluster.server.as_deref())
    }
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_found_and_the_rest_is_ignored() {
        for (text, want) in [
            (
                "clusters:\n- name: a\n  cluster: {server: 'https://a.test', x: 1}\nusers: [1]\n",
                &["https://a.test"][..],
            ),
            (
                r#"{"clusters":[{"cluster":{"server":"https://a.test"}},{"cluster":null}]}"#,
                &["https://a.test"],
            ),
            ("clusters: null\n", &[]),
            ("{}", &[]),
        ] {
            let kubeconfig = Kubeconfig::parse(text).unwrap();
            assert_eq!(kubeconfig.servers().collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn a_broken_kubeconfig_is_not_quoted() {
        let error = Kubeconfig::parse("clusters: hunter2\n").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the kubeconfig cannot be read"),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
