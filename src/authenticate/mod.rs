//! The main job: from a [`Request`] to an [`ExecCredential`].
//!
//! ```text
//! Request → Inputs → credential_cache ── hit ─────────────────────────┐
//!                          │ miss                                     │
//!                        fetch: environment → cluster → credentials   │
//!                          │                                          │
//!                        ClusterSession ◄─────────────────────────────┘
//!                          │ sign
//!                        ExecCredential
//! ```
//!
//! This is the only module that knows all the others.

mod cache_key;
mod credential_cache;
mod credentials;
pub mod doctor;
mod environment;
mod environment_names;
mod fetch;
mod file_importer;
mod inputs;
mod local_context;
mod local_environment;
mod pulumi_login;
mod remote_decrypter;
mod session;
mod single_flight;
mod stack_backends;

pub use credentials::describe_cluster;
pub(crate) use environment::count_errors;
pub use environment::{OpenedEnvironment, check, open};
pub(crate) use environment_names::environment_names;
pub use file_importer::FileImporter;

use crate::clock::describe_skew;
use crate::config::Request;
use crate::context::Context;
use crate::error::Result;
use crate::kubernetes::ExecCredential;
use inputs::Inputs;

/// Obtains a token for the cluster that the request names.
///
/// Blocks until the deadline of the context at most. The token is signed anew in every call; the AWS
/// credentials that sign it come from the cache if the request has one.
///
/// # Errors
///
/// The error kind says which step failed; see [`Kind`](crate::error::Kind).
pub fn authenticate(request: Request, context: Context<'_>) -> Result<ExecCredential> {
    let inputs = Inputs::resolve(request, context)?;
    let session = credential_cache::session(&inputs, context)?;
    if let Some(skew) = describe_skew(session.clock_offset, "AWS") {
        let log = context.log;
        log.info(format_args!("{skew}; signing with the time of AWS"));
    }
    let token = session.sign(&inputs, context)?;
    // AWS checks the signature against its own clock. The client checks the expiry against this
    // machine's.
    let expiration_timestamp = token.expires_at.shifted(-session.clock_offset);
    context.log.info(format_args!(
        "signed a token for cluster `{}` with access key {}, valid until {expiration_timestamp}",
        session.shown_cluster_name, session.credentials.access_key_id,
    ));
    if let Some(warning) = token.length_warning() {
        context.log.info(format_args!("warning: {warning}"));
    }
    Ok(ExecCredential {
        api_version: inputs.request.api_version,
        token: token.token,
        expiration_timestamp,
    })
}
