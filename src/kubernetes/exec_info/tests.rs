use super::*;

#[test]
fn both_versions_are_parsed() {
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
fn unknown_fields_and_other_kinds_are_ignored() {
    // As kubernetes-client/csharp writes it.
    let info = ExecInfo::parse(
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredentials","status":7,
            "spec":{"interactive":true,"later":[]}}"#,
    )
    .unwrap();
    assert!(info.interactive);
}

#[test]
fn missing_fields_have_defaults() {
    for (spec, has_cluster) in [
        (r#"{"cluster":{"config":null}}"#, true),
        ("{}", false),
        ("null", false),
    ] {
        let info = ExecInfo::parse(&format!(
            r#"{{"apiVersion":"client.authentication.k8s.io/v1","spec":{spec}}}"#
        ))
        .unwrap();
        assert!(!info.interactive);
        assert_eq!(info.cluster.is_some(), has_cluster);
    }
}

#[test]
fn malformed_exec_info_is_rejected_with_the_reason() {
    let v1 = "client.authentication.k8s.io/v1";
    for (text, want) in [
        ("", "is not an ExecCredential in JSON"),
        ("{", "is not an ExecCredential in JSON"),
        ("null", "is not an ExecCredential in JSON"),
        ("{}", "has no `apiVersion`"),
        (
            &format!(r#"{{"apiVersion":"{v1}","spec":[]}}"#),
            "is not an ExecCredential in JSON",
        ),
        (
            &format!(r#"{{"apiVersion":"{v1}","spec":{{"interactive":"no"}}}}"#),
            "is not an ExecCredential in JSON",
        ),
        (
            r#"{"apiVersion":"client.authentication.k8s.io/v2"}"#,
            "unsupported exec API version `client.authentication.k8s.io/v2`",
        ),
        (
            r#"{"apiVersion":"v1"}"#,
            "unsupported exec API version `v1`",
        ),
    ] {
        let error = ExecInfo::parse(text).unwrap_err();
        assert!(error.to_string().contains(want), "{text}: {error}");
        assert!(error.hint().is_some());
    }
}
