use super::*;
use esc::format::Secrets;

fn outputs(state: &State) -> String {
    let text = json::compact(&state.outputs, Secrets::Revealed);
    text.as_str().unwrap().to_owned()
}

const RESOURCES: &str = r#"{"manifest":{},"resources":[
    {"urn":"urn:pulumi:demo::eks::x:y:Z$pulumi:pulumi:Stack::inner","custom":false,
     "type":"pulumi:pulumi:Stack","parent":"urn:pulumi:x","outputs":{"inner":true}},
    {"outputs":{"n":1.50},"urn":"urn:pulumi:demo::eks::pulumi:pulumi:Stack::eks-demo",
     "type":"pulumi:pulumi:Stack","later":[{}]},
    {"urn":"urn:pulumi:demo::eks::pulumi:pulumi:Stack::second","type":"pulumi:pulumi:Stack",
     "outputs":{"second":true}}],
    "secrets_providers":{"type":"cloud","state":{"url":"awskms://alias/x?region=y",
     "encryptedkey":"AAAA"}}}"#;

#[test]
fn all_versions_are_supported() {
    for text in [
        format!(r#"{{"stack":"demo","latest":{RESOURCES}}}"#),
        format!(r#"{{"version":1,"checkpoint":{{"stack":"demo","latest":{RESOURCES}}}}}"#),
        format!(r#"{{"version":3,"checkpoint":{{"latest":{RESOURCES}}}}}"#),
        format!(r#"{{"version":4,"features":["new"],"checkpoint":{{"latest":{RESOURCES}}}}}"#),
    ] {
        let state = read_checkpoint(text.as_bytes()).unwrap();
        assert_eq!(outputs(&state), r#"{"n":1.50}"#, "{text}");
        assert_eq!(state.project.as_deref(), Some("eks"));
        let provider = state.secrets_provider.unwrap();
        assert_eq!(provider.kind, "cloud");
        assert_eq!(provider.key_service(), Some("awskms"));
        assert_eq!(provider.salt(), "");
    }
    let text = format!(r#"{{"version":3,"deployment":{RESOURCES}}}"#);
    let state = read_export(text.as_bytes()).unwrap();
    assert_eq!(outputs(&state), r#"{"n":1.50}"#);
}

#[test]
fn a_stack_without_a_deployment_has_no_outputs() {
    for text in [
        "{}",
        r#"{"version":3,"checkpoint":{"stack":"demo"}}"#,
        r#"{"version":3,"checkpoint":null}"#,
        r#"{"version":3,"checkpoint":{"latest":{"resources":null}}}"#,
        r#"{"version":3,"checkpoint":{"latest":{"secrets_providers":{"type":""}}}}"#,
        r#"{"version":3,"checkpoint":{"latest":{"resources":[
            {"type":"pulumi:pulumi:Stack","urn":"x","outputs":null}]}}}"#,
    ] {
        let state = read_checkpoint(text.as_bytes()).unwrap();
        assert_eq!(outputs(&state), "{}", "{text}");
        assert!(state.secrets_provider.is_none(), "{text}");
    }
    for text in [r#"{"version":3,"deployment":null}"#, r#"{"version":9}"#] {
        let state = read_export(text.as_bytes()).unwrap();
        assert_eq!(outputs(&state), "{}", "{text}");
    }
}

#[test]
fn errors_do_not_quote_the_state() {
    let root = |outputs: &str| {
        format!(
            r#"{{"version":3,"checkpoint":{{"latest":{{"resources":[
            {{"type":"pulumi:pulumi:Stack","outputs":{outputs}}}]}}}}}}"#
        )
    };
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(128), "]".repeat(128));
    for (text, want) in [
        (String::new(), "it ends unexpectedly at line 1, column 0"),
        (
            "{\"version\":3,".to_owned(),
            "it ends unexpectedly at line 1, column 13",
        ),
        (
            "{\n  hunter2}".to_owned(),
            "it is not valid JSON at line 2, column 3",
        ),
        (
            "{\"version\":\"hunter2\"}".to_owned(),
            "it is not the state of a stack: unexpected structure at line 1, column 20",
        ),
        (
            "{\"version\":7,\"checkpoint\":[\"hunter2\"]}".to_owned(),
            "it has version 7, but only versions up to 4 are supported",
        ),
        (
            "{\"version\":7,\"checkpoint\":{}}".to_owned(),
            "it has version 7, but only versions up to 4 are supported",
        ),
        (root("[1]"), "its outputs are not an object"),
        (root(&deep), "its outputs are nested deeper than 128 levels"),
    ] {
        let error = read_checkpoint(text.as_bytes()).err().unwrap();
        assert_eq!(error.to_string(), want, "{text}");
    }
}
