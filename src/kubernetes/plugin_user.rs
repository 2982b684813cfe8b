//! The user entry that runs this plugin.
//!
//! It is the same for the same input, to the byte: Pulumi compares it.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::kubernetes::exec_info::ApiVersion;
use kubeconfig::{Section, Wanted};

/// The bare name of the plugin: every machine finds it on its own PATH, and allow-lists know it.
pub const COMMAND: &str = "kubectl-esc";

const INSTALL_HINT: &str = "kubectl-esc is not installed, or not on the PATH";

/// A user that this plugin logs in. `Debug` shows no variables, which may hold a secret.
#[derive(Clone, Default)]
pub struct PluginUser {
    /// The plugin's arguments.
    pub args: Vec<String>,
    /// Its variables. `None` leaves those that are there.
    pub env: Option<Vec<(String, String)>>,
}

impl fmt::Debug for PluginUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginUser")
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

impl PluginUser {
    /// The user's entry. Whatever else could log the user in is taken out: clients would prefer it.
    #[must_use]
    pub fn entry(&self, name: &str) -> Wanted {
        const OTHER_WAYS: [&str; 9] = [
            "auth-provider",
            "client-certificate",
            "client-certificate-data",
            "client-key",
            "client-key-data",
            "password",
            "token",
            "tokenFile",
            "username",
        ];
        let mut values = vec![
            (vec!["exec", "apiVersion"], json!(ApiVersion::V1.as_str())),
            (vec!["exec", "args"], json!(self.args)),
            (vec!["exec", "command"], json!(COMMAND)),
            (vec!["exec", "installHint"], json!(INSTALL_HINT)),
            (vec!["exec", "interactiveMode"], json!("Never")),
        ];
        let mut removed: Vec<_> = OTHER_WAYS.iter().map(|way| vec![*way]).collect();
        match self.env.as_deref() {
            None => {}
            Some([]) => removed.push(vec!["exec", "env"]),
            Some(env) => {
                let variable =
                    |(name, value): &(String, String)| json!({"name": name, "value": value});
                let env = env.iter().map(variable).collect();
                values.push((vec!["exec", "env"], Json::Array(env)));
            }
        }
        Wanted {
            section: Section::Users,
            name: name.to_owned(),
            values,
            removed,
        }
    }
}
