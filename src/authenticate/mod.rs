//! The main job: from what client-go, the flags and the variables say to an `ExecCredential`.
//!
//! The only module that knows all parts; each step is a call into one of them.

mod cache_key;
mod credential_cache;
pub mod doctor;
pub mod file_importer;
mod local_environment;
mod open;
mod remote_decrypter;
mod stack_backends;

use std::time::Duration;

use crate::aws::eks_token::{EksToken, PresignRequest, check_cluster_name};
use crate::aws::endpoint::Region;
use crate::aws::sts::{self, AssumeRole, AssumeRoleWithWebIdentity, Sts};
use crate::aws::{Credentials, eks, find_credentials};
use crate::clock::{Deadline, Timestamp, format_duration};
use crate::config::Reference;
use crate::config::request::OpenRequest;
use crate::config::target::Role;
use crate::config::{CacheFlags, CacheRequest, GetTokenFlags, Origin, Request, Setting, Target};
use crate::error::{Error, Kind, Result};
use crate::files_read::FileRead;
use crate::host::Host;
use crate::http::HttpClient;
use crate::identity_token;
use crate::kubernetes::kubeconfig::{Cluster, Kubeconfig};
use crate::kubernetes::{ApiVersion, ExecCredential, ExecInfo};
use crate::log::Log;
use crate::opener::Opening;
use esc::{Diagnostic, Environment, PropertyPath, Sources, Style};

/// How long temporary credentials are taken to last of which nobody knows the end: AWS's minimum.
const SHORTEST_SESSION: Duration = Duration::from_mins(15);

/// A clock that is wrong by this much is worth a word.
const NOTABLE_SKEW: Duration = Duration::from_mins(1);

/// Logs in to the cluster that the flags, the variables and `KUBERNETES_EXEC_INFO` name.
///
/// Blocks, at most until the request's deadline. The error's kind says which link of the chain
/// failed.
pub fn authenticate(
    flags: &GetTokenFlags,
    cache: &CacheFlags,
    host: &Host,
    log: &Log<'_>,
) -> Result<ExecCredential> {
    let call = Call::read(flags, host, log)?;
    let cache = CacheRequest::read(cache, host)?;
    let session = credential_cache::session(&call, &cache)?;

    let token = session.sign(host)?;
    // The signature is held against AWS's clock, the credential's end against this machine's.
    let expiration_timestamp = token.expires_at.shifted(-session.clock_offset);
    log.info(format_args!(
        "token for cluster `{}` signed with access key {}, until {expiration_timestamp}",
        session.shown_cluster, session.credentials.access_key_id,
    ));
    Ok(ExecCredential {
        api_version: call.api_version,
        token: token.token,
        expiration_timestamp,
    })
}

/// A call, as far as it is known before anything is opened.
struct Call<'a> {
    /// The version of the exec protocol to answer in.
    api_version: ApiVersion,
    request: Request,
    /// The region in the host name of the API server that client-go is talking to.
    server_region: Option<Region>,
    host: &'a Host,
    log: &'a Log<'a>,
}

impl<'a> Call<'a> {
    fn read(flags: &GetTokenFlags, host: &'a Host, log: &'a Log<'a>) -> Result<Self> {
        let exec_info = ExecInfo::read(host)?;
        let cluster = exec_info.cluster.unwrap_or_default();
        Ok(Self {
            api_version: exec_info.api_version,
            request: Request::read(flags, host, cluster.config)?,
            server_region: cluster.server.as_deref().and_then(Region::of_api_server),
            host,
            log,
        })
    }
}

/// What it takes to sign a token.
struct Session {
    cluster_name: String,
    /// The same for people: it may be a secret.
    shown_cluster: String,
    region: Region,
    credentials: Credentials,
    /// The servers' clock less this machine's, in seconds.
    clock_offset: i64,
}

impl Session {
    /// Signs a token with the time that it is at AWS.
    fn sign(&self, host: &Host) -> Result<EksToken> {
        EksToken::presign(&PresignRequest {
            cluster_name: &self.cluster_name,
            region: &self.region,
            endpoint_mode: sts::Settings::from_host(host)?.endpoint_mode,
            credentials: &self.credentials,
            signed_at: host.clock().now().shifted(self.clock_offset),
        })
    }
}

/// A session that was fetched, and what the cache has to know of it. Times are the servers'.
struct Fetched {
    session: Session,
    obtained_at: Timestamp,
    /// Until when it may be used again; `None` for credentials that stand on this machine.
    good_until: Option<Timestamp>,
    files: Vec<FileRead>,
}

/// Opens the environment and gets credentials, whatever the cache holds.
fn fetch(call: &Call<'_>, http: HttpClient, deadline: Deadline) -> Result<Fetched> {
    let Call { request, .. } = call;
    let Call { host, log, .. } = *call;
    let open_request = OpenRequest {
        deadline,
        ..request.open.clone()
    };
    let opened = open_with(http, &open_request, host, log)?;
    log.warnings(&opened.warnings());
    let (target, region) = resolve(call, &opened)?;
    log.debug(format_args!("cluster {}", shown(&target, &region)));

    let sts = sts_of(&opened, &region.value, host, deadline)?;
    let offset_before = opened.http.clock_offset();
    let (credentials, issuer) = opened.credentials(&target, &sts, host, log)?;
    if offset_before == 0 {
        note_clock(&opened.http, log);
    }
    let started = opened.started();
    let good_until = match (issuer, request.is_in_cloud()) {
        (Issuer::Unknown, false) => None,
        _ => Some(credentials.expires_at.unwrap_or_else(|| {
            let lifetime = target.credential_lifetime.as_ref();
            started.plus(lifetime.map_or(SHORTEST_SESSION, |lifetime| lifetime.value))
        })),
    };
    Ok(Fetched {
        session: Session {
            shown_cluster: target.cluster_name.shown(),
            cluster_name: target.cluster_name.value,
            region: region.value,
            credentials,
            clock_offset: opened.http.clock_offset(),
        },
        obtained_at: started,
        good_until,
        files: opened.opening.files,
    })
}

/// What the call and the environment say together of the cluster.
fn resolve(call: &Call<'_>, opened: &Opened) -> Result<(Target, Setting<Region>)> {
    let server = region_of_server(call.server_region.as_ref(), opened.environment());
    let target = Target::resolve(&call.request, opened.environment(), call.host, server)?;
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    let cluster_name = target.cluster_name.clone();
    cluster_name.parse(|name| check_cluster_name(name))?;
    Ok((target, region))
}

/// The cluster and its region for people, and where each was said.
fn shown(target: &Target, region: &Setting<Region>) -> String {
    format!(
        "`{}` (from {}) in region `{}` (from {})",
        target.cluster_name.shown(),
        target.cluster_name.origin,
        region.shown(),
        region.origin
    )
}

/// Tells of a clock that is wrong by a minute or more.
fn note_clock(http: &HttpClient, log: &Log<'_>) {
    if let Some(skew) = notable_skew(http.clock_offset()) {
        log.info(format_args!("{skew}; signing by theirs"));
    }
}

/// Says how wrong this machine's clock is, where that is a minute or more. `offset` is the
/// servers' clock less this machine's, in seconds.
fn notable_skew(offset: i64) -> Option<String> {
    let difference = Duration::from_secs(offset.unsigned_abs());
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    (difference >= NOTABLE_SKEW).then(|| {
        let difference = format_duration(difference);
        format!("this machine's clock is {difference} {direction} the servers'")
    })
}

/// An environment that was opened without errors.
#[derive(Debug)]
pub struct Opened {
    opening: Opening,
    http: HttpClient,
    started: Timestamp,
}

/// Opens an environment. An environment with errors is not opened at all: the error holds them,
/// rendered with their places.
pub fn open(request: &OpenRequest, host: &Host, log: &Log<'_>) -> Result<Opened> {
    open_with(HttpClient::new(host), request, host, log)
}

fn open_with(
    http: HttpClient,
    request: &OpenRequest,
    host: &Host,
    log: &Log<'_>,
) -> Result<Opened> {
    log.info(format_args!(
        "opening the environment `{}`",
        request.environment
    ));
    let started = host.clock().now();
    let opening = open::with_opener("open", request, host, &http, log, |opener| opener.open())?;
    note_clock(&http, log);
    if opening.diagnostics.iter().any(Diagnostic::is_error) {
        let Opening {
            diagnostics,
            sources,
            ..
        } = opening;
        return Err(broken(&request.environment, diagnostics, &sources));
    }
    Ok(Opened {
        opening,
        http,
        started,
    })
}

/// Checks an environment without opening a provider: its diagnostics, and the sources to render
/// them with.
pub fn check(
    request: &OpenRequest,
    host: &Host,
    log: &Log<'_>,
) -> Result<(Vec<Diagnostic>, Sources)> {
    let http = HttpClient::new(host);
    let checked = open::with_opener("check", request, host, &http, log, |opener| opener.check())?;
    Ok((checked.diagnostics, checked.sources))
}

impl Opened {
    /// Its values.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.opening.environment
    }

    /// The warnings, rendered with their places; empty where there are none.
    #[must_use]
    pub fn warnings(&self) -> String {
        let Opening {
            diagnostics,
            sources,
            ..
        } = &self.opening;
        sources.render(diagnostics, Style::Plain)
    }

    /// How many warnings there are.
    fn warning_count(&self) -> usize {
        self.opening.diagnostics.len()
    }

    /// When its opening began, by the servers' clock.
    fn started(&self) -> Timestamp {
        self.started.shifted(self.http.clock_offset())
    }

    /// The credentials that sign the token: those in the environment, or those of its identity
    /// token; with the role on top.
    fn credentials(
        &self,
        target: &Target,
        sts: &Sts,
        host: &Host,
        log: &Log<'_>,
    ) -> Result<(Credentials, Issuer)> {
        let own = self.own_credentials(target, sts, host, log)?;
        match (own, &target.role) {
            (Own::Found(credentials), Some(role)) => {
                let assumed = assume(sts, &credentials, role, log)?;
                Ok((assumed, Issuer::Sts))
            }
            (Own::Found(credentials), None) => {
                let issuer = match self.known_expiry(&credentials) {
                    Some(_) => Issuer::Sts,
                    None => Issuer::Unknown,
                };
                Ok((credentials, issuer))
            }
            (Own::Exchanged(credentials), _) => Ok((credentials, Issuer::Sts)),
        }
    }

    /// What the issuer said of the end of these credentials, or the duration in the definition.
    fn known_expiry(&self, credentials: &Credentials) -> Option<Timestamp> {
        let mut keys = self.opening.keys.iter();
        let known = keys.find(|key| key.access_key_id == credentials.access_key_id);
        known.map(|key| key.expires_at)
    }

    /// The same without a role on top.
    fn own_credentials(
        &self,
        target: &Target,
        sts: &Sts,
        host: &Host,
        log: &Log<'_>,
    ) -> Result<Own> {
        if let Some(path) = &target.web_identity {
            let exchanged = self.exchanged(&path.value, target, sts, host, log);
            return exchanged.map(Own::Exchanged);
        }
        let path = target.credentials.as_ref().map(|path| &path.value);
        let found = match find_credentials::look_up(self.environment(), path)? {
            Some(found) => found,
            None => match self.opening.identity_tokens.as_slice() {
                [only] if identity_role(target).is_some() => {
                    let exchanged = self.exchanged(only, target, sts, host, log);
                    return exchanged.map(Own::Exchanged);
                }
                _ => find_credentials::find(self.environment(), path)?,
            },
        };
        let credentials = self.with_expiry(found.credentials, target);
        let end = credentials.expires_at.map_or_else(
            || "no known end".to_owned(),
            |end| format!("good until {end}"),
        );
        log.info(format_args!("AWS credentials at `{}`, {end}", found.path));
        Ok(Own::Found(credentials))
    }

    /// Adds the best that is known of the credentials' end: what their issuer said, or the duration
    /// in the definition; else the setting; else the shortest session there is.
    fn with_expiry(&self, credentials: Credentials, target: &Target) -> Credentials {
        let known = self.known_expiry(&credentials);
        let expires_at = match (&target.credential_lifetime, &credentials.session_token) {
            _ if known.is_some() => known,
            (Some(lifetime), _) => Some(self.started().plus(lifetime.value)),
            (None, Some(_)) => Some(self.started().plus(SHORTEST_SESSION)),
            (None, None) => None,
        };
        Credentials {
            expires_at,
            ..credentials
        }
    }

    /// Exchanges the identity token at `path` at STS, which says when the credentials end.
    fn exchanged(
        &self,
        path: &PropertyPath,
        target: &Target,
        sts: &Sts,
        host: &Host,
        log: &Log<'_>,
    ) -> Result<Credentials> {
        let Some(arn) = identity_role(target) else {
            return Err(Error::configuration(format!(
                "no role is named for the identity token at `{path}`"
            ))
            .with_hint(
                "give `--role-arn ARN`, or add `eks.roleArn` or `environmentVariables.AWS_ROLE_ARN` \
                 to the environment",
            ));
        };
        let role = target.role.as_ref();
        if let Some(external_id) = role.and_then(|role| role.external_id.as_ref()) {
            return Err(Error::configuration(format!(
                "{} is set, but an identity token has no use for it",
                external_id.origin
            ))
            .with_hint("leave the external id out"));
        }
        let value = self.environment().get(path).ok_or_else(|| {
            Error::new(
                Kind::Credentials,
                format!("`{path}` in the environment does not exist"),
            )
            .with_hint("name the path of an identity token, such as that of `fn::open::oidc`")
        })?;
        let token = identity_token::Source::Given {
            text: value.as_text().cloned().unwrap_or_default(),
            place: format!("`{path}` in the environment"),
        };
        let token = token.read(host, &self.http, sts.deadline())?;
        log.info(format_args!(
            "assuming `{}` (from {}) with the identity token at `{path}`",
            arn.shown(),
            arn.origin
        ));
        let session_name = role.and_then(|role| role.session_name.as_ref());
        sts.assume_role_with_web_identity(&AssumeRoleWithWebIdentity {
            role_arn: arn.value.clone(),
            session_name: session_name.map_or_else(
                || sts::DEFAULT_SESSION_NAME.to_owned(),
                |name| name.value.clone(),
            ),
            duration: None,
            policy_arns: Vec::new(),
            identity_token: &token,
            hidden: [Some(arn), session_name]
                .into_iter()
                .flatten()
                .filter(|setting| setting.secret)
                .map(|setting| setting.value.as_str())
                .collect(),
        })
    }
}

/// Credentials of the environment.
enum Own {
    /// They are in it.
    Found(Credentials),
    /// They were got for an identity token in it, and are those of the role.
    Exchanged(Credentials),
}

/// Who issued credentials.
#[derive(Clone, Copy)]
enum Issuer {
    /// AWS STS, for this call.
    Sts,
    /// Whoever wrote them into the environment.
    Unknown,
}

/// The role that an identity token is exchanged for.
fn identity_role(target: &Target) -> Option<&Setting> {
    let role = target.role.as_ref().map(|role| &role.arn);
    role.or(target.web_identity_role.as_ref())
}

/// AWS STS of this region, as the variables say to ask it.
fn sts_of(opened: &Opened, region: &Region, host: &Host, deadline: Deadline) -> Result<Sts> {
    let settings = sts::Settings::from_host(host)?;
    let region = region.as_str().to_owned();
    Ok(Sts::new(&opened.http, region, settings, deadline))
}

/// Asks EKS for the cluster of the target, with the environment's credentials: those of a role on
/// top are for the cluster itself.
pub fn describe_cluster(
    opened: &Opened,
    target: &Target,
    request: &OpenRequest,
    host: &Host,
    log: &Log<'_>,
) -> Result<Cluster> {
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    let sts = sts_of(opened, &region.value, host, request.deadline)?;
    let (Own::Found(credentials) | Own::Exchanged(credentials)) =
        opened.own_credentials(target, &sts, host, log)?;
    log.info(format_args!(
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
fn assume(sts: &Sts, credentials: &Credentials, role: &Role, log: &Log<'_>) -> Result<Credentials> {
    log.info(format_args!(
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
fn region_of_server(server: Option<&Region>, environment: &Environment) -> Option<Setting> {
    if let Some(region) = server {
        return Some(Setting::new(region.as_str().to_owned(), Origin::ApiServer));
    }
    let files = environment.files();
    let file = files.iter().find(|file| file.name == "KUBECONFIG")?;
    let kubeconfig = Kubeconfig::parse(file.text.as_str()?).ok()?;
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
    let failure = failure.map(|failure| Error::from_failure(&*failure));
    match failure {
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
