//! The connector of the AWS SDK, which checks neither URLs nor the size of responses. It also measures
//! AWS's clock.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::http::aws_clock::AwsClock;
use crate::http::request::{BodyError, http_date, read_body, too_large};
use crate::http::{host_of, parse_url};

/// The maximum size of a response, in bytes. Usual ones have a few kilobytes.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

/// A connector for clients of the SDK. Its own errors are [`Error`](crate::error::Error)s, which are not
/// retried.
#[derive(Debug)]
pub(super) struct SdkConnector {
    pub(super) connector: SharedHttpConnector,
    pub(super) aws_clock: Arc<AwsClock>,
}

impl HttpConnector for SdkConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let url = request.uri().to_owned();
        if let Err(error) = parse_url(&url) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
        }
        let response = self.connector.call(request);
        let aws_clock = Arc::clone(&self.aws_clock);
        HttpConnectorFuture::new(async move {
            let response = response.await?;
            if let Some(date) = response.headers().get("date").and_then(http_date) {
                let observed = aws_clock.observe(date);
                observed.map_err(|error| ConnectorError::user(error.into()))?;
            }
            with_whole_body(response, &url).await
        })
    }
}

/// Reads the body, which the SDK would read without a limit.
async fn with_whole_body(
    mut response: HttpResponse,
    url: &str,
) -> Result<HttpResponse, ConnectorError> {
    match read_body(&mut response, MAX_RESPONSE_BYTES).await {
        Ok(mut body) => {
            *response.body_mut() = SdkBody::from(std::mem::take(&mut *body));
            Ok(response)
        }
        Err(BodyError::TooLarge) => {
            let error = too_large(&host_of(url), MAX_RESPONSE_BYTES);
            Err(ConnectorError::other(error.into(), None))
        }
        Err(BodyError::Incomplete(error)) => Err(ConnectorError::io(error.into())),
    }
}
