//! The main job: from what client-go, the flags and the variables say to an `ExecCredential`.
//!
//! The only module that knows all parts; each step is a call into one of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::aws_login::{self, AwsLogin};
use crate::aws::eks_token::{EksToken, PresignRequest, check_cluster_name};
use crate::aws::endpoint::Region;
use crate::aws::sts::{self, AssumeRole, Sts};
use crate::aws::{Credentials, eks, from_environment, web_identity};
use crate::clock::Timestamp;
use crate::configuration::request::OpenRequest;
use crate::configuration::target::Role;
use crate::configuration::{GetTokenFlags, Origin, Request, Setting, Target};
use crate::environment::{Diagnostic, Environment, Reference, Sources, Style};
use crate::error::{Error, Kind, Result};
use crate::evaluator::directory::{self, Directory};
use crate::evaluator::provider::{Provider, Providers};
use crate::evaluator::{Definition, Evaluation, Evaluator};
use crate::host::Host;
use crate::http::HttpClient;
use crate::journal::Journal;
use crate::kubernetes::kubeconfig::{Cluster, Kubeconfig};
use crate::kubernetes::{ExecCredential, ExecInfo};

/// How long temporary credentials are taken to last of which nobody knows the end: AWS's minimum.
const SHORTEST_SESSION: Duration = Duration::from_mins(15);

/// Logs in to the cluster that the flags, the variables and `KUBERNETES_EXEC_INFO` name.
///
/// Blocks, at most until the request's deadline. The error's kind says which link of the chain
/// failed.
pub fn authenticate(
    flags: &GetTokenFlags,
    host: &Host,
    journal: &Journal<'_>,
) -> Result<ExecCredential> {
    let exec_info = ExecInfo::read(host)?;
    let cluster = exec_info.cluster.unwrap_or_default();
    let request = Request::read(flags, host, cluster.config)?;

    let opened = open(&request.open, host, journal)?;
    journal.warnings(&opened.warnings());

    let server = region_of_server(cluster.server.as_deref(), &opened.environment);
    let target = Target::resolve(&request, &opened.environment, host, server)?;
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    target
        .cluster_name
        .clone()
        .parse(|name| check_cluster_name(name))?;
    let sts_settings = sts::Settings::from_host(host)?;
    journal.detail(format_args!(
        "cluster `{}` (from {}) in region `{}` (from {})",
        target.cluster_name.shown(),
        target.cluster_name.origin,
        region.shown(),
        region.origin
    ));

    let credentials = opened.credentials(&target, journal)?;
    let credentials = match &target.role {
        Some(role) => {
            let sts = Sts::new(
                &opened.http,
                region.value.as_str().to_owned(),
                sts_settings.clone(),
                request.open.deadline,
            );
            assume(&sts, &credentials, role, journal)?
        }
        None => credentials,
    };

    let token = EksToken::presign(&PresignRequest {
        cluster_name: &target.cluster_name.value,
        region: &region.value,
        endpoint_mode: sts_settings.endpoint_mode,
        credentials: &credentials,
        signed_at: host.clock().now(),
    })?;
    journal.step(format_args!(
        "token for cluster `{}` signed with access key {}, until {}",
        target.cluster_name.shown(),
        credentials.access_key_id,
        token.expires_at
    ));
    Ok(ExecCredential {
        api_version: exec_info.api_version,
        token: token.token,
        expiration_timestamp: token.expires_at,
    })
}

/// An environment that was opened without errors.
#[derive(Debug)]
pub struct Opened {
    /// Its values.
    pub environment: Environment,
    warnings: Vec<Diagnostic>,
    sources: Sources,
    aws_login: AwsLogin,
    http: HttpClient,
    started: Timestamp,
}

/// Opens an environment. An environment with errors is not opened at all: the error holds them,
/// rendered with their places.
pub fn open(request: &OpenRequest, host: &Host, journal: &Journal<'_>) -> Result<Opened> {
    let local = Local::new(request, host)?;
    journal.step(format_args!(
        "opening the environment `{}`",
        request.environment
    ));
    let started = host.clock().now();
    let Evaluation {
        environment,
        diagnostics,
        sources,
    } = local.evaluator().open(local.definition.clone());
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(broken(&request.environment, diagnostics, &sources));
    }
    let Local {
        aws_login, http, ..
    } = local;
    Ok(Opened {
        environment,
        warnings: diagnostics,
        sources,
        aws_login,
        http,
        started,
    })
}

/// Checks an environment without opening a provider: its diagnostics, and the sources to render
/// them with.
pub fn check(request: &OpenRequest, host: &Host) -> Result<(Vec<Diagnostic>, Sources)> {
    let local = Local::new(request, host)?;
    let Evaluation {
        diagnostics,
        sources,
        ..
    } = local.evaluator().check(local.definition.clone());
    Ok((diagnostics, sources))
}

impl Opened {
    /// The warnings, rendered with their places; empty where there are none.
    #[must_use]
    pub fn warnings(&self) -> String {
        self.sources.render(&self.warnings, Style::Plain)
    }

    /// The credentials that the environment holds, with the best that is known of their end.
    fn credentials(&self, target: &Target, journal: &Journal<'_>) -> Result<Credentials> {
        let path = target.credentials.as_ref().map(|path| &path.value);
        let found = from_environment::find(&self.environment, path)?;
        let mut credentials = found.credentials;
        let issued = self.aws_login.expiry_of(&credentials.access_key_id);
        credentials.expires_at = match (&target.credential_lifetime, &credentials.session_token) {
            _ if issued.is_some() => issued,
            (Some(lifetime), _) => Some(self.started.plus(lifetime.value)),
            (None, Some(_)) => Some(self.started.plus(SHORTEST_SESSION)),
            (None, None) => None,
        };
        let end = credentials.expires_at.map_or_else(
            || "no known end".to_owned(),
            |end| format!("good until {end}"),
        );
        journal.step(format_args!("AWS credentials at `{}`, {end}", found.path));
        Ok(credentials)
    }
}

/// Asks EKS for the cluster of the target, with the environment's credentials: those of a role on
/// top are for the cluster itself.
pub fn describe_cluster(
    opened: &Opened,
    target: &Target,
    request: &OpenRequest,
    host: &Host,
    journal: &Journal<'_>,
) -> Result<Cluster> {
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    let credentials = opened.credentials(target, journal)?;
    journal.step(format_args!(
        "asking Amazon EKS for the cluster `{}` in region `{}`",
        target.cluster_name.shown(),
        region.shown()
    ));
    let described = eks::describe_cluster(
        &opened.http,
        host,
        &region.value,
        &credentials,
        &target.cluster_name.value,
        request.deadline,
    )?;
    Ok(Cluster {
        server: described.endpoint,
        certificate_authority_data: Some(described.certificate_authority_data),
        ..Cluster::default()
    })
}

/// Assumes the role on top of the environment's credentials.
fn assume(
    sts: &Sts,
    credentials: &Credentials,
    role: &Role,
    journal: &Journal<'_>,
) -> Result<Credentials> {
    journal.step(format_args!(
        "assuming `{}` (from {})",
        role.arn.shown(),
        role.arn.origin
    ));
    let value = |setting: &Setting| setting.value.clone();
    let request = AssumeRole {
        role_arn: role.arn.value.clone(),
        session_name: role
            .session_name
            .as_ref()
            .map_or_else(|| sts::DEFAULT_SESSION_NAME.to_owned(), value),
        external_id: role.external_id.as_ref().map(value),
        hidden: [Some(&role.arn), role.session_name.as_ref()]
            .into_iter()
            .flatten()
            .filter(|setting| setting.secret)
            .map(|setting| setting.value.as_str())
            .collect(),
        duration: None,
    };
    let assumed = sts.assume_role(credentials, &request)?;
    // A session that was made by a session lives on by itself at AWS. The token is still told to
    // end with the shorter one, so that a revoked or ended login is noticed in time.
    let end = [credentials.expires_at, assumed.expires_at]
        .into_iter()
        .flatten()
        .min();
    Ok(Credentials {
        expires_at: end,
        ..assumed
    })
}

/// The region that the API server's host name shows: the one that client-go is talking to, or else
/// those of the kubeconfig that the environment renders, where they agree.
fn region_of_server(server: Option<&str>, environment: &Environment) -> Option<Setting> {
    if let Some(region) = server.and_then(Region::of_api_server) {
        return Some(Setting::new(region.as_str().to_owned(), Origin::ApiServer));
    }
    let files = environment.files();
    let (_, text) = files.iter().find(|(name, _)| *name == "KUBECONFIG")?;
    let kubeconfig = Kubeconfig::parse(text.as_str()?).ok()?;
    let mut regions: Vec<_> = kubeconfig
        .servers()
        .filter_map(Region::of_api_server)
        .collect();
    regions.dedup();
    match regions.as_slice() {
        [only] => Some(Setting::new(
            only.as_str().to_owned(),
            Origin::Environment("files.KUBECONFIG".to_owned()),
        )),
        _ => None,
    }
}

/// A local definition, and all that its evaluation needs.
struct Local {
    definition: Definition,
    importer: Directory,
    aws_login: AwsLogin,
    http: HttpClient,
}

impl Local {
    fn new(request: &OpenRequest, host: &Host) -> Result<Self> {
        let path = match &request.environment {
            Reference::Local(path) => path,
            Reference::Cloud(name) => {
                return Err(Error::configuration(format!(
                    "cannot open `{name}`: kubectl-esc {} opens local definitions only",
                    env!("CARGO_PKG_VERSION")
                ))
                .with_hint(format!(
                    "name a file: a path that starts with `./` or ends in `.yaml`, such as \
                     ./{name}.yaml"
                )));
            }
        };
        let definition = directory::read_definition(path)?;
        let root = request
            .root
            .clone()
            .or_else(|| path.parent().map(PathBuf::from))
            .unwrap_or_default();
        let http = HttpClient::new(host);
        let settings = aws_login::Settings {
            region: request.region.clone(),
            identity: web_identity::Choice {
                file: request.web_identity_token_file.clone(),
                variable: request.web_identity_token_env.clone(),
                audience: request.web_identity_audience.clone(),
            },
            deadline: request.deadline,
        };
        Ok(Self {
            definition,
            importer: Directory::new(root),
            aws_login: AwsLogin::new(host, &http, settings),
            http,
        })
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(&self.importer, self)
    }
}

impl Providers for Local {
    fn provider(&self, name: &str) -> Result<&dyn Provider> {
        if name == "aws-login" {
            return Ok(&self.aws_login);
        }
        Err(
            Error::new(Kind::Definition, format!("unknown provider \"{name}\"")).with_hint(
                "`aws-login` is the provider that works locally; the others run in Pulumi Cloud",
            ),
        )
    }
}

/// The error for a definition that cannot be used. Where a provider failed, that failure decides
/// the kind and the hint: it is what the user has to act on.
fn broken(reference: &Reference, mut diagnostics: Vec<Diagnostic>, sources: &Sources) -> Error {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    // The failure's own words are those of the whole; the diagnostic shows the place.
    let failure = diagnostics.iter_mut().find_map(|diagnostic| {
        let failure = diagnostic.failure.take()?;
        "failed here".clone_into(&mut diagnostic.summary);
        Some(failure)
    });
    let rendered = sources.render(&diagnostics, Style::Plain);
    let message = format!("cannot open the environment `{reference}`");
    match failure.and_then(Arc::into_inner) {
        Some(failure) => failure.within(message).with_details(rendered),
        None => Error::new(
            Kind::Definition,
            format!("{message}: {}", count_errors(errors)),
        )
        .with_details(rendered)
        .with_hint(format!(
            "correct the definition; `kubectl-esc check {reference}` checks it alone"
        )),
    }
}

/// "its definition has 2 errors".
pub(crate) fn count_errors(errors: usize) -> String {
    format!(
        "its definition has {errors} error{}",
        if errors == 1 { "" } else { "s" }
    )
}
