//! Opening and checking environments, and reading sessions.

use serde_json::json;
use stand_ins::pulumi_cloud::configuration::{
    ORGANIZATION_TOKEN, STRANGERS_TOKEN, TEAM_TOKEN, TOKEN, Token,
};

use super::{ENVIRONMENT, error, fixture, json, plain, query, session, with};

#[test]
fn environment_is_opened_with_aws_credentials() {
    let fixture = fixture(|_| ());
    let environment = fixture.opened(ENVIRONMENT);
    let values = plain(&environment["properties"]);
    assert_eq!(values["revision"], "three");
    assert_eq!(values["password"], "hunter2");
    assert_eq!(
        values["eks"],
        json!({"clusterName": "prod", "region": "eu-west-1"})
    );
    let login = &values["aws"]["login"];
    assert!(login["accessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert!(login["sessionToken"].is_string());
    assert_eq!(fixture.sts.actions(), ["AssumeRoleWithWebIdentity"]);
    let parameters = &fixture.sts.records()[0].parameters;
    assert_eq!(parameters["DurationSeconds"], "3600");

    // Each secret value is marked.
    let properties = &environment["properties"];
    assert_eq!(properties["password"]["secret"], true);
    assert!(properties["revision"].get("secret").is_none());
    let login = &properties["aws"]["value"]["login"]["value"];
    assert_eq!(login["secretAccessKey"]["secret"], true);

    // The expressions have the duration of the login.
    let call = &environment["exprs"]["aws"]["object"]["login"]["builtin"];
    assert_eq!(call["name"], "fn::open::aws-login");
    let duration = &call["arg"]["object"]["oidc"]["object"]["duration"];
    assert_eq!(duration["literal"], "1h");
    assert_eq!(
        duration["range"],
        json!({
            "environment": "platform/prod",
            "begin": {"line": 9, "column": 21, "byte": 141},
            "end": {"line": 9, "column": 23, "byte": 143},
        })
    );
    let password = &environment["exprs"]["password"]["builtin"]["arg"]["object"];
    assert!(password["ciphertext"]["literal"].is_string(), "{password}");
    assert_eq!(
        properties["revision"]["trace"]["def"]["begin"],
        json!({"line": 2, "column": 13, "byte": 20})
    );
    let context = plain(&environment["executionContext"]["properties"]);
    assert_eq!(
        context,
        json!({
            "currentEnvironment": {"name": "platform/prod"},
            "rootEnvironment": {"name": "platform/prod"},
            "pulumi": {
                "user": {"login": "alice"},
                "organization": {"login": "acme"},
                "token": {"type": "personal", "name": "laptop"},
                "openDuration": "2h0m0s",
            },
        })
    );
}

#[test]
fn revisions_and_tags_are_opened() {
    let fixture = fixture(|_| ());
    for (version, revision) in [
        ("1", "one"),
        ("stable", "two"),
        ("latest", "three"),
        ("3", "three"),
    ] {
        let environment = fixture.opened(&format!("{ENVIRONMENT}/versions/{version}"));
        assert_eq!(plain(&environment["properties"])["revision"], revision);
    }
    for (version, what) in [
        ("4", "revision"),
        ("0", "revision"),
        ("beta", "revision tag"),
    ] {
        let response = fixture.post(&format!("{ENVIRONMENT}/versions/{version}/open"), "");
        assert_eq!(
            error(&response),
            (404, format!("Not Found: {what} not found"))
        );
    }
}

#[test]
fn one_property_is_read() {
    let fixture = fixture(|_| ());
    let id = session(&fixture.post(&format!("{ENVIRONMENT}/open"), ""));
    let read = |path: &str| {
        let query = query(&[("property", path)]);
        fixture.get(&format!("{ENVIRONMENT}/open/{id}?{query}"))
    };
    assert_eq!(json(&read("eks.region"))["value"], "eu-west-1");
    assert_eq!(json(&read("[\"eks\"][\"clusterName\"]"))["value"], "prod");
    assert_eq!(json(&read("eks"))["value"]["region"]["value"], "eu-west-1");
    assert_eq!(error(&read("eks.nothing")).0, 404);
    assert_eq!(error(&read("eks..nothing")).0, 400);
}

#[test]
fn session_belongs_to_its_owner_and_expires() {
    let fixture = fixture(|_| ());
    let open = format!("{ENVIRONMENT}/open");
    let id = session(&fixture.post(&format!("{open}?duration=90s"), ""));
    let read = |token: &str, id: &str| fixture.send(token, "GET", &format!("{open}/{id}"), "");
    assert_eq!(read(TOKEN, &id).status, 200);
    let not_found = (404, "Not Found: open session not found".to_owned());
    for token in [ORGANIZATION_TOKEN, TEAM_TOKEN] {
        assert_eq!(error(&read(token, &id)), not_found);
    }
    let team_id = session(&fixture.send(TEAM_TOKEN, "POST", &open, ""));
    assert_eq!(read(TEAM_TOKEN, &team_id).status, 200);
    assert_eq!(error(&read(ORGANIZATION_TOKEN, &team_id)), not_found);
    assert_eq!(error(&read(TOKEN, "another")), not_found);
    let elsewhere = format!("/api/esc/environments/acme/platform/other/open/{id}");
    assert_eq!(error(&fixture.get(&elsewhere)), not_found);
    fixture.clock.advance(89);
    assert_eq!(read(TOKEN, &id).status, 200);
    fixture.clock.advance(1);
    assert_eq!(error(&read(TOKEN, &id)), not_found);
    let response = fixture.post(&format!("{open}?duration=soon"), "");
    assert_eq!(
        error(&response),
        (400, "Bad Request: invalid duration".to_owned())
    );
}

#[test]
fn only_valid_tokens_of_the_organization_open() {
    let fixture = fixture(|configuration| {
        let token = |text: &str, expires_at, revoked| Token {
            text: text.to_owned(),
            expires_at,
            revoked,
            ..configuration.tokens[0].clone()
        };
        let tokens = [
            token("pul-expired", Some(super::NOW), false),
            token("pul-lasting", Some(super::NOW + 1), false),
            token("pul-revoked", None, true),
        ];
        configuration.tokens.extend(tokens);
        let mut restricted = configuration.environments[0].clone();
        restricted.name = "restricted".to_owned();
        restricted.members = Some(vec!["team:platform".to_owned()]);
        configuration.environments.push(restricted);
    });
    let open = |token: &str, name: &str| {
        let target = format!("/api/esc/environments/acme/platform/{name}/open");
        fixture.send(token, "POST", &target, "")
    };
    for token in [TOKEN, ORGANIZATION_TOKEN, TEAM_TOKEN, "pul-lasting"] {
        assert_eq!(open(token, "prod").status, 200, "{token}");
    }
    let unauthorized = "Unauthorized: No credentials provided or are invalid.";
    for token in ["pul-unknown", "pul-expired", "pul-revoked", ""] {
        let rejected = error(&open(token, "prod"));
        assert_eq!(rejected, (401, unauthorized.to_owned()), "{token}");
    }
    // Without access, an environment is not found.
    let not_found = (404, "Not Found: environment not found".to_owned());
    assert_eq!(error(&open(STRANGERS_TOKEN, "prod")), not_found);
    assert_eq!(error(&open(TOKEN, "nothing")), not_found);
    assert_eq!(error(&open(TOKEN, "restricted")), not_found);
    assert_eq!(open(TEAM_TOKEN, "restricted").status, 200);
    fixture.cloud.revoke(TOKEN);
    assert_eq!(error(&open(TOKEN, "prod")).0, 401);
    let logins = fixture.cloud.records();
    let logins: Vec<_> = logins.iter().map(|record| record.login.as_str()).collect();
    assert_eq!(
        logins,
        [
            "alice", "acme", "acme", "alice", "", "", "", "", "mallory", "alice", "alice", "acme",
            ""
        ]
    );
}

#[test]
fn errors_are_diagnostics_with_ranges() {
    let fixture = with("values:\n  a: ${b}\n");
    let path = "/api/esc/environments/acme/test/env";
    for target in ["open", "check"] {
        let response = fixture.post(&format!("{path}/{target}"), "");
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            body,
            json!({
                "code": 400,
                "message": "Bad Request: the environment has errors",
                "diagnostics": [{
                    "range": {
                        "environment": "test/env",
                        "begin": {"line": 2, "column": 8, "byte": 15},
                        "end": {"line": 2, "column": 9, "byte": 16},
                    },
                    "summary": "unknown property \"b\"",
                    "path": "values.a",
                    "severity": "error",
                }],
            })
        );
    }
    assert_eq!(fixture.cloud.sessions_opened(), 0);
}
