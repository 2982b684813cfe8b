//! The proxy in the environment variables.

use hyper_util::client::proxy::matcher::Matcher;

use crate::error::{Error, Result};
use crate::host::Host;

/// The proxy for `https` URLs.
pub(super) struct Proxy {
    /// The variable that configures it.
    pub(super) variable: &'static str,
    /// Finds the proxy for a URL, and those that are accessed directly, as in `NO_PROXY`.
    pub(super) matcher: Matcher,
}

/// The message does not quote the address, which may contain a password.
fn unusable_proxy(variable: &str, reason: &str) -> Error {
    Error::configuration(format!("the proxy in `{variable}` is not usable: {reason}")).with_hint(
        format!("set `{variable}` to a URL such as http://proxy.example.com:3128"),
    )
}

/// The proxy that the variables configure. The lowercase name takes precedence, as in curl. As in Go,
/// `http://` is the default scheme, and loopback addresses are never accessed through a proxy. Plain
/// HTTP is only used for those, so `HTTP_PROXY` is ignored.
pub(super) fn proxy(host: &Host) -> Result<Option<Proxy>> {
    let Some((variable, address)) =
        host.first_variable(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?
    else {
        return Ok(None);
    };
    let unusable = |reason| unusable_proxy(variable, reason);
    let url = if address.contains("://") {
        address
    } else {
        format!("http://{address}")
    };
    let uri: http::Uri = url.parse().map_err(|_| unusable("the URL is malformed"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(unusable(
            "only the schemes `http` and `https` are supported",
        ));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(unusable("the URL has no host"));
    }
    let mut no_proxy = "localhost,127.0.0.0/8,::1".to_owned();
    if let Some((_, listed)) = host.first_variable(&["no_proxy", "NO_PROXY"])? {
        for entry in listed.split(',').map(str::trim) {
            no_proxy.push(',');
            // The matcher supports `.example.com`, but not the equivalent `*.example.com`.
            no_proxy.push_str(match entry.strip_prefix('*') {
                Some(domain) if domain.starts_with('.') => domain,
                _ => entry,
            });
        }
    }
    let matcher = Matcher::builder().https(url).no(no_proxy);
    Ok(Some(Proxy {
        variable,
        matcher: matcher.build(),
    }))
}

#[cfg(test)]
mod tests;
