//! Each source of a token, good and bad.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::*;
use crate::clock::{Clock, Deadline, Timestamp};
use crate::error::Kind;
use crate::http::HttpClient;
use crate::http::test_server::{TestServer, closed_port, http_response};
use crate::identity_token::expiry;
use crate::secret::Secret;

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE2ODI2NDAwMDB9.c2lnbmF0dXJl";

fn host(variables: &[(&str, &str)]) -> Host {
    let clock = Clock::fixed(Timestamp::from_unix(0));
    Host::with(variables.iter().copied(), clock)
}

fn read(variables: &[(&str, &str)], choice: &Choice) -> Result<Secret<String>> {
    let host = host(variables);
    let deadline = Deadline::after(Duration::from_secs(20));
    choice
        .source(&host)?
        .read(&host, &HttpClient::new(&host), deadline)
}

/// Message, hint and kind of the failure; the token must be nowhere in it.
fn failure(variables: &[(&str, &str)], choice: &Choice) -> (Kind, String, String) {
    let error = read(variables, choice).unwrap_err();
    let shown = format!("{error:?} {:?}", error.causes().collect::<Vec<_>>());
    assert!(!shown.contains("hunter2"), "{shown}");
    let hint = error.hint().unwrap_or_default().to_owned();
    (error.kind(), error.to_string(), hint)
}

#[test]
fn the_first_source_wins() {
    let file = Choice {
        file: Some("/chosen".into()),
        variable: Some("CHOSEN".to_owned()),
        audience: None,
    };
    let variable = Choice {
        file: None,
        ..file.clone()
    };
    let none = Choice::default();
    let all = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/usual"),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "https://github.example.com/",
        ),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "hunter2"),
    ];
    for (choice, variables, want) in [
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
        let source = choice.source(&host(variables)).unwrap();
        assert_eq!(source.to_string(), want);
        assert!(!format!("{source:?}").contains("hunter2"));
    }
    for variables in [&all[1..2], &all[2..], &[]] {
        let (kind, message, hint) = failure(variables, &none);
        assert_eq!(kind, Kind::Configuration);
        assert_eq!(message, "there is no identity token to log in to AWS with");
        assert_eq!(
            hint,
            "give `--web-identity-token-file PATH` or `--web-identity-token-env NAME`, set \
             AWS_WEB_IDENTITY_TOKEN_FILE, or in GitHub Actions give the job `permissions: \
             id-token: write`"
        );
    }
}

#[test]
fn a_token_is_read_from_files_and_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    for text in [TOKEN.to_owned(), format!("\r\n {TOKEN}\n")] {
        std::fs::write(&path, &text).unwrap();
        let chosen = Choice {
            file: Some(path.clone()),
            ..Choice::default()
        };
        assert_eq!(read(&[], &chosen).unwrap().expose(), TOKEN);
        let usual = [("AWS_WEB_IDENTITY_TOKEN_FILE", path.to_str().unwrap())];
        assert_eq!(read(&usual, &Choice::default()).unwrap().expose(), TOKEN);
        let chosen = Choice {
            variable: Some("TOKEN".to_owned()),
            ..Choice::default()
        };
        assert_eq!(read(&[("TOKEN", &text)], &chosen).unwrap().expose(), TOKEN);
    }
}

#[test]
fn what_is_no_token_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let shape = "it has to be a signed JSON web token (JWT): three parts in base64url with \
                 dots between";
    let long = "an identity token is a JSON web token (JWT) of a few kilobytes";
    for (content, message, file_hint, variable_hint) in [
        (
            String::new(),
            "there is no identity token in",
            "check that whatever writes the file has run",
            "set the variable to the identity token, or name another",
        ),
        (
            " \n".to_owned(),
            "there is no identity token in",
            "check that whatever writes the file has run",
            "set the variable to the identity token, or name another",
        ),
        ("hunter2".to_owned(), "not an identity token", shape, shape),
        (
            "hunter2.e30".to_owned(),
            "not an identity token",
            shape,
            shape,
        ),
        (
            "hunter2.e30.".to_owned(),
            "not an identity token",
            shape,
            shape,
        ),
        (
            "hunter2.e30.c2ln.x".to_owned(),
            "not an identity token",
            shape,
            shape,
        ),
        (
            "hunter2.e3 0.c2ln".to_owned(),
            "not an identity token",
            shape,
            shape,
        ),
        (
            "hunter2.e30=.c2ln".to_owned(),
            "not an identity token",
            shape,
            shape,
        ),
        (
            "hunter2".repeat(10_000),
            "is too long for an identity token",
            long,
            long,
        ),
    ] {
        let path = folder.path().join("token");
        std::fs::write(&path, &content).unwrap();
        let place = format!(
            "the file `{}` (`--web-identity-token-file`)",
            path.display()
        );
        let chosen = Choice {
            file: Some(path),
            ..Choice::default()
        };
        let (kind, shown, hint) = failure(&[], &chosen);
        assert_eq!(kind, Kind::Configuration, "{shown}");
        assert!(shown.contains(message) && shown.contains(&place), "{shown}");
        assert_eq!(hint, file_hint, "{shown}");

        let chosen = Choice {
            variable: Some("TOKEN".to_owned()),
            ..Choice::default()
        };
        let (kind, shown, hint) = failure(&[("TOKEN", &content)], &chosen);
        assert_eq!(kind, Kind::Configuration, "{shown}");
        let place = "the variable `TOKEN` (`--web-identity-token-env`)";
        assert!(shown.contains(message) && shown.contains(place), "{shown}");
        assert_eq!(hint, variable_hint, "{shown}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing"), folder.path().to_owned()] {
        let chosen = Choice {
            file: Some(path.clone()),
            ..Choice::default()
        };
        let error = read(&[], &chosen).unwrap_err();
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
fn github_is_asked_for_a_token() {
    let body = format!(r#"{{"count":3,"value":"{TOKEN}"}}"#);
    let server = TestServer::responding([http_response(200, "", &body)]);
    let other = Choice {
        audience: Some("https://a.example.com/?b=c d".to_owned()),
        ..Choice::default()
    };
    for (path, choice, target) in [
        (
            "/token?api-version=2.0",
            &Choice::default(),
            "/token?api-version=2.0&audience=sts.amazonaws.com",
        ),
        (
            "/token",
            &other,
            "/token?audience=https%3A%2F%2Fa.example.com%2F%3Fb%3Dc%20d",
        ),
    ] {
        let url = format!("{}{path}", server.url());
        assert_eq!(read(&actions(&url), choice).unwrap().expose(), TOKEN);
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
fn what_github_refuses_is_explained() {
    let permission = "give the job `permissions: id-token: write`";
    let later = "try again in a moment";
    let refused = "GitHub Actions gives no identity token";
    let garbled = "what GitHub Actions answered is not an identity token";
    let network = "check the network: a proxy may answer in the place of GitHub";
    for (status, body, kind, message, hint) in [
        (403, "hunter2", Kind::Denied, refused, permission),
        (401, "", Kind::Denied, refused, permission),
        (404, "", Kind::Configuration, refused, permission),
        (302, "", Kind::Configuration, refused, permission),
        (429, "", Kind::Unavailable, refused, later),
        (500, "", Kind::Unavailable, refused, later),
        (200, "hunter2", Kind::Unavailable, garbled, network),
        (
            200,
            r#"{"value":7,"x":"hunter2"}"#,
            Kind::Unavailable,
            garbled,
            network,
        ),
        (
            200,
            r#"{"value":"hunter2"}"#,
            Kind::Unavailable,
            garbled,
            network,
        ),
        (200, r#"{"value":""}"#, Kind::Unavailable, garbled, network),
        (200, r#"["hunter2"]"#, Kind::Unavailable, garbled, network),
    ] {
        let server = TestServer::responding([http_response(status, "", body)]);
        let got = failure(&actions(&server.url()), &Choice::default());
        assert_eq!(
            got,
            (kind, message.to_owned(), hint.to_owned()),
            "{status} {body}"
        );
    }
    let refused = format!("http://127.0.0.1:{}", closed_port());
    let (kind, message, hint) = failure(&actions(&refused), &Choice::default());
    assert_eq!(kind, Kind::Unavailable);
    assert_eq!(message, "cannot get an identity token from GitHub Actions");
    assert!(hint.starts_with("check the network"), "{hint}");
    let (kind, message, _) = failure(&actions("http://example.com"), &Choice::default());
    assert_eq!(kind, Kind::Configuration);
    assert_eq!(message, "cannot get an identity token from GitHub Actions");
}

#[test]
fn a_silent_github_is_left_at_the_deadline() {
    let server = TestServer::silent();
    let url = server.url();
    let host = host(&actions(&url));
    let deadline = Deadline::after(Duration::from_millis(100));
    let source = Choice::default().source(&host).unwrap();
    let error = source
        .read(&host, &HttpClient::new(&host), deadline)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(
        error.causes().next().unwrap(),
        "`127.0.0.1` did not respond within 100ms"
    );
}

#[test]
fn the_expiry_is_read_where_there_is_one() {
    let token = |claims: &str| {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(claims);
        Secret::new(format!("e30.{payload}.c2ln"))
    };
    for (claims, want) in [
        (r#"{"exp":1682640000}"#, Some(1_682_640_000)),
        (r#"{"sub":"ä","exp":1682640000.75}"#, Some(1_682_640_000)),
        (r#"{"exp":-1}"#, Some(-1)),
        (r#"{"exp":"1682640000"}"#, None),
        (r#"{"exp":1e300}"#, None),
        (r#"{"exp":null}"#, None),
        ("{}", None),
        ("[]", None),
        ("hunter2", None),
    ] {
        let expiry = expiry(&token(claims)).map(Timestamp::unix);
        assert_eq!(expiry, want, "{claims}");
    }
    for text in ["", "e30", "e30.!.c2ln", "e30..c2ln"] {
        assert_eq!(expiry(&Secret::from(text)), None, "{text}");
    }
}
