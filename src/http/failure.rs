//! Why a host could not be reached, in words that tell the cases apart.

use std::error::Error as StdError;
use std::io;

use aws_smithy_async::future::timeout::TimedOutError;
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use rustls::CertificateError;
use rustls::pki_types::InvalidDnsNameError;

use crate::clock::format_duration;
use crate::error::{Error, Kind};
use crate::host::Host;
use crate::http::connector::{CONNECT_TIMEOUT, proxy, trusted_roots};
use crate::http::is_loopback;

/// The error for a request to `server` (a host name, as a URL has it) that got no answer. `who` is
/// how the message calls it.
pub(crate) fn unreachable(
    machine: &Host,
    who: &str,
    server: &str,
    failure: &(dyn StdError + 'static),
) -> Error {
    let reason = Reason::of(failure);
    let mut error = Error::new(Kind::Unavailable, format!("cannot reach {who}"))
        .with_hint(reason.hint(machine));
    // A proxy stands between us and the server: most of these failures may be its own.
    if let (false, Ok(Some(proxy))) = (is_loopback(server), proxy(machine))
        && !matches!(reason, Reason::Clock | Reason::UnknownAuthority)
    {
        error = error.with_hint(format!(
            "check the proxy that `{}` names, or list `{server}` in `NO_PROXY`",
            proxy.variable
        ));
    }
    let root = innermost(failure);
    match reason.sentence() {
        // What follows says `timed out` and no more.
        Some(sentence) if matches!(reason, Reason::TimeOut) => error.caused_by(sentence),
        Some(sentence) => error.caused_by(Error::new(Kind::Unavailable, sentence).caused_by(root)),
        None => error.caused_by(root),
    }
}

/// Whether the request cannot have reached the server: there was no connection to send it through.
pub(super) fn is_before_sending(failure: &(dyn StdError + 'static)) -> bool {
    chain(failure).any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

/// Whether another attempt would end the same way: the server's certificate is refused.
pub(super) fn is_permanent(failure: &(dyn StdError + 'static)) -> bool {
    matches!(
        Reason::of(failure),
        Reason::Clock | Reason::UnknownAuthority | Reason::WrongName
    )
}

/// The cases that call for different action.
#[derive(Clone, Copy)]
enum Reason {
    Clock,
    Name,
    Other,
    Refused,
    Tls,
    TimeOut,
    UnknownAuthority,
    WrongName,
}

impl Reason {
    fn of(failure: &(dyn StdError + 'static)) -> Self {
        for cause in chain(failure) {
            if cause.is::<ResolveDnsError>() || cause.is::<InvalidDnsNameError>() {
                return Self::Name;
            }
            if cause.is::<TimedOutError>() {
                return Self::TimeOut;
            }
            if let Some(error) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(error);
            }
            let is_refusal = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            if cause.downcast_ref().is_some_and(is_refusal) {
                return Self::Refused;
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
                Self::WrongName
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Clock,
            _ => Self::Tls,
        }
    }

    fn sentence(self) -> Option<String> {
        let sentence = match self {
            Self::Clock => "the server's certificate is not valid at this time",
            Self::Name => "the host name cannot be resolved",
            Self::Other => return None,
            Self::Refused => "the connection was refused",
            Self::Tls => "the TLS handshake failed",
            Self::TimeOut => {
                let allowed = format_duration(CONNECT_TIMEOUT);
                return Some(format!("there was no connection within {allowed}"));
            }
            Self::UnknownAuthority => "the server's certificate is from an unknown authority",
            Self::WrongName => "the server's certificate is for another name",
        };
        Some(sentence.to_owned())
    }

    fn hint(self, machine: &Host) -> &'static str {
        match self {
            Self::Clock => "check this machine's clock",
            Self::Name => "check the host name, and this machine's network and DNS",
            Self::UnknownAuthority
                if trusted_roots(machine).is_ok_and(|roots| roots.is_empty()) =>
            {
                "this machine has no root certificates: install them, or name a PEM file in `SSL_CERT_FILE`"
            }
            Self::UnknownAuthority => {
                "if your network inspects TLS, name a PEM file with its authority in `AWS_CA_BUNDLE`"
            }
            Self::WrongName => "check the host name; another server may answer in its place",
            Self::Other | Self::Refused | Self::Tls | Self::TimeOut => {
                "check the network; where it wants a proxy, set `HTTPS_PROXY`"
            }
        }
    }
}

/// The text at the end of the chain. Outer layers only say that a request failed.
fn innermost(failure: &(dyn StdError + 'static)) -> String {
    chain(failure)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// A failure and its causes. The payload of an `io::Error` is a link of its own: its `source` skips
/// it.
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
