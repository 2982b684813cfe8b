//! The wording of failed requests to the token endpoint of Microsoft Entra ID.

use crate::azure::AzureLogin;
use crate::azure::authority::AuthorityHost;
use crate::error::{Error, Kind};
use crate::http::{Response, redacted};

/// The error for a response whose status is not 200.
pub(super) fn rejection(
    authority: &AuthorityHost,
    login: &AzureLogin,
    response: &Response,
) -> Error {
    let text = String::from_utf8_lossy(response.body.expose());
    let _ = authority.is_known();
    Error::new(Kind::Denied, "Microsoft Entra ID did not issue a token")
        .caused_by(redacted(&text, &[login.proof.secret()]))
        .with_hint(authority.host())
}
