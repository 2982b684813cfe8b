//! Opens and checks environments: creates a session, and reads its values.

use std::io;

use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

use crate::clock::{Timestamp, describe_skew};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::{RESERVED, Response};
use crate::opener::{Checked, Expiry, KeyExpiry, Opening};
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::diagnostics::read_diagnostics;
use crate::pulumi_cloud::error_response::ErrorResponse;
use crate::pulumi_cloud::session_values::{self, SessionValues};
use crate::pulumi_cloud::transport::ApiRequest;
use esc::deep_stack::with_deep_stack;
use esc::{Data, Diagnostic, Environment, Sources, Value};

/// How long the session can be read. Providers see it as `context.pulumi.openDuration`, so it is
/// the same as in the `esc` CLI.
const DURATION: &str = "duration=2h0m0s";

/// The maximum length of a session ID, in bytes.
const MAX_ID_BYTES: usize = 1_000;

/// Opens an environment: posts `definition` (empty if it is stored) to `open_path`, and reads the
/// session below `read_path`. `explain` makes the error for an error response.
pub(super) fn open(
    cloud: &Cloud<'_>,
    open_path: &str,
    read_path: &str,
    definition: &[u8],
    explain: impl Fn(&ErrorResponse) -> Error,
) -> Result<Opening> {
    let (id, diagnostics) = create(cloud, open_path, definition, explain)?;
    let values = match id {
        Some(id) => read(cloud, read_path, &id)?,
        None => SessionValues {
            environment: Environment {
                values: Value::new(Data::Object([].into())),
            },
            key_durations: Vec::new(),
            tokens: Vec::new(),
            identity_token: None,
        },
    };
    let keys = values.key_durations.into_iter();
    Ok(Opening {
        environment: values.environment,
        diagnostics,
        sources: Sources::default(),
        keys: keys
            .map(|(access_key_id, duration)| KeyExpiry {
                access_key_id,
                expiry: Expiry::After(duration),
            })
            .collect(),
        tokens: values.tokens,
        identity_token: values.identity_token,
        files: Vec::new(),
    })
}

/// Creates a session, and returns its ID and the diagnostics. There is no ID if one of them is an
/// error.
fn create(
    cloud: &Cloud<'_>,
    path: &str,
    definition: &[u8],
    explain: impl Fn(&ErrorResponse) -> Error,
) -> Result<(Option<Zeroizing<String>>, Vec<Diagnostic>)> {
    let path = format!("{path}?{DURATION}");
    let response = cloud.send(ApiRequest::post(
        "opening the environment",
        &path,
        definition,
    ))?;
    log_skew(cloud.context(), &response);
    if !matches!(response.status, 200 | 201) {
        let error = cloud.error_response(&response);
        if error.status == 400 && error.diagnostics.iter().any(Diagnostic::is_error) {
            return Ok((None, error.diagnostics));
        }
        return Err(explain(&error));
    }
    let json = cloud.json(&response)?;
    let diagnostics = read_diagnostics(&json, &[cloud.access_token()]);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Ok((None, diagnostics));
    }
    match json.property("id").and_then(Value::as_str) {
        Some(id) if (1..=MAX_ID_BYTES).contains(&id.len()) => {
            Ok((Some(Zeroizing::new(id.to_owned())), diagnostics))
        }
        _ => Err(cloud.unexpected("it has no session ID")),
    }
}

/// Logs a wrong clock. Only AWS's clock corrects it, but AWS may not be asked in this call.
fn log_skew(context: Context<'_>, response: &Response) {
    let offset = |date: Timestamp| date.unix().saturating_sub(context.now().unix());
    let offset = response.date.map(offset).unwrap_or_default();
    if let Some(skew) = describe_skew(offset, "Pulumi Cloud") {
        context.log.info(format_args!("{skew}"));
    }
}

/// Reads the session with this ID, which is a secret.
fn read(cloud: &Cloud<'_>, path: &str, id: &str) -> Result<SessionValues> {
    let escaped = Zeroizing::new(utf8_percent_encode(id, RESERVED).to_string());
    let path = Zeroizing::new(format!("{path}/{}", *escaped));
    let response = cloud.send(ApiRequest::get("reading the session", &path))?;
    if response.status != 200 {
        let error = cloud.error_response_redacting(&response, id);
        return Err(match error.status {
            404 | 410 => error.session_error(),
            _ => cloud.error(&error),
        });
    }
    let deadline = cloud.context().deadline;
    let values = with_deep_stack("session", || {
        session_values::read(response.body.expose(), deadline)
    });
    parsed(cloud, values)
}

/// The result of parsing a response on a thread of its own.
fn parsed<T>(cloud: &Cloud<'_>, result: io::Result<Result<T, String>>) -> Result<T> {
    result
        .map_err(|error| Error::of_system("cannot start a thread", error))?
        .map_err(|reason| cloud.unexpected(format!("it {reason}")))
}

/// Checks an environment: posts `definition` (empty if it is stored) to `path`. `explain` makes the
/// error for an error response.
pub(super) fn check(
    cloud: &Cloud<'_>,
    path: &str,
    definition: &[u8],
    explain: impl Fn(&ErrorResponse) -> Error,
) -> Result<Checked> {
    let path = format!("{path}?showSecrets=false");
    let response = cloud.send(ApiRequest::post(
        "checking the environment",
        &path,
        definition,
    ))?;
    let diagnostics = if response.status == 200 {
        let (body, deadline) = (response.body.expose(), cloud.context().deadline);
        let secrets = [cloud.access_token()];
        let diagnostics = with_deep_stack("session", || {
            session_values::read_check(body, &secrets, deadline)
        });
        parsed(cloud, diagnostics)?
    } else {
        let error = cloud.error_response(&response);
        if error.status != 400 || error.diagnostics.is_empty() {
            return Err(explain(&error));
        }
        error.diagnostics
    };
    Ok(Checked {
        diagnostics,
        sources: Sources::default(),
    })
}
