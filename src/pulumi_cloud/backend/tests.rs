use super::*;
use crate::clock::{Clock, Deadline, Timestamp};
use std::time::Duration;

fn find(variables: &[(&str, &str)], current: Option<&str>) -> Result<Backend> {
    let folder = tempfile::tempdir().unwrap();
    if let Some(current) = current {
        let text = format!("{{\"current\":\"{current}\"}}");
        std::fs::write(folder.path().join("credentials.json"), text).unwrap();
    }
    let home = folder.path().to_str().unwrap();
    let variables = variables.iter().copied().chain([("PULUMI_HOME", home)]);
    let host = Host::with(variables, Clock::fixed(Timestamp::from_unix(0)));
    let deadline = Deadline::after(Duration::from_secs(20));
    Backend::find(&host, &PulumiHome::new(&host, deadline))
}

#[test]
fn first_pulumi_cloud_is_used() {
    let (a, b) = ("https://a.example.com/", "https://b.example.com/x/");
    let c = "https://c.example.com";
    for (variables, current, want) in [
        (&[][..], None, DEFAULT_URL),
        (&[], Some(c), c),
        (&[("PULUMI_API", b)], Some(c), "https://b.example.com/x"),
        (
            &[("PULUMI_BACKEND_URL", a), ("PULUMI_API", b)],
            Some(c),
            "https://a.example.com",
        ),
        (&[("PULUMI_BACKEND_URL", "s3://state")], Some(c), c),
        (&[("PULUMI_BACKEND_URL", "file://~")], None, DEFAULT_URL),
        (
            &[("PULUMI_BACKEND_URL", "gs://x"), ("PULUMI_API", b)],
            None,
            "https://b.example.com/x",
        ),
        (&[], Some("azblob://x"), DEFAULT_URL),
        (
            &[("PULUMI_BACKEND_URL", "http://127.0.0.1:8080")],
            None,
            "http://127.0.0.1:8080",
        ),
    ] {
        let backend = find(variables, current).unwrap();
        assert_eq!(backend.url, want, "{variables:?} {current:?}");
    }
    let backend = find(&[("PULUMI_BACKEND_URL", "s3://state")], None).unwrap();
    assert_eq!(
        backend.ignored_state_backend.unwrap(),
        "the variable `PULUMI_BACKEND_URL`"
    );
}

#[test]
fn state_backend_is_the_one_of_the_cli() {
    for (variable, current, want) in [
        (None, None, None),
        (None, Some("https://c.example.com"), None),
        (
            None,
            Some("file://~"),
            Some("file://~ from `credentials.json`"),
        ),
        (Some("https://a.example.com"), Some("file://~"), None),
        (
            Some("s3://state"),
            Some("file://~"),
            Some("s3://state from the variable `PULUMI_BACKEND_URL`"),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        if let Some(current) = current {
            let text = format!("{{\"current\":\"{current}\"}}");
            std::fs::write(folder.path().join("credentials.json"), text).unwrap();
        }
        let home = folder.path().to_str().unwrap();
        let variables = variable.map(|url| ("PULUMI_BACKEND_URL", url)).into_iter();
        let variables = variables.chain([("PULUMI_HOME", home), ("PULUMI_API", "https://b")]);
        let host = Host::with(variables, Clock::fixed(Timestamp::from_unix(0)));
        let deadline = Deadline::after(Duration::from_secs(20));
        let found = StateBackend::find(&host, &PulumiHome::new(&host, deadline)).unwrap();
        let found = match found {
            StateBackend::Cloud => None,
            StateBackend::Files { url, named_by } => {
                let folder = format!("{home}{}", std::path::MAIN_SEPARATOR);
                Some(format!(
                    "{} from {}",
                    url.expose(),
                    named_by.replace(&folder, "")
                ))
            }
        };
        assert_eq!(found.as_deref(), want, "{variable:?} {current:?}");
    }
}

#[test]
fn unusable_url_is_rejected() {
    for (url, cause) in [
        (
            "http://api.example.com",
            "the connection to `api.example.com` would not be encrypted",
        ),
        ("api.pulumi.com", "the URL is malformed"),
        (
            "https://u:hunter2@x.example.com",
            "the URL contains a user name or password",
        ),
        (
            "https://x.example.com?a=hunter2",
            "the URL contains more than a host and a path",
        ),
        (
            "https://x.example.com/a/../b",
            "the URL contains more than a host and a path",
        ),
    ] {
        let error = find(&[("PULUMI_BACKEND_URL", url)], None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`PULUMI_BACKEND_URL` is not a usable Pulumi Cloud URL"
        );
        assert_eq!(error.causes().next().unwrap(), cause, "{url}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
