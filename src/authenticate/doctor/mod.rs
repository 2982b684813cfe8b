//! Diagnoses authentication problems step by step, up to the API server of the cluster.
//!
//! It runs the same fetch as [`authenticate`](super::authenticate), without using or storing cached
//! credentials, and asks what only a diagnosis needs: whose login it is, whether AWS accepts the token,
//! and whether the API server does.

mod access;
mod cached;
mod login;
mod report;

use std::time::Duration;

pub use cached::examine_cache;
pub use report::{Report, Status, Step};

use crate::authenticate::credentials::{ExpirySource, Obtained};
use crate::authenticate::fetch::{self, Fetched, Step as FetchStep};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::session::{ClusterSession, Session};
use crate::aws::caller_identity;
use crate::clock::{describe_skew, format_duration};
use crate::config::Request;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use access::Caller;
use kubeconfig::ClusterServer;

/// How long looking up whose login it is may take. The call itself does not need the answer.
const USER_TIMEOUT: Duration = Duration::from_secs(3);

/// A cluster in a kubeconfig, whose API server is asked.
#[derive(Clone, Debug)]
pub struct KubeconfigCluster {
    /// The name of the entry. The AWS CLI writes the cluster's ARN.
    pub name: String,
    /// How to connect to it.
    pub server: ClusterServer,
}

/// Adds all steps but `kubeconfig` to the report.
pub fn diagnose(
    request: Request,
    cluster: Option<&KubeconfigCluster>,
    context: Context<'_>,
    report: &mut Report,
) {
    let inputs = match Inputs::resolve(request, context) {
        Ok(inputs) => inputs,
        Err(error) => return report.fail("environment", &error),
    };
    report.add(cached::examine(&inputs, context));
    if cluster.is_none() {
        let reason =
            "no cluster to ask: pass `--context NAME` to check the token with its API server";
        report.skip("api-server", reason);
    }

    let mut progress = Progress::new(context);
    let fetched = fetch::fetch(&inputs, context, &mut |step| {
        progress.record(&step, &inputs, context, report);
    });
    progress.report_login(&inputs, context, &fetched, report);
    let caller = match fetched {
        Ok(fetched) => match &fetched.session {
            Session::Eks(session) => check_token(&inputs, session, cluster, context, report),
            Session::AccessToken(session) => {
                if let Some(cluster) = cluster {
                    let hint = || {
                        "check that the cluster belongs to the cloud of the login, and accepts its \
                         identity"
                            .to_owned()
                    };
                    let step = access::ask_api_server(cluster, &session.token, hint, context);
                    report.add(step);
                }
                None
            }
        },
        Err(error) => {
            if !report.has_failed("login") {
                report.fail(progress.next_step, &error);
            }
            None
        }
    };
    if let Some(credentials) = progress.credentials {
        report.ok("credentials", credentials.describe(caller.as_ref()));
    }
    if let Some(offset) = context.http.observed_aws_offset() {
        report.add(clock(offset, report.has_failed("aws-sts")));
    }
}

/// What is known about a fetch so far.
struct Progress {
    /// The step that is running.
    next_step: &'static str,
    is_logged_in: bool,
    /// Whose login Pulumi Cloud says it is.
    user: Option<Result<String>>,
    /// The time that was left when the environment began to open.
    left: Duration,
    credentials: Option<CredentialsEvidence>,
}

impl Progress {
    fn new(context: Context<'_>) -> Self {
        Self {
            next_step: "environment",
            is_logged_in: true,
            user: None,
            left: context.deadline.remaining(),
            credentials: None,
        }
    }

    fn record(
        &mut self,
        step: &FetchStep<'_>,
        inputs: &Inputs,
        context: Context<'_>,
        report: &mut Report,
    ) {
        match step {
            FetchStep::LoginStarted => self.is_logged_in = false,
            FetchStep::Login(cloud) => {
                self.is_logged_in = true;
                self.user = Some(cloud.describe_user(USER_TIMEOUT));
                self.left = context.deadline.remaining();
            }
            FetchStep::Environment(opened) => {
                let environment = &inputs.request.open.environment;
                let duration = self.left.saturating_sub(context.deadline.remaining());
                let opens = format!("`{environment}` opens in {}", format_duration(duration));
                let warnings = opened.warnings();
                if warnings.is_empty() {
                    report.ok("environment", opens);
                } else {
                    let detail = format!("{opens}, with warnings:\n{}", warnings.trim_end());
                    report.warn("environment", detail, "correct the definition");
                }
                self.next_step = "cluster";
            }
            FetchStep::Cluster(target, region) => {
                report.ok("cluster", fetch::describe_cluster(target, region));
                self.next_step = "credentials";
            }
            FetchStep::Credentials(target, obtained) => {
                let role = target.role.as_ref().map(|role| role.arn.redacted());
                self.credentials = Some(CredentialsEvidence::new(obtained, role));
            }
            FetchStep::Provider(provider) => {
                let title = provider.title();
                report.ok("cluster", format!("any {title} cluster of the login"));
                for step in ["aws-sts", "clock"] {
                    report.skip(step, "only for EKS");
                }
                self.next_step = "credentials";
            }
            FetchStep::AccessToken(obtained) => {
                let expiry = obtained.session.expires_at;
                let source = &obtained.source;
                let found = format!("access token {source}, valid until {expiry}");
                report.ok("credentials", found);
                let size = obtained.session.token.expose().len();
                let expiry = obtained.session.replace_at();
                report.ok("token", format!("{size} bytes, valid until {expiry}"));
            }
        }
    }

    /// Reports the login: the failure to log in, or whose login it is.
    fn report_login(
        &mut self,
        inputs: &Inputs,
        context: Context<'_>,
        fetched: &Result<Fetched>,
        report: &mut Report,
    ) {
        let is_denied = |error: &Error| error.kind() == Kind::Denied;
        match (fetched, self.user.take()) {
            (Err(error), _) if !self.is_logged_in => report.fail("login", error),
            // An access token that is rejected is not noticed before its first use.
            (Err(error), Some(Err(rejection)))
                if self.next_step == "environment" && is_denied(error) && is_denied(&rejection) =>
            {
                report.fail("login", &rejection);
            }
            (_, user) => report.add(login::describe(inputs, context, user.and_then(Result::ok))),
        }
    }
}

/// What the step `credentials` shows.
struct CredentialsEvidence {
    access_key_id: String,
    role: Option<String>,
    expiry: String,
}

impl CredentialsEvidence {
    fn new(obtained: &Obtained, role: Option<String>) -> Self {
        let source = match &obtained.expiry_source {
            ExpirySource::Sts => "as AWS STS stated".to_owned(),
            ExpirySource::Duration => "from `duration` in the definition".to_owned(),
            ExpirySource::Lifetime(origin) => format!("from {origin}"),
            ExpirySource::Assumed => {
                "assumed: the expiry is unknown, and no session is shorter than 15m".to_owned()
            }
            ExpirySource::Unknown => "long-term keys, or of unknown origin".to_owned(),
        };
        let expiry = match obtained.credentials.expires_at {
            Some(expiry) => format!("valid until {expiry} ({source})"),
            None => format!("expiry unknown ({source})"),
        };
        Self {
            access_key_id: obtained.credentials.access_key_id.clone(),
            role,
            expiry,
        }
    }

    fn describe(&self, caller: Option<&Caller>) -> String {
        let identity = match (caller, &self.role) {
            (Some(caller), _) => format!(" of {caller}"),
            (None, Some(role)) => format!(" of `{role}`"),
            (None, None) => String::new(),
        };
        format!(
            "access key `{}`{identity}, {}",
            self.access_key_id, self.expiry
        )
    }
}

/// Signs a token, and asks AWS STS and the API server about it. Returns whom AWS sees.
fn check_token(
    inputs: &Inputs,
    session: &ClusterSession,
    cluster: Option<&KubeconfigCluster>,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Caller> {
    let token = match session.sign(inputs, context) {
        Ok(token) => token,
        Err(error) => {
            report.fail("token", &error);
            return None;
        }
    };
    let size = token.token.expose().len();
    let expiry = token.expires_at.shifted(-session.clock_offset);
    let signed = format!("{size} bytes, valid until {expiry}");
    match token.length_warning() {
        Some(warning) => report.warn("token", signed, warning),
        None => report.ok("token", signed),
    }

    let caller = match caller_identity::ask(context, &token.token, &session.cluster_name) {
        Ok(arn) => {
            report.ok("aws-sts", format!("accepts the token as `{arn}`"));
            Some(Caller::new(arn))
        }
        Err(error) => {
            report.fail("aws-sts", &error);
            None
        }
    };
    if let Some(cluster) = cluster {
        let hint = || access::rejection_hint(cluster, session, caller.as_ref());
        let step = access::ask_api_server(cluster, &token.token, hint, context);
        report.add(step);
    }
    caller
}

/// Judges AWS's clock minus this machine's, in seconds.
fn clock(offset: i64, is_token_rejected: bool) -> Step {
    const DAY: u64 = 24 * 60 * 60;
    let hint = "set this machine's clock";
    let Some(skew) = describe_skew(offset, "AWS") else {
        return Step::ok("clock", "agrees with that of AWS");
    };
    if is_token_rejected || offset.unsigned_abs() > DAY {
        return Step::failed("clock", &Error::configuration(skew).with_hint(hint));
    }
    Step::warning("clock", format!("{skew}; signatures are corrected"), hint)
}
