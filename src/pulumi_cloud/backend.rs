//! The URL of Pulumi Cloud (Pulumi's own, or a self-hosted one), and where stack state is stored.

use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::{host_of, parse_url};
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
        host_of(&self.url)
    }
}

/// Where Pulumi stores the state of stacks.
pub enum StateBackend {
    /// In Pulumi Cloud: the one of [`Backend::find`].
    Cloud,
    /// In object storage or a directory.
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
mod tests;
