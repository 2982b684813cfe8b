//! Reads, updates, tags and lists of definitions, and the encryption of their secrets.

use serde_json::{Value, json};
use stand_ins::http::{Client, Response};
use stand_ins::pulumi_cloud::configuration::{STRANGERS_TOKEN, TOKEN};

use super::{ENVIRONMENT, Fixture, error, fixture, json, plain, with};

const PATH: &str = "/api/esc/environments/acme/test/env";

fn patch(fixture: &Fixture, definition: &str, etag: Option<&str>) -> Response {
    let authorization = format!("token {TOKEN}");
    let mut headers = vec![
        ("Authorization", authorization.as_str()),
        ("Accept", "application/json"),
        ("Content-Type", "application/x-yaml"),
    ];
    headers.extend(etag.map(|etag| ("ETag", etag)));
    let url = format!("{}{PATH}", fixture.cloud.url());
    let client = Client::default();
    client
        .send("PATCH", &url, &headers, definition.as_bytes())
        .unwrap()
}

#[test]
fn definitions_are_returned_with_encrypted_secrets() {
    let definition = "values:\n  # Of the database.\n  plain: a\n  quoted:\n    fn::secret: \"b \\\" c\"\n  \
                      single: {fn::secret: 'it''s'}\n  block:\n    fn::secret: |\n      one\n      \
                      two\n  list:\n    - fn::secret: é\n    - fn::secret: a$$b $c\n";
    let fixture = with(definition);
    let response = fixture.get(PATH);
    let shown = response.text();
    assert_eq!(response.header("content-type"), Some("application/x-yaml"));
    assert_eq!(response.header("pulumi-esc-revision"), Some("1"));
    for secret in ["b \\\"", "it's", "one", "é"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(
        shown.starts_with("values:\n  # Of the database.\n  plain: a\n"),
        "{shown}"
    );
    assert_eq!(shown.matches("{ciphertext: ZXNje").count(), 5, "{shown}");
    assert_eq!(fixture.get(&format!("{PATH}/decrypt")).text(), definition);
    let head = fixture.send(TOKEN, "HEAD", PATH, "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), response.header("etag"));

    // A definition with encrypted secrets can be sent back without a change in its values.
    let before = plain(&fixture.opened(PATH)["properties"]);
    let etag = response.header("etag").unwrap();
    let changed = patch(&fixture, &shown.replace("plain: a", "plain: z"), Some(etag));
    assert_eq!(
        changed.header("pulumi-esc-revision"),
        Some("2"),
        "{}",
        changed.text()
    );
    let mut after = plain(&fixture.opened(PATH)["properties"]);
    assert_eq!(after["plain"], "z");
    after["plain"] = json!("a");
    assert_eq!(after, before);
    assert_eq!(before["quoted"], "b \" c");
    assert_eq!(before["single"], "it's");
    assert_eq!(before["block"], "one\ntwo\n");
    assert_eq!(before["list"], json!(["é", "a$b $c"]));

    let rejected = patch(&fixture, "values: {}\n", Some(etag));
    let conflict = "Conflict: the environment has changed since it was read";
    assert_eq!(error(&rejected), (409, conflict.to_owned()));
    assert_eq!(patch(&fixture, "values: []\n", None).status, 400);
    let first = fixture.get(&format!("{PATH}/versions/1"));
    assert_eq!(first.text(), shown);
    let first = fixture.get(&format!("{PATH}/versions/1/decrypt"));
    assert_eq!(first.text(), definition);
}

#[test]
fn secrets_are_bound_to_their_environment() {
    let fixture = with("values: {}\n");
    let call = |target: &str, body: &Value| fixture.post(target, &body.to_string());
    let plaintexts = json!({"plaintexts": ["one", ""]});
    let sealed = json(&call(&format!("{PATH}/encrypt-secrets"), &plaintexts));
    let decrypt = format!("{PATH}/decrypt-secrets");
    assert_eq!(json(&call(&decrypt, &sealed)), plaintexts);
    let envelope = fixture.cloud.encrypt("acme", "test", "env", "one");
    assert_eq!(sealed["ciphertexts"][0], envelope);
    let error_of =
        |target: &str, text: &str| error(&call(target, &json!({"ciphertexts": [text]}))).1;
    // Changes a character of the nonce.
    let other = if envelope.as_bytes()[20] == b'A' {
        "B"
    } else {
        "A"
    };
    let damaged = [&envelope[..20], other, &envelope[21..]].concat();
    let moved = error_of(&format!("{ENVIRONMENT}/decrypt-secrets"), &envelope);
    let why = "Bad Request: invalid ciphertext: decrypting: message authentication failed";
    assert_eq!(moved, why);
    for (text, why) in [
        ("no base64!", "illegal base64 data"),
        ("ZXNjeA==", "EOF"),
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "invalid header"),
        (&damaged, "invalid checksum"),
    ] {
        assert_eq!(
            error_of(&decrypt, text),
            format!("Bad Request: invalid ciphertext: {why}")
        );
    }
    let large = "x".repeat(300_000);
    let response = call(&decrypt, &json!({"ciphertexts": [large]}));
    assert_eq!(error(&response).0, 413);
}

#[test]
fn environments_are_created_listed_and_deleted() {
    let fixture = with("values: {}\n");
    let organization = "/api/esc/environments/acme";
    let new = json!({"project": "test", "name": "new"}).to_string();
    assert_eq!(fixture.post(organization, &new).status, 200);
    assert_eq!(error(&fixture.post(organization, &new)).0, 409);
    assert_eq!(
        fixture.opened(&format!("{organization}/test/new"))["properties"],
        json!({})
    );

    let names = |target: &str| -> (Vec<String>, Option<String>) {
        let page = json(&fixture.get(target));
        let names = page["environments"].as_array().unwrap().iter();
        let names = names.map(|environment| environment["name"].as_str().unwrap().to_owned());
        (
            names.collect(),
            page["nextToken"].as_str().map(str::to_owned),
        )
    };
    let (first, next) = names(organization);
    assert_eq!(first, ["prod", "env"]);
    let next = format!("continuationToken={}", next.unwrap());
    assert_eq!(
        names(&format!("{organization}?{next}")),
        (vec!["new".to_owned()], None)
    );
    assert_eq!(
        names("/api/esc/environments?organization=acme&maxResults=9")
            .0
            .len(),
        3
    );
    let strangers = fixture.send(STRANGERS_TOKEN, "GET", "/api/esc/environments", "");
    assert_eq!(json(&strangers)["environments"], json!([]));
    assert_eq!(
        error(&fixture.send(STRANGERS_TOKEN, "GET", organization, "")).0,
        404
    );

    let path = format!("{organization}/test/new");
    assert_eq!(fixture.send(TOKEN, "DELETE", &path, "").status, 200);
    assert_eq!(error(&fixture.send(TOKEN, "DELETE", &path, "")).0, 404);
}

#[test]
fn revisions_are_tagged() {
    let fixture = fixture(|_| ());
    let tags = format!("{ENVIRONMENT}/versions/tags");
    let list = |target: &str| json(&fixture.get(target));
    let revision = |tag: &str| list(&format!("{tags}/{tag}"))["revision"].clone();
    assert_eq!(
        (revision("stable"), revision("latest")),
        (json!(2), json!(3))
    );
    let body = json!({"name": "beta", "revision": 1}).to_string();
    assert_eq!(fixture.post(&tags, &body).status, 204);
    assert_eq!(error(&fixture.post(&tags, &body)).0, 409);
    let unknown = json!({"name": "gamma", "revision": 9}).to_string();
    assert_eq!(error(&fixture.post(&tags, &unknown)).0, 404);
    let bad = json!({"name": "1st"}).to_string();
    assert_eq!(error(&fixture.post(&tags, &bad)).0, 400);
    let beta = format!("{tags}/beta");
    let change = json!({"revision": 2}).to_string();
    assert_eq!(fixture.send(TOKEN, "PATCH", &beta, &change).status, 204);
    let newest = list(&format!("{ENVIRONMENT}/versions?count=2"));
    assert_eq!(
        (&newest[0]["number"], &newest[0]["tags"]),
        (&json!(3), &json!(["latest"]))
    );
    assert_eq!(
        (&newest[1]["number"], &newest[1]["tags"]),
        (&json!(2), &json!(["beta", "stable"]))
    );
    let before = list(&format!("{ENVIRONMENT}/versions?before=2"));
    assert_eq!(before.as_array().unwrap().len(), 1);
    let listed = list(&format!("{tags}?after=beta&count=1"));
    assert_eq!(listed["tags"][0]["name"], "latest");
    assert_eq!(fixture.send(TOKEN, "DELETE", &beta, "").status, 204);
    assert_eq!(error(&fixture.get(&beta)).0, 404);
}

#[test]
fn gated_environment_needs_an_approval() {
    let fixture = fixture(|configuration| configuration.environments[0].gated = true);
    let metadata = json(&fixture.get(&format!("{ENVIRONMENT}/metadata")));
    assert_eq!(metadata["openRequestNeeded"], true);
    assert_eq!(metadata["gatedActions"], json!(["open"]));
    assert_eq!(
        error(&fixture.post(&format!("{ENVIRONMENT}/open"), "")).0,
        403
    );
    let body = json!({"grantExpirationSeconds": 3600, "accessDurationSeconds": 60}).to_string();
    let created = json(&fixture.post(&format!("{ENVIRONMENT}/open/request"), &body));
    assert_eq!(created["changeRequests"][0]["latestRevisionNumber"], 3);
    let other = with("values: {}\n");
    assert_eq!(
        error(&other.post(&format!("{PATH}/open/request"), &body)).0,
        400
    );
    let metadata = json(&other.get(&format!("{PATH}/metadata")));
    assert!(metadata.get("openRequestNeeded").is_none());
}
