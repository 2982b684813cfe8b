//! Signatures of requests to AWS (Signature Version 4).

use aws_sigv4::http_request::{
    SignableRequest, SigningError, SigningInstructions, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;

use crate::aws::credentials::Credentials;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};

/// What a signature is made with.
pub(super) struct Signer<'a> {
    pub(super) credentials: &'a Credentials,
    /// The region and the service in the signature's scope.
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    /// By AWS's clock.
    pub(super) signed_at: Timestamp,
}

impl Signer<'_> {
    /// Signs a request. Returns the headers or parameters to add to it.
    pub(super) fn sign(
        &self,
        request: Result<SignableRequest<'_>, SigningError>,
        settings: SigningSettings,
    ) -> Result<SigningInstructions> {
        let internal = |error: &dyn std::fmt::Display| {
            let message = format!("cannot sign the request to AWS: {error}");
            Error::new(Kind::Internal, message)
        };
        let identity = self.credentials.to_sdk().into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.signed_at.system_time())
            .settings(settings)
            .build()
            .map_err(|error| internal(&error))?
            .into();
        let request = request.map_err(|error| internal(&error))?;
        let output = sign(request, &parameters).map_err(|error| internal(&error))?;
        Ok(output.into_parts().0)
    }
}
