//! The sources of identity tokens, valid and invalid.

use std::time::Duration;

use super::*;
use crate::context::test_context::{TestContext, host};
use crate::error::Kind;
use crate::http::test_server::{TestServer, closed_port, http_response};
use crate::secret::Secret;

const AWS: Recipient<'static> = Recipient {
    name: "AWS",
    file_variable: Some("AWS_WEB_IDENTITY_TOKEN_FILE"),
    audience: "sts.amazonaws.com",
};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE2ODI2NDAwMDB9.c2lnbmF0dXJl";

fn read(variables: &[(&str, &str)], settings: &IdentityTokenSettings) -> Result<Secret<String>> {
    let context = TestContext::new(variables, Duration::from_secs(20));
    settings.source(&AWS, &context.host)?.read(context.get())
}

/// Kind, message and hint of the error, which must not contain the token.
fn failure(variables: &[(&str, &str)], settings: &IdentityTokenSettings) -> (Kind, String, String) {
    let error = read(variables, settings).unwrap_err();
    let shown = format!("{error:?} {:?}", error.causes().collect::<Vec<_>>());
    assert!(!shown.contains("hunter2"), "{shown}");
    let hint = error.hint().unwrap_or_default().to_owned();
    (error.kind(), error.to_string(), hint)
}

#[test]
fn first_available_source_wins() {
    let file = IdentityTokenSettings {
        file: Some("/chosen".into()),
        variable: Some("CHOSEN".to_owned()),
        audience: None,
    };
    let variable = IdentityTokenSettings {
        file: None,
        ..file.clone()
    };
    let none = IdentityTokenSettings::default();
    let all = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/usual"),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "https://github.example.com/",
        ),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ];
    for (settings, variables, want) in [
        (
            &file,
            &all[..],
            "the file `/chosen` (`--web-identity-token-file`)",
        ),
        (
            &variable,
            &all[..],
            "the variable `CHOSEN` (`--web-identity-token-env`)",
        ),
        (
            &none,
            &all[..],
            "the file `/usual` (`AWS_WEB_IDENTITY_TOKEN_FILE`)",
        ),
        (&none, &all[1..], "GitHub Actions"),
    ] {
        let source = settings.source(&AWS, &host(variables)).unwrap();
        assert_eq!(source.to_string(), want);
        assert!(!format!("{source:?}").contains("hunter2"));
    }
    for variables in [&all[1..2], &all[2..], &[]] {
        let (kind, message, hint) = failure(variables, &none);
        assert_eq!(kind, Kind::Configuration);
        assert_eq!(message, "no identity token specified for AWS");
        assert_eq!(
            hint,
            "pass `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set \
             `AWS_WEB_IDENTITY_TOKEN_FILE`, or grant the GitHub Actions job the permission \
             `id-token: write`"
        );
    }
}

#[test]
fn every_source_of_several_recipients_is_returned_once() {
    let azure = Recipient {
        file_variable: Some("AZURE_FEDERATED_TOKEN_FILE"),
        ..AWS
    };
    let github = Recipient {
        file_variable: None,
        ..AWS
    };
    let flag = IdentityTokenSettings {
        variable: Some("CHOSEN".to_owned()),
        ..IdentityTokenSettings::default()
    };
    let none = IdentityTokenSettings::default();
    let all = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/aws"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/azure"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github.example"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ];
    let (aws_file, azure_file) = (all[0].0, all[1].0);
    for (settings, variables, want) in [
        (&flag, &all[..], &["--web-identity-token-env"][..]),
        (&none, &all, &[aws_file, azure_file, "GitHub Actions"]),
        (&none, &all[..2], &[aws_file, azure_file]),
        (&none, &all[1..], &[azure_file, "GitHub Actions"]),
        (&none, &all[..1], &[aws_file]),
        (&none, &all[..3], &[aws_file, azure_file]),
        (&none, &[], &[]),
    ] {
        let sources = settings.sources(&[&AWS, &azure, &github], &host(variables));
        let names: Vec<_> = sources.iter().map(IdentityTokenSource::named_by).collect();
        assert_eq!(names, want);
    }
}

#[test]
fn token_is_read_from_files_and_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    for text in [TOKEN.to_owned(), format!("\r\n {TOKEN}\n")] {
        std::fs::write(&path, &text).unwrap();
        let settings = IdentityTokenSettings {
            file: Some(path.clone()),
            ..IdentityTokenSettings::default()
        };
        assert_eq!(read(&[], &settings).unwrap().expose(), TOKEN);
        let usual = [("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap())];
        assert_eq!(
            read(&usual, &IdentityTokenSettings::default())
                .unwrap()
                .expose(),
            TOKEN
        );
        let settings = IdentityTokenSettings {
            variable: Some("TOKEN".to_owned()),
            ..IdentityTokenSettings::default()
        };
        assert_eq!(
            read(&[("TOKEN", &text)], &settings).unwrap().expose(),
            TOKEN
        );
    }
}

#[test]
fn invalid_token_is_an_error_that_does_not_quote_it() {
    let folder = tempfile::tempdir().unwrap();
    let shape = "use a signed JSON web token (JWT): three parts in base64url, separated by dots";
    let long = "an identity token is a JSON web token (JWT) of a few kilobytes";
    let missing = (
        "there is no identity token in",
        "check that the process that writes the file has run",
        "set the variable to the identity token, or use another one",
    );
    let invalid = ("does not contain a valid identity token", shape, shape);
    let too_long = ("is too long for an identity token", long, long);
    for (content, (message, file_hint, variable_hint)) in [
        ("", missing),
        (" \n", missing),
        ("hunter2", invalid),
        ("hunter2.e30", invalid),
        ("hunter2.e30.", invalid),
        ("hunter2.e30.c2ln.x", invalid),
        ("hunter2.e3 0.c2ln", invalid),
        ("hunter2.e30=.c2ln", invalid),
        (&"hunter2".repeat(10_000), too_long),
    ] {
        let path = folder.path().join("token");
        std::fs::write(&path, content).unwrap();
        let place = format!(
            "the file `{}` (`--web-identity-token-file`)",
            path.display()
        );
        let settings = IdentityTokenSettings {
            file: Some(path),
            ..IdentityTokenSettings::default()
        };
        let (kind, shown, hint) = failure(&[], &settings);
        assert_eq!(kind, Kind::Configuration, "{shown}");
        assert!(shown.contains(message) && shown.contains(&place), "{shown}");
        assert_eq!(hint, file_hint, "{shown}");

        let settings = IdentityTokenSettings {
            variable: Some("TOKEN".to_owned()),
            ..IdentityTokenSettings::default()
        };
        let (kind, shown, hint) = failure(&[("TOKEN", content)], &settings);
        assert_eq!(kind, Kind::Configuration, "{shown}");
        let place = "the variable `TOKEN` (`--web-identity-token-env`)";
        assert!(shown.contains(message) && shown.contains(place), "{shown}");
        assert_eq!(hint, variable_hint, "{shown}");
    }
}

#[test]
fn unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing"), folder.path().to_owned()] {
        let settings = IdentityTokenSettings {
            file: Some(path.clone()),
            ..IdentityTokenSettings::default()
        };
        let error = read(&[], &settings).unwrap_err();
        assert_eq!(error.kind(), Kind::Configuration);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot read the identity token from the file `{}` \
                 (`--web-identity-token-file`)",
                path.display()
            )
        );
        assert!(error.causes().next().is_some_and(|cause| !cause.is_empty()));
    }
}

fn actions(url: &str) -> [(&str, &str); 2] {
    [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", url),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ]
}

#[test]
fn github_issues_a_token_for_the_audience() {
    let body = format!(r#"{{"count":3,"value":"{TOKEN}"}}"#);
    let server = TestServer::responding([http_response(200, "", &body)]);
    let other = IdentityTokenSettings {
        audience: Some("https://a.example.com/?b=c d".to_owned()),
        ..IdentityTokenSettings::default()
    };
    for (path, settings, target) in [
        (
            "/token?api-version=2.0",
            &IdentityTokenSettings::default(),
            "/token?api-version=2.0&audience=sts.amazonaws.com",
        ),
        (
            "/token",
            &other,
            "/token?audience=https%3A%2F%2Fa.example.com%2F%3Fb%3Dc%20d",
        ),
    ] {
        let url = format!("{}{path}", server.url());
        assert_eq!(read(&actions(&url), settings).unwrap().expose(), TOKEN);
        let request = server.requests().pop().unwrap();
        assert!(
            request.starts_with(&format!("GET {target} HTTP/1.1\r\n")),
            "{request}"
        );
        let request = request.to_ascii_lowercase();
        assert!(
            request.contains("\r\nauthorization: bearer hunter2\r\n"),
            "{request}"
        );
    }
}

#[test]
fn rejections_by_github_are_explained() {
    let permission = "grant the job the permission `id-token: write`";
    let retry = "try again in a moment";
    let rejected = "GitHub Actions did not issue an identity token";
    let invalid = "the response from GitHub Actions is not an identity token";
    let network = "check the network: a proxy may be answering for GitHub";
    for (status, body, kind, message, hint) in [
        (403, "hunter2", Kind::Denied, rejected, permission),
        (401, "", Kind::Denied, rejected, permission),
        (404, "", Kind::Configuration, rejected, permission),
        (302, "", Kind::Configuration, rejected, permission),
        (429, "", Kind::Unavailable, rejected, retry),
        (500, "", Kind::Unavailable, rejected, retry),
        (200, "hunter2", Kind::Unavailable, invalid, network),
        (
            200,
            r#"{"value":7,"x":"hunter2"}"#,
            Kind::Unavailable,
            invalid,
            network,
        ),
        (
            200,
            r#"{"value":"hunter2"}"#,
            Kind::Unavailable,
            invalid,
            network,
        ),
        (200, r#"{"value":""}"#, Kind::Unavailable, invalid, network),
        (200, r#"["hunter2"]"#, Kind::Unavailable, invalid, network),
    ] {
        let server = TestServer::responding([http_response(status, "", body)]);
        let got = failure(&actions(&server.url()), &IdentityTokenSettings::default());
        assert_eq!(
            got,
            (kind, message.to_owned(), hint.to_owned()),
            "{status} {body}"
        );
    }
    let unreachable = format!("http://127.0.0.1:{}", closed_port());
    let (kind, message, hint) = failure(&actions(&unreachable), &IdentityTokenSettings::default());
    assert_eq!(kind, Kind::Unavailable);
    assert_eq!(message, "cannot get an identity token from GitHub Actions");
    assert!(hint.starts_with("check the network"), "{hint}");
    let (kind, message, _) = failure(
        &actions("http://example.com"),
        &IdentityTokenSettings::default(),
    );
    assert_eq!(kind, Kind::Configuration);
    assert_eq!(message, "cannot get an identity token from GitHub Actions");
}

#[test]
fn silent_github_times_out_at_the_deadline() {
    let server = TestServer::silent();
    let url = server.url();
    let context = TestContext::new(&actions(&url), Duration::from_millis(100));
    let source = IdentityTokenSettings::default()
        .source(&AWS, &context.host)
        .unwrap();
    let error = source.read(context.get()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.causes().next().unwrap(),
        "`127.0.0.1` did not respond within 100ms"
    );
}
