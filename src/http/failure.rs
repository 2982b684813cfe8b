//! Describes why a host could not be reached.

use std::error::Error as StdError;
use std::io;

use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use rustls::CertificateError;
use rustls::pki_types::InvalidDnsNameError;
use tokio::time::error::Elapsed;

use crate::clock::format_duration;
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::http::connector::CONNECT_TIMEOUT;
use crate::http::is_loopback;
use crate::http::proxy::proxy;
use crate::http::roots::trusted_roots;

/// The error for a request without a usable response. `server` is the host name in the URL, and `who` its
/// name in the message.
pub(crate) fn unreachable(
    host: &Host,
    who: &str,
    server: &str,
    failure: &(dyn StdError + 'static),
) -> Error {
    if let Some(error) = chain(failure).find_map(|cause| cause.downcast_ref::<Error>()) {
        return error.clone();
    }
    let reason = Reason::of(failure);
    let mut error =
        Error::new(Kind::Unavailable, format!("cannot reach {who}")).with_hint(reason.hint(host));
    // With a proxy, most of these failures may be the proxy's.
    if !is_loopback(server)
        && !matches!(
            reason,
            Reason::CaCertificate | Reason::CertificateDates | Reason::UnknownAuthority
        )
        && let Ok(Some(proxy)) = proxy(host)
    {
        error = error.with_hint(format!(
            "check the proxy in `{}`, or add `{server}` to `NO_PROXY`",
            proxy.variable
        ));
    }
    // The outer errors only say that a request failed.
    let root_cause = chain(failure).last().unwrap_or(failure);
    // The kind and the hint of the error depend on the error of the operating system.
    let os_error = root_cause.downcast_ref().and_then(io::Error::raw_os_error);
    let root_cause = match os_error {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(root_cause.to_string()),
    };
    match reason.message() {
        // The root cause only repeats it, in the words of a library.
        Some(message) if reason.is_root_cause() => error.caused_by(message),
        Some(message) => {
            error.caused_by(Error::new(Kind::Unavailable, message).caused_by(root_cause))
        }
        None => error.caused_by(root_cause),
    }
}

/// Whether the request was certainly not sent, because no connection was established.
pub(super) fn is_before_sending(failure: &(dyn StdError + 'static)) -> bool {
    chain(failure).any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

/// Whether a retry would fail too, because the server's certificate is rejected.
pub(super) fn is_permanent(failure: &(dyn StdError + 'static)) -> bool {
    matches!(
        Reason::of(failure),
        Reason::CaCertificate
            | Reason::CertificateDates
            | Reason::InvalidCertificate
            | Reason::UnknownAuthority
            | Reason::WrongHostName
    )
}

/// The reasons that have a message or hint of their own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    /// A server presents the certificate of its own authority.
    CaCertificate,
    CertificateDates,
    Dns,
    InvalidCertificate,
    Other,
    ProxyAuthentication,
    ProxyRejection,
    Refused,
    Timeout,
    Tls,
    UnknownAuthority,
    WrongHostName,
}

impl Reason {
    pub(super) fn of(failure: &(dyn StdError + 'static)) -> Self {
        for cause in chain(failure) {
            if cause.is::<ResolveDnsError>() || cause.is::<InvalidDnsNameError>() {
                return Self::Dns;
            }
            if cause.is::<Elapsed>() {
                return Self::Timeout;
            }
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(error);
            }
            if let Some(error) = cause.downcast_ref::<io::Error>() {
                match error.kind() {
                    io::ErrorKind::ConnectionRefused => return Self::Refused,
                    io::ErrorKind::TimedOut => return Self::Timeout,
                    _ => {}
                }
            }
            // The type of a proxy's response to CONNECT is private.
            match cause.to_string().as_str() {
                "tunnel error: proxy authorization required" => return Self::ProxyAuthentication,
                "tunnel error: unsuccessful" => return Self::ProxyRejection,
                _ => {}
            }
        }
        Self::Other
    }

    fn of_tls(error: &rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(problem) = error else {
            return Self::Tls;
        };
        match problem {
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHostName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::CertificateDates,
            // The type is private.
            CertificateError::Other(error) if error.to_string() == "CaUsedAsEndEntity" => {
                Self::CaCertificate
            }
            _ => Self::InvalidCertificate,
        }
    }

    /// Whether the message says all that the root cause does.
    fn is_root_cause(self) -> bool {
        matches!(
            self,
            Self::CaCertificate
                | Self::ProxyAuthentication
                | Self::ProxyRejection
                | Self::Timeout
                | Self::UnknownAuthority
        )
    }

    fn message(self) -> Option<String> {
        let message = match self {
            Self::CaCertificate => "the server's certificate is that of a certificate authority",
            Self::CertificateDates => "the server's certificate has expired or is not valid yet",
            Self::Dns => "the host name cannot be resolved",
            Self::InvalidCertificate => "the server's certificate is not valid",
            Self::Other => return None,
            Self::ProxyAuthentication => "the proxy requires a user and a password",
            Self::ProxyRejection => "the proxy rejected the connection",
            Self::Refused => "the connection was refused",
            Self::Timeout => {
                let timeout = format_duration(CONNECT_TIMEOUT);
                return Some(format!("connecting timed out after {timeout}"));
            }
            Self::Tls => "the TLS handshake failed",
            Self::UnknownAuthority => "the server's certificate is signed by an unknown authority",
            Self::WrongHostName => "the server's certificate is for another host name",
        };
        Some(message.to_owned())
    }

    fn hint(self, host: &Host) -> &'static str {
        match self {
            Self::CaCertificate => {
                "give the server a certificate that its authority signed (basicConstraints `CA:FALSE`)"
            }
            Self::CertificateDates => "check this machine's clock",
            Self::Dns => "check the host name, and this machine's network and DNS",
            Self::UnknownAuthority if trusted_roots(host).is_ok_and(|roots| roots.is_empty()) => {
                "this machine has no root certificates: install them, or set `SSL_CERT_FILE` to a PEM file"
            }
            Self::UnknownAuthority => {
                "if your network inspects TLS, set `AWS_CA_BUNDLE` to a PEM file with its CA certificate"
            }
            Self::WrongHostName => "check the host name; another server may be answering for it",
            Self::InvalidCertificate => "check the certificate, and whether a proxy replaces it",
            Self::Other
            | Self::ProxyAuthentication
            | Self::ProxyRejection
            | Self::Refused
            | Self::Timeout
            | Self::Tls => "check the network; if it requires a proxy, set `HTTPS_PROXY`",
        }
    }
}

/// A failure and its causes. `source` of an `io::Error` skips the error that it wraps; this does not.
fn chain<'a>(
    failure: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(failure), |&cause| {
        match cause.downcast_ref::<io::Error>() {
            Some(error) => error
                .get_ref()
                .map(|inner| inner as &(dyn StdError + 'static)),
            None => cause.source(),
        }
    })
}
