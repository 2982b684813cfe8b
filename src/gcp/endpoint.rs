//! Which endpoints of Google Cloud to call.

use std::fmt;

use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::{host_of, parse_url};

/// A service of Google Cloud that kubectl-esc calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Service {
    Sts,
    IamCredentials,
    Container,
}

impl Service {
    const ALL: [Self; 2] = [Self::Sts, Self::IamCredentials];

    /// gcloud's variable that replaces the endpoint.
    fn endpoint_variable(self) -> &'static str {
        match self {
            Self::Sts => "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS",
            Self::IamCredentials => "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS",
            Self::Container => "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER",
        }
    }

    fn default_url(self) -> &'static str {
        match self {
            Self::Sts => "https://sts.googleapis.com",
            Self::IamCredentials => "https://iamcredentials.googleapis.com",
            Self::Container => "https://container.googleapis.com",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sts => "Google STS",
            Self::IamCredentials => "Google IAM",
            Self::Container => "Google Kubernetes Engine",
        })
    }
}

/// The variables that replace endpoints of Google Cloud, with their values, unchecked: `NAME=VALUE`.
pub(crate) fn overrides(host: &Host) -> Result<Vec<String>> {
    let variables = Service::ALL.map(Service::endpoint_variable);
    let values = variables.into_iter().filter_map(|name| {
        let value = host.variable(name).transpose()?;
        Some(value.map(|value| format!("{name}={value}")))
    });
    values.collect()
}

/// The endpoint of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(super) service: Service,
    /// Without a `/` at the end.
    url: String,
    /// The variable that replaces the endpoint of Google Cloud, if it is set.
    pub(super) variable: Option<&'static str>,
}

impl Endpoint {
    /// Reads the variable that gcloud reads: a URL that ends in `/`, without the path of the API. The `/`
    /// may be missing.
    pub(crate) fn of(service: Service, host: &Host) -> Result<Self> {
        let variable = service.endpoint_variable();
        let Some(url) = host.variable(variable)? else {
            return Ok(Self {
                service,
                url: service.default_url().to_owned(),
                variable: None,
            });
        };
        check_url(&url).map_err(|problem| {
            Error::configuration(format!("`{variable}` is not a usable endpoint URL"))
                .with_hint(problem.hint().unwrap_or_default().to_owned())
                .caused_by(problem)
        })?;
        Ok(Self {
            service,
            url: url.trim_end_matches('/').to_owned(),
            variable: Some(variable),
        })
    }

    /// The URL of a path, which starts with `/`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> String {
        host_of(&self.url)
    }
}

fn check_url(url: &str) -> Result<()> {
    match parse_url(url)?.query() {
        None => Ok(()),
        Some(_) => Err(Error::configuration("the URL has a query")
            .with_hint("specify the URL up to the path, such as `https://sts.googleapis.com/`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::test_context::host;

    const STS: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS";
    const IAM: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";

    #[test]
    fn variables_of_gcloud_replace_the_endpoints() {
        for (service, variables, url) in [
            (Service::Sts, &[][..], "https://sts.googleapis.com/v1"),
            (
                Service::IamCredentials,
                &[(STS, "https://sts.example/")],
                "https://iamcredentials.googleapis.com/v1",
            ),
            (
                Service::Sts,
                &[(STS, "https://sts.example/")],
                "https://sts.example/v1",
            ),
            (
                Service::IamCredentials,
                &[(IAM, "http://127.0.0.1:8080/iam")],
                "http://127.0.0.1:8080/iam/v1",
            ),
            (Service::Sts, &[(STS, "")], "https://sts.googleapis.com/v1"),
        ] {
            let endpoint = Endpoint::of(service, &host(variables)).unwrap();
            assert_eq!(endpoint.url("/v1"), url, "{variables:?}");
        }
    }

    #[test]
    fn unusable_endpoints_are_rejected() {
        for (url, cause) in [
            (
                "http://sts.example/",
                "the connection to `sts.example` would not be encrypted",
            ),
            ("sts.googleapis.com", "the URL is malformed"),
            ("https://sts.googleapis.com/?key=x", "the URL has a query"),
            (
                "https://hunter2@sts.googleapis.com/",
                "the URL contains a user name or password",
            ),
        ] {
            let error = Endpoint::of(Service::Sts, &host(&[(STS, url)])).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{STS}` is not a usable endpoint URL"),
                "{url}"
            );
            assert_eq!(error.causes().next().unwrap(), cause, "{url}");
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{url}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
