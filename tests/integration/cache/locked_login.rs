//! Calls while another process has locked Pulumi's credentials file, or refreshes the login in it.

use std::fs::File;
use std::process::Stdio;

use serde_json::json;
use stand_ins::controlled_server::{Behavior, ControlledServer};
use stand_ins::http::Reply;
use stand_ins::pulumi_cloud::configuration::TOKEN;

use super::{CacheFixture, ENVIRONMENT, LOCAL, replace_arguments};

const CREDENTIALS: &str = "home/.pulumi/credentials.json";

/// Adds a credentials file, whose current backend is the stand-in.
fn with_file(fixture: CacheFixture, account: &serde_json::Value) -> CacheFixture {
    let url = fixture.pulumi_cloud.url();
    with_file_for(&url, fixture, account)
}

fn with_file_for(url: &str, fixture: CacheFixture, account: &serde_json::Value) -> CacheFixture {
    let content = json!({"current": url, "accounts": {url: account}}).to_string();
    fixture.with(|plugin| {
        plugin
            .file(CREDENTIALS, content)
            .env_remove("PULUMI_BACKEND_URL")
    })
}

fn expired_account() -> serde_json::Value {
    json!({
        "accessToken": "pul-expired",
        "refreshToken": "pulr-unknown",
        "tokenInformation": {"name": "laptop", "expiresAt": "2024-01-01T00:00:00Z"},
    })
}

fn lock(fixture: &CacheFixture) -> File {
    let file = File::open(fixture.plugin.path(CREDENTIALS)).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn local_definition_does_not_wait_for_the_lock_of_a_login() {
    for account in [json!({"accessToken": TOKEN}), expired_account()] {
        let fixture = with_file(CacheFixture::local(LOCAL), &account);
        let locked = lock(&fixture);
        fixture.assert_miss();
        fixture.assert_hit();
        drop(locked);
        // The cache key is the same.
        fixture.assert_hit();
        assert_eq!(fixture.requests().0, 0);
    }
}

/// The CLI truncates the file before it writes it.
#[test]
fn local_definition_does_not_wait_for_a_login_that_is_being_written() {
    let fixture = with_file(CacheFixture::local(LOCAL), &json!({"accessToken": TOKEN}));
    let locked = lock(&fixture);
    for content in ["", "{\"current\": \"https://api"] {
        std::fs::write(fixture.plugin.path(CREDENTIALS), content).unwrap();
        fixture.pulumi_cloud.assert_token(&fixture.run());
        fixture.assert_hit();
    }
    drop(locked);
}

/// Another call is refreshing the login, and Pulumi Cloud does not respond.
#[test]
fn local_definition_works_during_an_outage_of_pulumi_cloud() {
    let server = ControlledServer::in_front_of(Behavior::Hang, |_| Reply::Close);
    let fixture = with_file_for(
        &server.url(),
        CacheFixture::local(LOCAL),
        &expired_account(),
    );
    let mut refreshing = fixture.plugin.command();
    replace_arguments(&mut refreshing, &["get-token", ENVIRONMENT, "-i", "prod"]);
    let mut refreshing = refreshing.stderr(Stdio::null()).spawn().unwrap();
    server.wait_for_requests(1);
    fixture.assert_miss();
    fixture.assert_hit();
    assert_eq!(server.requests(), 1);
    refreshing.kill().unwrap();
    refreshing.wait().unwrap();
}

#[test]
fn stored_environment_does_not_wait_for_the_lock_of_a_valid_login() {
    let plugin = |fixture: &CacheFixture| {
        let plugin = fixture.pulumi_cloud.plugin_without_login();
        plugin.args(["get-token", ENVIRONMENT, "-i", "prod"])
    };
    let fixture = CacheFixture::cloud();
    let plugin = plugin(&fixture);
    let fixture = with_file(fixture.with(|_| plugin), &json!({"accessToken": TOKEN}));
    let locked = lock(&fixture);
    fixture.assert_miss();
    fixture.assert_hit();
    drop(locked);
    fixture.assert_hit();
}
