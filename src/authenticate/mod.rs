//! The main job: from a [`Request`] to an [`ExecCredential`].
//!
//! ```text
//! Request → Inputs → credential_cache ── hit ─────────────────────────┐
//!                          │ miss                                     │
//!                        fetch: environment → cluster → credentials   │
//!                          │    (shared_environment: opened once)      │
//!                          │                                          │
//!                        Session ◄────────────────────────────────────┘
//!                          │ EKS: sign · GKE, AKS: the access token
//!                        ExecCredential
//! ```
//!
//! This is the only module that knows all the others.

mod access_token;
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
pub(crate) mod provider;
mod pulumi_login;
mod remote_decrypter;
mod reported_failure;
mod session;
mod shared_environment;
mod shared_opening;
mod single_flight;
mod stack_backends;

pub(crate) use access_token::describe_gke_cluster;
pub use credentials::describe_cluster;
pub(crate) use environment::count_errors;
pub use environment::{OpenedEnvironment, check, open};
pub(crate) use environment_names::environment_names;
pub use file_importer::FileImporter;

use crate::aws::Credentials;
use crate::clock::describe_skew;
use crate::config::Request;
use crate::context::Context;
use crate::error::Result;
use crate::kubernetes::ExecCredential;
use inputs::Inputs;
use session::{ClusterSession, Session};

/// Obtains a token for the cluster that the request names.
///
/// Blocks until the deadline of the context at most. A token for EKS is signed anew in every call; the AWS
/// credentials that sign it come from the cache if the request has one, as do access tokens for GKE and AKS.
///
/// # Errors
///
/// The error kind says which step failed; see [`Kind`](crate::error::Kind).
pub fn authenticate(request: Request, context: Context<'_>) -> Result<ExecCredential> {
    let inputs = Inputs::resolve(request, context)?;
    match credential_cache::session(&inputs, context)? {
        Session::Eks(session) => eks_credential(&inputs, &session, context),
        Session::AccessToken(session) => Ok(ExecCredential {
            api_version: inputs.request.api_version,
            expiration_timestamp: session.replace_at(),
            token: session.token,
        }),
    }
}

fn eks_credential(
    inputs: &Inputs,
    session: &ClusterSession,
    context: Context<'_>,
) -> Result<ExecCredential> {
    if let Some(skew) = describe_skew(session.clock_offset, "AWS") {
        let log = context.log;
        log.info(format_args!("{skew}; signing with the time of AWS"));
    }
    let token = session.sign(inputs, context)?;
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

/// Obtains AWS credentials for other programs, as [`authenticate`] does to sign a token. Their expiry is by
/// this machine's clock, with which the programs compare it.
///
/// # Errors
///
/// As those of [`authenticate`].
pub fn aws_credentials(request: Request, context: Context<'_>) -> Result<Credentials> {
    let inputs = Inputs::resolve(request, context)?;
    let session = credential_cache::session(&inputs, context)?.into_aws()?;
    let expires_at = session.credentials.expires_at;
    Ok(Credentials {
        expires_at: expires_at.map(|expiry| expiry.shifted(-session.clock_offset)),
        ..session.credentials
    })
}
