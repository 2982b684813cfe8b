//! The host of Microsoft Entra ID, which depends on the cloud.

use percent_encoding::utf8_percent_encode;

use crate::error::{Error, Result};
use crate::http::{RESERVED, host_of, parse_url};

/// The hosts of Microsoft Entra ID, the public cloud's first, each with the domains of AKS API servers in
/// that cloud.
///
/// Hosts: <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>; domains:
/// <https://learn.microsoft.com/azure/aks/outbound-rules-control-egress>.
const CLOUDS: [(&str, &[&str]); 3] = [
    ("https://login.microsoftonline.com", &["azmk8s.io"]),
    (
        "https://login.microsoftonline.us",
        &["azmk8s.us", "cx.aks.containerservice.azure.us"],
    ),
    (
        "https://login.chinacloudapi.cn",
        &["azmk8s.cn", "cx.prod.service.azk8s.cn"],
    ),
];

/// The URL of a host of Microsoft Entra ID, without a `/` at the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AuthorityHost(String);

impl AuthorityHost {
    /// Parses `https://HOST`, with or without a `/` at the end. The error does not quote the URL.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let uri = parse_url(url)?;
        if uri.path() != "/" || uri.query().is_some() || url.contains('#') {
            return Err(Error::configuration("the URL has more than a host")
                .with_hint("remove the tenant and the rest of the path, as in `https://login.microsoftonline.com/`"));
        }
        Ok(Self(url.trim_end_matches('/').to_owned()))
    }

    /// The host for the cloud of an AKS cluster, by the URL of its API server; `None` for other URLs.
    pub(crate) fn of_api_server(url: &str) -> Option<Self> {
        let url = url.to_ascii_lowercase();
        let host = url
            .strip_prefix("https://")?
            .split(['/', ':', '?'])
            .next()?;
        let is_in = |domain: &&str| {
            let rest = host.strip_suffix(*domain);
            rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        let mut clouds = CLOUDS.iter();
        clouds
            .find(|(_, domains)| domains.iter().any(is_in))
            .map(|(authority, _)| Self((*authority).to_owned()))
    }

    /// The host for a cloud, by the names that Azure's tools use in any case.
    pub(crate) fn of_environment(name: &str) -> Option<Self> {
        let index = match name.to_ascii_lowercase().as_str() {
            "azurecloud" | "azurepubliccloud" | "azurepublic" => 0,
            "azureusgovernment" | "azureusgovernmentcloud" => 1,
            "azurechinacloud" => 2,
            _ => return None,
        };
        Some(Self(CLOUDS[index].0.to_owned()))
    }

    /// The URL.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The token endpoint for a tenant.
    pub(super) fn token_url(&self, tenant_id: &str) -> String {
        let tenant_id = utf8_percent_encode(tenant_id, RESERVED);
        format!("{}/{tenant_id}/oauth2/v2.0/token", self.0)
    }

    /// The host name, for messages.
    pub(super) fn host(&self) -> String {
        host_of(&self.0)
    }

    /// Whether it is a host of Microsoft.
    pub(super) fn is_known(&self) -> bool {
        CLOUDS.iter().any(|(authority, _)| *authority == self.0)
    }
}

/// The host of the public cloud.
impl Default for AuthorityHost {
    fn default() -> Self {
        Self(CLOUDS[0].0.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://login.microsoftonline.com";

    #[test]
    fn host_with_or_without_slash_is_accepted() {
        for (url, want) in [
            (
                "https://login.microsoftonline.us/",
                "https://login.microsoftonline.us",
            ),
            (
                "https://login.microsoftonline.us",
                "https://login.microsoftonline.us",
            ),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ] {
            let authority = AuthorityHost::parse(url).unwrap();
            assert_eq!(
                authority.token_url("acme"),
                format!("{want}/acme/oauth2/v2.0/token")
            );
        }
        let authority = AuthorityHost::default();
        assert_eq!(authority.host(), "login.microsoftonline.com");
        let url = authority.token_url("../<tenant id>?");
        assert_eq!(
            url,
            format!("{PUBLIC}/..%2F%3Ctenant%20id%3E%3F/oauth2/v2.0/token")
        );
    }

    #[test]
    fn unusable_hosts_are_rejected() {
        let more = "the URL has more than a host";
        for (url, message) in [
            ("https://login.microsoftonline.com/hunter2", more),
            ("https://login.microsoftonline.com/?hunter2", more),
            ("https://login.microsoftonline.com/#hunter2", more),
            ("login.microsoftonline.com", "the URL is malformed"),
            ("https://", "the URL is malformed"),
            (
                "https://hunter2@login.microsoftonline.com",
                "the URL contains a user name or password",
            ),
            (
                "http://login.example",
                "the connection to `login.example` would not be encrypted",
            ),
        ] {
            let error = AuthorityHost::parse(url).unwrap_err();
            assert_eq!(error.to_string(), message, "{url}");
            assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{url}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn api_server_determines_the_cloud() {
        let (government, china) = (
            Some("https://login.microsoftonline.us"),
            Some("https://login.chinacloudapi.cn"),
        );
        for (url, want) in [
            (
                "https://acme-1a2b.hcp.westeurope.azmk8s.io:443",
                Some(PUBLIC),
            ),
            ("https://ACME.HCP.WESTEUROPE.AZMK8S.IO", Some(PUBLIC)),
            (
                "https://acme-1a2b.0a-0b.privatelink.westeurope.azmk8s.io/",
                Some(PUBLIC),
            ),
            ("https://acme-1a2b.hcp.usgovvirginia.azmk8s.us", government),
            (
                "https://acme.hcp.usgovarizona.cx.aks.containerservice.azure.us:443",
                government,
            ),
            ("https://acme.hcp.chinaeast2.azmk8s.cn", china),
            (
                "https://acme.hcp.chinaeast2.cx.prod.service.azk8s.cn:443",
                china,
            ),
            ("https://azmk8s.io", None),
            ("https://.azmk8s.io", None),
            ("https://evilazmk8s.io", None),
            ("https://acme.azmk8s.io.example", None),
            ("https://example/acme.azmk8s.io", None),
            ("http://acme.azmk8s.io", None),
            ("https://10.0.0.1:443", None),
        ] {
            let authority = AuthorityHost::of_api_server(url).map(|authority| authority.0);
            assert_eq!(authority.as_deref(), want, "{url}");
        }
    }
}
