//! `update-kubeconfig` and `convert-kubeconfig`.

mod convert;
mod files;
mod gke_and_aks;
mod kubectl;
#[cfg(unix)]
pub(crate) mod signals;
mod sources;

/// The kubeconfig that `update-kubeconfig` writes to a new file: `name` is that of cluster, user and
/// context, `cluster_lines` are further lines of the cluster, and `args` follow `get-token`.
fn new_file(name: &str, server: &str, cluster_lines: &str, args: &[&str]) -> String {
    let args = args.iter().map(|arg| format!("      - {arg}\n"));
    let args = args.collect::<Vec<_>>().concat();
    format!(
        "\
apiVersion: v1
clusters:
- cluster:
{cluster_lines}    server: {server}
  name: {name}
contexts:
- context:
    cluster: {name}
    user: {name}
  name: {name}
current-context: {name}
kind: Config
users:
- name: {name}
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args:
      - get-token
{args}      command: kubectl-esc
      installHint: Install kubectl-esc and put it on the PATH as described at https://github.com/kubectl-esc/kubectl-esc
      interactiveMode: Never
"
    )
}
