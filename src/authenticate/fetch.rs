//! Fetches what a token takes: opens the environment, resolves the cluster, and obtains credentials.

use crate::authenticate::access_token::{ChosenAuthority, ObtainedToken};
use crate::authenticate::credentials::{Obtained, SHORTEST_SESSION, sts_client};
use crate::authenticate::environment::{LoginStep, OpenedEnvironment, api_servers, open_observed};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::provider::{self, ChosenProvider};
use crate::authenticate::session::{ClusterSession, Session};
use crate::aws::arn::{check_role_arn, role_partition};
use crate::aws::eks_token::check_cluster_name;
use crate::aws::endpoint::Region;
use crate::aws::partition::Partition;
use crate::azure::AzureLogin;
use crate::cache::{Listed, Validity};
use crate::clock::{Clock, Timestamp};
use crate::config::{
    AccessTokenTarget, ClusterProvider, Origin, Purpose, Request, Setting, SettingSearch, Target,
};
use crate::context::Context;
use crate::environment_search::Found;
use crate::error::Result;
use crate::file_tracker::FileDigest;
use crate::pulumi_cloud::Cloud;
use esc::Environment;

/// A step of a fetch. All but `LoginStarted` succeeded.
pub(super) enum Step<'a> {
    LoginStarted,
    Login(&'a Cloud<'a>),
    Environment(&'a OpenedEnvironment),
    Cluster(&'a Target, &'a Setting<Region>),
    Credentials(&'a Target, &'a Obtained),
    /// Instead of the last two, for GKE and AKS.
    Provider(&'a ChosenProvider),
    /// For AKS only, as is the next one.
    AzureLogin(&'a Found<AzureLogin>),
    Authority(&'a ChosenAuthority),
    AccessToken(&'a ObtainedToken),
}

/// A fetched session, and what the cache has to know about it. Times of an EKS session are on AWS's clock.
pub(super) struct Fetched {
    pub(super) session: Session,
    pub(super) listed: Listed,
    pub(super) obtained_at: Timestamp,
    /// Until when the cache may use it; `None` for credentials that are stored on this machine
    /// anyway.
    pub(super) usable_until: Option<Timestamp>,
    pub(super) files: Vec<FileDigest>,
}

impl Fetched {
    /// How long the cache may use the session; `None` for credentials that are stored on this machine anyway.
    pub(super) fn validity(&self, clock: Clock) -> Option<Validity> {
        Some(Validity {
            obtained_at: self.obtained_at,
            good_until: self.usable_until?,
            clock_offset: match &self.session {
                Session::Eks(session) => session.clock_offset,
                Session::AccessToken(_) => 0,
            },
            boot_time: clock.boot_time(),
        })
    }
}

/// Opens the environment and obtains credentials, regardless of the cache. Calls `observe` after
/// each step, in the order of [`Step`].
pub(super) fn fetch(
    inputs: &Inputs,
    context: Context<'_>,
    observe: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched> {
    check_settings(&inputs.request)?;
    let opened = open_observed(&inputs.request.open, context, &mut |login| {
        observe(match login {
            LoginStep::Started => Step::LoginStarted,
            LoginStep::Done(cloud) => Step::Login(cloud),
        });
    })?;
    context.log.warnings(&opened.warnings());
    observe(Step::Environment(&opened));
    fetch_from(inputs, &opened, context, observe)
}

/// Obtains credentials from an opened environment.
pub(super) fn fetch_from(
    inputs: &Inputs,
    opened: &OpenedEnvironment,
    context: Context<'_>,
    observe: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched> {
    let chosen = provider::choose(&inputs.request, opened)?;
    provider::reject_other_flags(&inputs.request, chosen.provider)?;
    let fetched = if chosen.provider == ClusterProvider::Eks {
        fetch_aws(inputs, opened, context, observe)
    } else {
        observe(Step::Provider(&chosen));
        fetch_access_token(chosen.provider, inputs, opened, context, observe)
    };
    Ok(Fetched {
        files: opened.opening.files.clone(),
        ..fetched?
    })
}

/// Obtains the AWS credentials for an EKS cluster, or for other programs.
fn fetch_aws(
    inputs: &Inputs,
    opened: &OpenedEnvironment,
    context: Context<'_>,
    observe: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched> {
    let (target, region) = resolve_target(inputs, opened.environment())?;
    if inputs.request.purpose == Purpose::ClusterToken {
        context.log.debug(format_args!(
            "cluster {}",
            describe_cluster(&target, &region)
        ));
    }
    if let Some(warning) = region.value.spelling_warning().filter(|_| !region.secret) {
        context.log.info(format_args!("warning: {warning}"));
    }
    observe(Step::Cluster(&target, &region));

    let sts = sts_client(&region.value, &inputs.sts, context);
    let obtained = opened.credentials(&target, &sts, context)?;
    observe(Step::Credentials(&target, &obtained));

    let obtained_at = opened.started_at_aws(context);
    let is_stored_locally = !obtained.is_issued_by_sts && !inputs.request.open.is_in_cloud();
    let credentials = obtained.credentials;
    let usable_until = (!is_stored_locally).then(|| {
        credentials.expires_at.unwrap_or_else(|| {
            let lifetime = target.credential_lifetime.as_ref();
            obtained_at.plus(lifetime.map_or(SHORTEST_SESSION, |lifetime| lifetime.value))
        })
    });
    let is_for_cluster = inputs.request.purpose == Purpose::ClusterToken;
    Ok(Fetched {
        listed: Listed {
            provider: is_for_cluster.then(|| ClusterProvider::Eks.to_string()),
            cluster: Some(target.cluster_name.redacted()),
            region: Some(region.redacted()),
            account: credentials.account(),
        },
        session: Session::Eks(ClusterSession {
            shown_cluster_name: target.cluster_name.redacted(),
            cluster_name: target.cluster_name.value,
            region: region.value,
            credentials,
            clock_offset: context.http.aws_clock_offset(),
        }),
        obtained_at,
        usable_until,
        files: Vec::new(),
    })
}

/// Obtains the access token for a GKE or AKS cluster.
fn fetch_access_token(
    provider: ClusterProvider,
    inputs: &Inputs,
    opened: &OpenedEnvironment,
    context: Context<'_>,
    observe: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched> {
    let target = AccessTokenTarget::resolve(&inputs.request, opened.environment())?;
    let obtained = match provider {
        ClusterProvider::Aks => opened.aks_token(&target, inputs, context, observe)?,
        _ => opened.gke_token(&target, context)?,
    };
    observe(Step::AccessToken(&obtained));
    let is_stored_locally = !obtained.is_issued && !inputs.request.open.is_in_cloud();
    Ok(Fetched {
        listed: Listed {
            provider: Some(provider.to_string()),
            ..Listed::default()
        },
        obtained_at: opened.started_at,
        usable_until: (!is_stored_locally).then_some(obtained.session.expires_at),
        session: Session::AccessToken(obtained.session),
        files: Vec::new(),
    })
}

/// Rejects what AWS would not accept, before the environment is opened.
pub(super) fn check_settings(request: &Request) -> Result<()> {
    if let Some(name) = request.cluster_name.clone() {
        name.parse(|name| check_cluster_name(name))?;
    }
    if let Some(region) = request.region.clone() {
        region.parse(|region| Region::parse(region))?;
    }
    check_role(request.role_arn.as_ref())
}

fn check_role(arn: Option<&Setting>) -> Result<()> {
    let Some(arn) = arn.cloned() else {
        return Ok(());
    };
    arn.parse(|arn| check_role_arn(arn)).map(|_| ())
}

/// Combines the request with the environment into the cluster, and validates its settings.
fn resolve_target(inputs: &Inputs, environment: &Environment) -> Result<(Target, Setting<Region>)> {
    let target = Target::resolve(
        &inputs.request,
        environment,
        server_region(inputs.server_region.as_ref(), environment),
        default_region(inputs, environment)?,
    )?;
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    if inputs.request.purpose == Purpose::ClusterToken {
        let name = target.cluster_name.clone();
        name.parse(|name| check_cluster_name(name))?;
    }
    check_role(target.role.as_ref().map(|role| &role.arn))?;
    Ok((target, region))
}

/// The region that this machine uses for AWS. AWS credentials are valid in all regions, so any one in the
/// role's partition will do for them.
fn default_region(inputs: &Inputs, environment: &Environment) -> Result<Option<Setting>> {
    if inputs.request.purpose == Purpose::ClusterToken || inputs.default_region.is_some() {
        return Ok(inputs.default_region.clone());
    }
    let role = SettingSearch::starting_with(inputs.request.role_arn.as_ref())
        .environment(environment, &["eks", "roleArn"])?
        .environment(environment, &["environmentVariables", "AWS_ROLE_ARN"])?
        .finish();
    let partition = role.as_ref().and_then(|role| role_partition(&role.value));
    let partition = partition.and_then(Partition::by_name);
    let region = partition.map_or("us-east-1", |partition| partition.default_region);
    Ok(Some(Setting::new(region.to_owned(), Origin::Caller)))
}

/// The region in the host name of the API server: the one that the client is talking to, or else
/// those in the kubeconfig that the environment renders, if they agree.
fn server_region(server: Option<&Region>, environment: &Environment) -> Option<Setting> {
    if let Some(region) = server {
        return Some(Setting::new(region.as_str().to_owned(), Origin::ApiServer));
    }
    let servers = api_servers(environment);
    let regions = servers.iter().filter_map(|url| Region::of_api_server(url));
    let mut regions: Vec<_> = regions.collect();
    regions.dedup();
    match regions.as_slice() {
        [region] => Some(Setting::new(
            region.as_str().to_owned(),
            Origin::Environment("files.KUBECONFIG".to_owned()),
        )),
        _ => None,
    }
}

/// The cluster and its region for messages, and where each was set.
pub(super) fn describe_cluster(target: &Target, region: &Setting<Region>) -> String {
    format!(
        "`{}` (from {}) in region `{}` (from {})",
        target.cluster_name.redacted(),
        target.cluster_name.origin,
        region.redacted(),
        region.origin
    )
}
