use super::*;

#[test]
fn servers_are_listed() {
    for (text, expected) in [
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
        ("", &[]),
        ("clusters: []\n---\nclusters: 7\n", &[]),
    ] {
        let kubeconfig = Kubeconfig::parse(text).unwrap();
        assert_eq!(kubeconfig.servers().collect::<Vec<_>>(), expected, "{text}");
    }
}

#[test]
fn cluster_of_a_context() {
    let clusters = "\
clusters:
- {name: a, cluster: {server: 'https://a.test', certificate-authority-data: QQ==}}
- {name: b, cluster: {server: 'https://b.test', certificate-authority: /etc/ca.pem}}
- {name: c, cluster: {server: 'https://u:p@c.test'}}
- {name: d, cluster: {server: 'https://d.test', proxy-url: 'http://u:p@proxy.test'}}
- {name: e, cluster: {server: 'https://e.test', insecure-skip-tls-verify: true}}
- {name: f, cluster: {}}
";
    let contexts = "\
contexts:
- {name: a, context: {cluster: a, user: x, namespace: apps}}
- {name: b, context: {cluster: b}}
- {name: c, context: {cluster: c}}
- {name: d, context: {cluster: d}}
- {name: e, context: {cluster: e}}
- {name: f, context: {cluster: f}}
- {name: g, context: {cluster: none}}
";
    let both = format!("{clusters}{contexts}");
    let current = format!("{both}current-context: a\n");
    let single = "clusters: [{cluster: {server: 'https://a.test'}}]";
    for (text, context, expected) in [
        (current.as_str(), None, Ok("https://a.test apps")),
        (&current, Some("b"), Err("a file on another machine")),
        (&current, Some("c"), Err("user name or a password")),
        (&current, Some("d"), Err("user name or a password")),
        (&current, Some("e"), Err("insecure-skip-tls-verify")),
        (&current, Some("f"), Err("has no `server`")),
        (&current, Some("g"), Err("no cluster `none`")),
        (&current, Some("x"), Err("no context `x`")),
        (&both, None, Err("several contexts")),
        (clusters, None, Err("several clusters")),
        ("{}", None, Err("no cluster")),
        (single, None, Ok("https://a.test ")),
    ] {
        let found = Kubeconfig::parse(text).unwrap().cluster_of(context);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let namespace = found.namespace.unwrap_or_default();
                let found = format!("{} {namespace}", found.cluster.server);
                assert_eq!(found, expected);
            }
            (Err(error), Err(expected)) => {
                assert!(error.message.contains(expected), "{context:?}: {error}");
                assert!(!error.message.contains("u:p"), "{error}");
            }
            (found, expected) => panic!("{context:?}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn errors_do_not_quote_the_text() {
    for text in ["hunter2", "users: [hunter2", "users: *hunter2\n"] {
        let error = Kubeconfig::parse(text).unwrap_err();
        assert!(
            error.message.starts_with("cannot read the kubeconfig: "),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error}");
    }
}
