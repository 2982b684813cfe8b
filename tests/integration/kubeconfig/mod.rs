//! `update-kubeconfig` and `convert-kubeconfig`, and what they do to the files.

mod convert;
mod files;
mod kubectl;
mod sources;

/// A context that the plugin serves, as it is written into a new file: the name of cluster, user and
/// context, the server, further lines of the cluster, and arguments after `get-token`.
fn new_file(name: &str, server: &str, more: &str, args: &[&str]) -> String {
    let args = args.iter().map(|arg| format!("      - {arg}\n"));
    let args = args.collect::<Vec<_>>().concat();
    format!(
        "\
apiVersion: v1
clusters:
- cluster:
{more}    server: {server}
  name: {name}
contexts:
- context:
    cluster: {name}
    user: {name}
  name: {name}
kind: Config
users:
- name: {name}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - get-token
{args}      command: kubectl-esc
      installHint: kubectl-esc is not installed, or not on the PATH
      interactiveMode: Never
"
    )
}
