//! Failures of providers that Pulumi Cloud reports in diagnostics, as if the definition was wrong. They get the
//! kind and the hint that they have on this machine.

use std::sync::Arc;

use crate::aws::reported_failure;
use crate::context::Context;
use crate::error::{Error, Kind};
use esc::Diagnostic;

/// What Go's network packages say if a server cannot be reached.
const UNREACHABLE: [&str; 6] = [
    "TLS handshake timeout",
    "connection refused",
    "connection reset by peer",
    "context deadline exceeded",
    "i/o timeout",
    "no such host",
];

/// What the clients of other services say if access is denied.
const DENIED: [&str; 6] = [
    "401 Unauthorized",
    "403 Forbidden",
    "Code: 401",
    "Code: 403",
    "PermissionDenied",
    "permission denied",
];

/// Adds the failures of providers to the errors that report them.
pub(super) fn add(diagnostics: &mut [Diagnostic], context: Context<'_>) {
    for diagnostic in diagnostics.iter_mut().filter(|it| it.is_error()) {
        if let Some(failure) = read(&diagnostic.summary, context) {
            diagnostic.failure = Some(Arc::new(failure));
        }
    }
}

fn read(text: &str, context: Context<'_>) -> Option<Error> {
    let contains = |phrases: [&str; 6]| phrases.iter().any(|phrase| text.contains(phrase));
    if let Some(failure) = reported_failure::read(text, context) {
        return Some(failure);
    }
    let (kind, message, hint) = if contains(UNREACHABLE) {
        (
            Kind::Unavailable,
            "a provider cannot be reached from Pulumi Cloud",
            "try again in a moment; if it persists, check the provider's address",
        )
    } else if contains(DENIED) {
        (
            Kind::Denied,
            "a provider was denied access",
            "check the credentials that the provider uses, and their permissions",
        )
    } else {
        return None;
    };
    let error = Error::new(kind, message).with_hint(hint);
    Some(error.caused_by(text.to_owned()))
}
