//! The kubeconfig user that runs this plugin.
//!
//! The same input gives the same bytes, because Pulumi compares them.

use std::fmt;

use kubeconfig::{EntryChange, Section};
use serde_json::{Value as Json, json};

use crate::kubernetes::exec_info::ApiVersion;

/// The bare name of the plugin: clients find it on each machine's PATH, and allow lists name it.
pub(crate) const COMMAND: &str = "kubectl-esc";

const INSTALL_HINT: &str = concat!(
    "Install kubectl-esc and put it on the PATH as described at ",
    env!("CARGO_PKG_REPOSITORY")
);

/// Characters that the shell of fabric8, or the quoting of kubernetes-client/csharp, changes.
const FRAGILE_CHARACTERS: [char; 7] = [' ', '\t', '\n', '$', '~', '\'', '"'];

/// The fields of a user that clients would prefer to the exec plugin.
const OTHER_CREDENTIALS: [&str; 9] = [
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

/// A user that this plugin authenticates. `Debug` shows no variables, which may be secret.
#[derive(Clone)]
pub(crate) struct PluginUser {
    /// The plugin: [`COMMAND`], or an absolute path.
    pub command: String,
    /// The plugin's arguments.
    pub args: Vec<String>,
    /// The plugin's environment variables. `None` keeps those of an existing entry.
    pub env: Option<Vec<(String, String)>>,
    /// The version of the exec protocol.
    pub api_version: ApiVersion,
}

impl fmt::Debug for PluginUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PluginUser")
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

/// The arguments that some clients do not pass on unchanged.
pub(crate) fn fragile_arguments(arguments: &[String]) -> impl Iterator<Item = &str> {
    let arguments = arguments.iter().map(String::as_str);
    arguments.filter(|argument| argument.contains(FRAGILE_CHARACTERS))
}

impl PluginUser {
    /// The arguments that some clients do not pass on unchanged.
    pub(crate) fn fragile_arguments(&self) -> impl Iterator<Item = &str> {
        fragile_arguments(&self.args)
    }

    /// Returns the change that makes the entry `name` run this plugin. Removes all other credentials.
    #[must_use]
    pub(crate) fn entry(&self, name: &str) -> EntryChange {
        let mut set = vec![
            ("exec.apiVersion", json!(self.api_version.as_str())),
            ("exec.args", json!(self.args)),
            ("exec.command", json!(self.command)),
            ("exec.installHint", json!(INSTALL_HINT)),
            ("exec.interactiveMode", json!("Never")),
        ];
        let mut remove = OTHER_CREDENTIALS.to_vec();
        match self.env.as_deref() {
            None => {}
            Some([]) => remove.push("exec.env"),
            Some(env) => {
                let env = env
                    .iter()
                    .map(|(name, value)| json!({"name": name, "value": value}));
                set.push(("exec.env", Json::Array(env.collect())));
            }
        }
        EntryChange {
            section: Section::Users,
            name: name.to_owned(),
            set,
            remove,
        }
    }
}
