//! The GKE credential plugin `gke-gcloud-auth-plugin`.

use crate::config::ClusterProvider;
use crate::exec_plugins::TokenCommand;
use crate::exec_plugins::arguments::{FlagSpec, parse_arguments};
use kubeconfig::Exec;

const FLAGS: &[FlagSpec] = &[
    FlagSpec::switch("add_dir_header"),
    FlagSpec::switch("alsologtostderr"),
    FlagSpec::switch("logtostderr"),
    FlagSpec::switch("one_output"),
    FlagSpec::switch("skip_headers"),
    FlagSpec::switch("skip_log_headers"),
    FlagSpec::switch("use_application_default_credentials"),
    FlagSpec::switch("use_edge_cloud"),
    FlagSpec::with_value("account", None),
    FlagSpec::with_value("cluster", None),
    FlagSpec::with_value("configuration", None),
    FlagSpec::with_value("impersonate_service_account", None),
    FlagSpec::with_value("location", None),
    FlagSpec::with_value("log_backtrace_at", None),
    FlagSpec::with_value("log_dir", None),
    FlagSpec::with_value("log_file", None),
    FlagSpec::with_value("log_file_max_size", None),
    FlagSpec::with_value("project", None),
    FlagSpec::with_value("stderrthreshold", None),
    FlagSpec::with_value("v", Some('v')),
    FlagSpec::with_value("vmodule", None),
];

/// Returns `None` for other commands, and the reason if the command is not supported.
pub(super) fn parse(exec: &Exec) -> Result<Option<TokenCommand>, String> {
    if super::program_name(&exec.command) != "gke-gcloud-auth-plugin" {
        return Ok(None);
    }
    let arguments: Vec<&str> = exec.args.iter().map(String::as_str).collect();
    let (_, flags) = parse_arguments(&arguments, FLAGS, false)?;
    let mut command = TokenCommand::new(ClusterProvider::Gke, exec);
    for (flag, value) in flags {
        match flag {
            "use_edge_cloud" if value != "false" => {
                return Err("`--use_edge_cloud` is not for GKE".to_owned());
            }
            "use_application_default_credentials" if value != "false" => command.drop_flag(flag),
            "account" | "configuration" | "impersonate_service_account" if !value.is_empty() => {
                command.dropped.push(format!("flag `--{flag} {value}`"));
            }
            // The other flags affect only logs, or clusters of Edge Cloud.
            _ => {}
        }
    }
    for (name, value) in &exec.env {
        match name.as_str() {
            _ if value.is_empty() => {}
            "CLOUDSDK_ACTIVE_CONFIG_NAME"
            | "CLOUDSDK_AUTH_ACCESS_TOKEN"
            | "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"
            | "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE"
            | "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"
            | "CLOUDSDK_CONFIG"
            | "CLOUDSDK_CORE_ACCOUNT"
            | "GOOGLE_APPLICATION_CREDENTIALS" => command.drop_variable(name),
            "USE_GKE_GCLOUD_AUTH_PLUGIN" => command.without_effect.push(name.clone()),
            // Endpoints of Google's services work here too.
            _ if name.starts_with("CLOUDSDK_") && !name.starts_with("CLOUDSDK_API_ENDPOINT_") => {
                command.without_effect.push(name.clone());
            }
            _ => command.env.push((name.clone(), value.clone())),
        }
    }
    command.identity = match command.dropped.as_slice() {
        [] => "the account of gcloud".to_owned(),
        dropped => dropped.join(", "),
    };
    Ok(Some(command))
}
