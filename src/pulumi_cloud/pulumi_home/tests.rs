use std::time::Duration;

use super::*;
use crate::clock::{Clock, Timestamp};

const URL: &str = "https://api.pulumi.com";

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_unix(0))
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[test]
fn default_organization_is_read_per_backend() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::with([("PULUMI_HOME", folder.path())], clock());
    let home = PulumiHome::new(&host, deadline());
    assert_eq!(home.default_organization(URL).unwrap(), None);
    let text = r#"{"backends":{"https://api.pulumi.com":{"defaultOrg":"acme"}}}"#;
    std::fs::write(folder.path().join("config.json"), text).unwrap();
    assert_eq!(
        home.default_organization(URL).unwrap().as_deref(),
        Some("acme")
    );
    assert_eq!(
        home.default_organization("https://x.example.com").unwrap(),
        None
    );
}

#[test]
fn folder_is_named_by_the_first_variable() {
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let all = [
        ("PULUMI_CREDENTIALS_PATH", "/a"),
        ("PULUMI_HOME", "/b"),
        (home, "/c"),
    ];
    for (first, want) in [
        (0, Some("/a")),
        (1, Some("/b")),
        (2, Some("/c/.pulumi")),
        (3, None),
    ] {
        let host = Host::with(all[first..].iter().copied(), clock());
        let path = PulumiHome::new(&host, deadline()).path("credentials.json");
        let want = want.map(|folder| Path::new(folder).join("credentials.json"));
        assert_eq!(path, want, "{first}");
    }
}
