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
fn missing_fields_have_defaults() {
    let info = ExecInfo::parse(
        r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
            "spec":{"cluster":{"config":null}}}"#,
    )
    .unwrap();
    assert!(!info.interactive);
    assert!(info.cluster.unwrap().config.is_empty());
}

#[test]
fn malformed_exec_info_is_rejected_with_the_reason() {
    let v1 = "client.authentication.k8s.io/v1";
    for (text, want) in [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("[]", "it is an array, not an object"),
        ("null", "it is null, not an object"),
        ("{}", "wrong `kind`"),
        (r#"{"kind":"ExecCredential"}"#, "has no `apiVersion`"),
        (r#"{"kind":7}"#, "`kind` is a number, not a string"),
        (
            &format!(r#"{{"kind":"ExecCredential","apiVersion":"{v1}","spec":[]}}"#),
            "`spec` is an array, not an object",
        ),
        (
            &format!(
                r#"{{"kind":"ExecCredential","apiVersion":"{v1}","spec":{{"interactive":"no"}}}}"#
            ),
            "`spec.interactive` is a string, not a boolean",
        ),
        (
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v2"}"#,
            "unsupported exec API version `client.authentication.k8s.io/v2`",
        ),
    ] {
        let error = ExecInfo::parse(text).unwrap_err();
        assert!(error.to_string().contains(want), "{text}: {error}");
        assert!(error.hint().is_some());
    }
}
