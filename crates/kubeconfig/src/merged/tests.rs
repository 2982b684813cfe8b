use super::*;
use serde_json::json;

#[test]
fn cluster_server_has_every_setting_of_a_connection() {
    let text = "\
clusters:
- name: full
  cluster:
    server: https://a.test
    certificate-authority: ca/a.pem
    certificate-authority-data: QQ==
    insecure-skip-tls-verify: true
    tls-server-name: b.test
    proxy-url: http://proxy.test:3128
    extensions:
    - {name: other, extension: 1}
    - name: client.authentication.k8s.io/exec
      extension: {region: eu-west-1, 'on': true, n: 1, list: [~, '2'], version: \"1\"}
- {name: other, cluster: {insecure-skip-tls-verify: 'true', certificate-authority: /etc/b.pem}}
users:
- name: me
  user: {exec: {command: ./x, interactiveMode: Never, provideClusterInfo: true}}
";
    let file = KubeconfigFile {
        path: Path::new("dir").join("config"),
        text: Some(text.to_owned()),
    };
    let kubeconfig = MergedKubeconfig::parse(vec![file]).unwrap();
    let full = ClusterServer {
        url: "https://a.test".to_owned(),
        certificate_authority: Some(Path::new("dir").join("ca/a.pem")),
        certificate_authority_data: Some("QQ==".to_owned()),
        insecure_skip_tls_verify: true,
        tls_server_name: Some("b.test".to_owned()),
        proxy_url: Some("http://proxy.test:3128".to_owned()),
        exec_extension: Some(json!({
            "region": "eu-west-1", "on": true, "n": 1, "list": [null, "2"], "version": "1",
        })),
    };
    assert_eq!(kubeconfig.cluster_server("full"), Some(full));
    // Quoted text is not a boolean, and an absolute path is kept.
    let other = ClusterServer {
        certificate_authority: Some(PathBuf::from("/etc/b.pem")),
        ..ClusterServer::default()
    };
    assert_eq!(kubeconfig.cluster_server("other"), Some(other));
    assert_eq!(kubeconfig.cluster_server("absent"), None);
    let user = kubeconfig.user("me").unwrap();
    assert_eq!(user.directory, Path::new("dir"));
    let exec = user.exec.unwrap();
    assert_eq!(exec.interactive_mode.as_deref(), Some("Never"));
    assert!(exec.provide_cluster_info);
}
