//! Which credentials are cached.

use std::fs;

use stand_ins::sts::configuration::{USER_KEY_ID, USER_SECRET_KEY};

use super::{CacheFixture, LOCAL, with_second_role};

/// Static keys in a local definition, in several forms.
fn definitions() -> Vec<(&'static str, String)> {
    let keys = format!("accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}");
    let eks = "eks: {clusterName: prod, region: eu-west-1}";
    vec![
        ("plain", format!("values:\n  aws: {{{keys}}}\n  {eks}\n")),
        (
            "secret",
            format!(
                "values:\n  aws:\n    accessKeyId: {USER_KEY_ID}\n    secretAccessKey: \
                 {{'fn::secret': {USER_SECRET_KEY}}}\n  {eks}\n"
            ),
        ),
        (
            "aws-login",
            format!("values:\n  aws: {{'fn::open::aws-login': {{static: {{{keys}}}}}}}\n  {eks}\n"),
        ),
        (
            "variables",
            format!(
                "values:\n  environmentVariables:\n    AWS_ACCESS_KEY_ID: {USER_KEY_ID}\n    \
                 AWS_SECRET_ACCESS_KEY: {USER_SECRET_KEY}\n  {eks}\n"
            ),
        ),
        ("import", format!("imports: [keys]\nvalues:\n  {eks}\n")),
    ]
}

fn keys() -> String {
    format!("values:\n  aws: {{accessKeyId: {USER_KEY_ID}, secretAccessKey: {USER_SECRET_KEY}}}\n")
}

/// Returns whether the cache has an entry with credentials.
fn has_cached_credentials(fixture: &CacheFixture) -> bool {
    fixture.files("entry").iter().any(|path| {
        let content = fs::read(path).unwrap();
        content.starts_with(b"{\"format\"")
    })
}

#[test]
fn static_keys_of_a_local_definition_are_not_cached() {
    for (name, definition) in definitions() {
        let fixture =
            CacheFixture::local(&definition).with(|plugin| plugin.file("keys.yaml", keys()));
        for _ in 0..3 {
            let (output, requests) = fixture.requests_of(|| fixture.run());
            let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
            assert!(caller.ends_with("user/alice"), "{name}: {caller}");
            assert_eq!(requests, (0, 0), "{name}");
            assert!(!has_cached_credentials(&fixture), "{name}");
        }
    }
}

#[test]
fn role_assumed_with_static_keys_is_cached() {
    for (name, definition) in definitions() {
        let fixture = CacheFixture::local(&definition)
            .with(|plugin| with_second_role(plugin).file("keys.yaml", keys()));
        for expected in [1, 0, 0] {
            let (output, requests) = fixture.requests_of(|| fixture.run());
            let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
            assert!(caller.contains("assumed-role/admin/"), "{name}: {caller}");
            assert_eq!(requests, (0, expected), "{name}");
        }
        assert!(has_cached_credentials(&fixture), "{name}");
        // Other keys in the definition.
        let file = if name == "import" {
            "keys.yaml"
        } else {
            "env.yaml"
        };
        let text = fs::read_to_string(fixture.plugin.path(file)).unwrap();
        let other = text.replace(USER_SECRET_KEY, "somebodyelse/K7MDENG/bPxRfiCYEXAMPLEKEY");
        fs::write(fixture.plugin.path(file), other).unwrap();
        let (output, requests) = fixture.requests_of(|| fixture.run());
        assert_eq!(output.code, 4, "{name}: {output:?}");
        assert_ne!(requests, (0, 0), "{name}");
        fs::write(fixture.plugin.path(file), text).unwrap();
        let (output, requests) = fixture.requests_of(|| fixture.run());
        assert_eq!((output.code, requests), (0, (0, 0)), "{name}: {output:?}");
    }
}

#[test]
fn static_keys_in_pulumi_cloud_are_cached() {
    let (_, definition) = definitions().remove(2);
    let fixture = CacheFixture::cloud_with(|configuration| {
        *configuration = configuration
            .clone()
            .environment("test", "static", &definition);
    });
    let plugin = fixture
        .pulumi_cloud
        .plugin()
        .args(["get-token", "acme/test/static"]);
    let fixture = fixture.with(|_| plugin);
    for expected in [2, 0, 0] {
        let (output, requests) = fixture.requests_of(|| fixture.run());
        let caller = fixture.aws.caller(&output.token(), "prod").unwrap();
        assert!(caller.ends_with("user/alice"), "{caller}");
        assert_eq!(requests, (expected, 0));
    }
}

/// A pipe can be read once: the cache key must not read it before it is needed.
#[cfg(unix)]
#[test]
fn inputs_from_a_pipe_are_read_once() {
    use super::{replace_arguments, through_shell};
    use crate::support::plugin::{TIME_LIMIT, run};

    for (file, argument) in [("env.yaml", ""), ("identity", "--web-identity-token-file")] {
        let fixture = CacheFixture::local(LOCAL);
        for _ in 0..2 {
            let mut call = fixture.plugin.command();
            if argument.is_empty() {
                replace_arguments(&mut call, &["get-token", "/dev/stdin"]);
            } else {
                let arguments = ["get-token", "env.yaml", argument, "/dev/stdin"];
                replace_arguments(&mut call, &arguments);
            }
            let command = through_shell(&call, "cat \"$0\" | \"$@\"", file);
            let (output, requests) = fixture.requests_of(|| run(command, TIME_LIMIT));
            fixture.pulumi_cloud.assert_token(&output);
            assert_eq!(requests, (0, 1), "{file}");
        }
        assert!(fixture.files("entry").is_empty());
    }
}
