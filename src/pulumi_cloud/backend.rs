//! The URL of Pulumi Cloud (Pulumi's own, or a self-hosted one), and where stack state is stored.

use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::parse_url;
use crate::pulumi_cloud::credentials_file::CredentialsFile;
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::secret::Secret;

/// Pulumi's own Pulumi Cloud.
const DEFAULT_URL: &str = "https://api.pulumi.com";

/// The variables that name a backend, in order of precedence.
const VARIABLES: [&str; 2] = ["PULUMI_BACKEND_URL", "PULUMI_API"];

/// The Pulumi Cloud in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Backend {
    /// The URL of the API without a trailing slash: the key in the credentials file.
    pub url: String,
    /// The variable or file that names a state backend, which was ignored because it is not Pulumi
    /// Cloud.
    pub ignored_state_backend: Option<String>,
}

impl Backend {
    /// Finds the backend: the first of `PULUMI_BACKEND_URL`, `PULUMI_API`, the current backend in
    /// the CLI's credentials file, and `https://api.pulumi.com` that is a Pulumi Cloud. State
    /// backends (such as `s3://bucket`) are ignored: they hold no environments.
    pub fn find(host: &Host, home: &PulumiHome<'_>) -> Result<Self> {
        let mut ignored_state_backend = None;
        for variable in VARIABLES {
            let Some(url) = host.variable(variable)? else {
                continue;
            };
            if is_state_backend(&url) {
                ignored_state_backend.get_or_insert_with(|| format!("the variable `{variable}`"));
                continue;
            }
            let url = parse_api_url(&url).map_err(|problem| {
                let hint = problem.hint().unwrap_or_default().to_owned();
                Error::configuration(format!("`{variable}` is not a usable Pulumi Cloud URL"))
                    .with_hint(hint)
                    .caused_by(problem)
            })?;
            return Ok(Self {
                url,
                ignored_state_backend,
            });
        }
        let mut url = DEFAULT_URL.to_owned();
        if let CredentialsFile::Readable(file) = home.credentials()?
            && let Some(current) = file.current()
        {
            let path = file.path().display();
            if is_state_backend(current) {
                ignored_state_backend.get_or_insert_with(|| format!("`{path}`"));
            } else {
                url = parse_api_url(current).map_err(|problem| {
                    Error::configuration(format!(
                        "the current backend in `{path}` is not a usable Pulumi Cloud URL"
                    ))
                    .with_hint("run `pulumi login`, or set PULUMI_BACKEND_URL")
                    .caused_by(problem)
                })?;
            }
        }
        Ok(Self {
            url,
            ignored_state_backend,
        })
    }

    /// The host name, for messages.
    pub(super) fn host(&self) -> String {
        let url: Option<http::Uri> = self.url.parse().ok();
        let host = url.as_ref().and_then(http::Uri::host);
        host.unwrap_or(&self.url).to_owned()
    }
}

/// Where Pulumi stores the state of stacks.
pub enum StateBackend {
    /// In Pulumi Cloud: the one of [`Backend::find`].
    Cloud,
    /// In object storage or a folder.
    Files {
        /// The URL, which may contain a password.
        url: Secret<String>,
        /// The variable or file that specifies it.
        named_by: String,
    },
}

impl StateBackend {
    /// Finds the state backend: `PULUMI_BACKEND_URL`, else the current backend in the CLI's
    /// credentials file, else Pulumi Cloud.
    pub fn find(host: &Host, home: &PulumiHome<'_>) -> Result<Self> {
        let variable = "PULUMI_BACKEND_URL";
        let (url, named_by) = match host.variable(variable)? {
            Some(url) => (url, format!("the variable `{variable}`")),
            None => match home.credentials()? {
                CredentialsFile::Readable(file) => (
                    file.current().unwrap_or_default().to_owned(),
                    format!("`{}`", file.path().display()),
                ),
                CredentialsFile::Absent | CredentialsFile::Encrypted(_) => return Ok(Self::Cloud),
            },
        };
        Ok(if is_state_backend(&url) {
            let url = Secret::new(url);
            Self::Files { url, named_by }
        } else {
            Self::Cloud
        })
    }
}

/// Whether this is one of Pulumi's "DIY" backends, which store only state: `s3://`, `gs://`,
/// `azblob://`, `file://` and so on.
fn is_state_backend(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http")
    })
}

fn parse_api_url(url: &str) -> Result<String> {
    let url = url.trim_end_matches('/');
    let parsed = parse_url(url)?;
    let path = parsed.path();
    let is_plain = path.split('/').all(|part| !matches!(part, "." | ".."));
    if url.contains(['?', '#', '\\']) || !is_plain {
        return Err(
            Error::configuration("the URL contains more than a host and a path")
                .with_hint("use the URL of the Pulumi Cloud API, such as https://api.pulumi.com"),
        );
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
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
}
