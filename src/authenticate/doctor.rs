//! Diagnoses authentication problems step by step.

use crate::authenticate::fetch::{self, Step};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::{cache_key, credential_cache};
use crate::aws::caller_identity;
use crate::clock::describe_skew;
use crate::config::Request;
use crate::context::Context;
use crate::error::Result;
use crate::pulumi_cloud::storing_problem;

/// A diagnostic step that succeeded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The name of the step, in a word or two.
    pub step: &'static str,
    /// What the step found, in one line.
    pub detail: String,
}

/// Runs the steps of [`authenticate`](super::authenticate) without using cached credentials, and
/// then asks AWS STS to verify the token, as the cluster does. Calls `report` for each step that
/// succeeds; the error is that of the first step that fails.
pub fn diagnose(
    request: Request,
    context: Context<'_>,
    report: &mut dyn FnMut(Finding),
) -> Result<()> {
    let mut report = |step, detail| report(Finding { step, detail });
    let inputs = Inputs::resolve(request, context)?;
    report("cache", credential_cache::describe(&inputs, context));
    report("login", cache_key::describe_login(&inputs, context)?);

    let fetched = fetch::fetch(&inputs, context, &mut |step| {
        let (name, detail) = describe(&step, &inputs);
        report(name, detail);
    })?;
    if let Some(problem) = storing_problem() {
        report("login", problem);
    }
    let session = fetched.session;
    let token = session.sign(&inputs, context)?;
    let size = token.token.expose().len();
    let warning = token.length_warning().map(|warning| format!("; {warning}"));
    report(
        "token",
        format!("signed, {size} bytes{}", warning.unwrap_or_default()),
    );

    let caller = caller_identity::ask(context, &token.token, &session.cluster_name)?;
    report("AWS STS", format!("accepts the token as `{caller}`"));
    let skew = describe_skew(context.http.aws_clock_offset(), "AWS");
    report(
        "clock",
        skew.unwrap_or_else(|| "agrees with that of AWS".to_owned()),
    );
    Ok(())
}

fn describe(step: &Step<'_>, inputs: &Inputs) -> (&'static str, String) {
    match step {
        Step::Environment(opened) => {
            let environment = &inputs.request.open.environment;
            let warnings = match opened.opening.diagnostics.len() {
                0 => String::new(),
                1 => ", with 1 warning".to_owned(),
                several => format!(", with {several} warnings"),
            };
            ("environment", format!("`{environment}` opens{warnings}"))
        }
        Step::Cluster(target, region) => ("cluster", fetch::describe_cluster(target, region)),
        Step::Credentials(target, credentials) => {
            let role = match &target.role {
                Some(role) => format!(" of `{}`", role.arn.redacted()),
                None => String::new(),
            };
            let expiry = match credentials.expires_at {
                Some(expiry) => format!("valid until {expiry}"),
                None => "expiry unknown".to_owned(),
            };
            let key = &credentials.access_key_id;
            ("credentials", format!("access key {key}{role}, {expiry}"))
        }
    }
}
