//! Diagnoses authentication problems step by step, up to the API server of the cluster.
//!
//! It runs the same fetch as [`authenticate`](super::authenticate), without using or storing cached
//! credentials, and asks what only a diagnosis needs: whose login it is, whether AWS accepts the token,
//! and whether the API server does.

mod access;
mod access_token;
mod cached;
mod login;
mod report;

use std::time::Duration;

pub use cached::examine_cache;
pub use report::{Report, Status, Step};

use crate::authenticate::credentials::{ExpirySource, Obtained};
use crate::authenticate::fetch::{self, Fetched, Step as FetchStep};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::provider;
use crate::authenticate::session::{ClusterSession, Session};
use crate::aws::caller_identity;
use crate::clock::{describe_skew, format_duration};
use crate::config::{ClusterProvider, Request};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use access::{Caller, TokenOrigin};
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
    let known = provider::of_request(&request).unwrap_or(ClusterProvider::Eks);
    report.set_provider(known);
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

    let mut progress = Progress::new(context, cluster, known);
    let fetched = fetch::fetch(&inputs, context, &mut |step| {
        progress.record(&step, &inputs, context, report);
    });
    progress.report_login(&inputs, context, &fetched, report);
    let caller = match fetched {
        Ok(fetched) => match &fetched.session {
            Session::Eks(session) => check_token(&inputs, session, cluster, context, report),
            Session::AccessToken(session) => {
                if let Some(cluster) = cluster {
                    let origin = match progress.provider {
                        ClusterProvider::Aks => TokenOrigin::Aks,
                        _ => TokenOrigin::Gke,
                    };
                    let step = access::ask_api_server(cluster, &session.token, &origin, context);
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
struct Progress<'a> {
    cluster: Option<&'a KubeconfigCluster>,
    /// EKS as long as it is unknown.
    provider: ClusterProvider,
    /// The step that is running.
    next_step: &'static str,
    is_logged_in: bool,
    /// Whose login Pulumi Cloud says it is.
    user: Option<Result<String>>,
    /// The time that was left when the environment began to open.
    left: Duration,
    credentials: Option<CredentialsEvidence>,
}

impl<'a> Progress<'a> {
    fn new(
        context: Context<'_>,
        cluster: Option<&'a KubeconfigCluster>,
        provider: ClusterProvider,
    ) -> Self {
        Self {
            cluster,
            provider,
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
                self.next_step = match self.provider {
                    ClusterProvider::Eks => "cluster",
                    ClusterProvider::Gke | ClusterProvider::Aks => "provider",
                };
            }
            FetchStep::Cluster(target, region) => {
                report.ok("cluster", fetch::describe_cluster(target, region));
                self.next_step = "credentials";
            }
            FetchStep::Credentials(target, obtained) => {
                let role = target.role.as_ref().map(|role| role.arn.redacted());
                self.credentials = Some(CredentialsEvidence::new(obtained, role));
            }
            FetchStep::Provider(chosen) => {
                self.provider = chosen.provider;
                report.set_provider(self.provider);
                report.add(access_token::describe_provider(chosen));
                self.next_step = "credentials";
            }
            FetchStep::AzureLogin(found) => {
                report.add(access_token::describe_login(found, context));
                self.next_step = "authority";
            }
            FetchStep::Authority(authority) => {
                report.add(access_token::describe_authority(authority, self.cluster));
                self.next_step = "token";
            }
            FetchStep::AccessToken(obtained) => {
                if self.provider == ClusterProvider::Gke {
                    report.add(access_token::describe_access_token(obtained));
                }
                report.add(access_token::describe_token(&obtained.session));
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
        let origin = TokenOrigin::Eks {
            session,
            caller: caller.as_ref(),
        };
        let step = access::ask_api_server(cluster, &token.token, &origin, context);
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
