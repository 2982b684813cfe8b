//! Fetches what signing a token takes: opens the environment, resolves the cluster, and obtains
//! credentials.

use crate::authenticate::credentials::{Obtained, SHORTEST_SESSION, sts_client};
use crate::authenticate::environment::{LoginStep, OpenedEnvironment, open_observed};
use crate::authenticate::inputs::Inputs;
use crate::authenticate::session::ClusterSession;
use crate::aws::eks_token::check_cluster_name;
use crate::aws::endpoint::Region;
use crate::clock::Timestamp;
use crate::config::{Origin, Setting, Target};
use crate::context::Context;
use crate::error::Result;
use crate::file_tracker::FileDigest;
use crate::pulumi_cloud::Cloud;
use esc::Environment;
use kubeconfig::Kubeconfig;

/// A step of a fetch. All but `LoginStarted` succeeded.
pub(super) enum Step<'a> {
    LoginStarted,
    Login(&'a Cloud<'a>),
    Environment(&'a OpenedEnvironment),
    Cluster(&'a Target, &'a Setting<Region>),
    Credentials(&'a Target, &'a Obtained),
}

/// A fetched session, and what the cache has to know about it. Times are on AWS's clock.
pub(super) struct Fetched {
    pub(super) session: ClusterSession,
    /// The region for messages: the environment may mark it as secret.
    pub(super) shown_region: String,
    pub(super) obtained_at: Timestamp,
    /// Until when the cache may use it; `None` for credentials that are stored on this machine
    /// anyway.
    pub(super) usable_until: Option<Timestamp>,
    pub(super) files: Vec<FileDigest>,
}

/// Opens the environment and obtains credentials, regardless of the cache. Calls `observe` after
/// each step, in the order of [`Step`].
pub(super) fn fetch(
    inputs: &Inputs,
    context: Context<'_>,
    observe: &mut dyn FnMut(Step<'_>),
) -> Result<Fetched> {
    let opened = open_observed(&inputs.request.open, context, &mut |login| {
        observe(match login {
            LoginStep::Started => Step::LoginStarted,
            LoginStep::Done(cloud) => Step::Login(cloud),
        });
    })?;
    context.log.warnings(&opened.warnings());
    observe(Step::Environment(&opened));

    let (target, region) = resolve_target(inputs, opened.environment())?;
    context.log.debug(format_args!(
        "cluster {}",
        describe_cluster(&target, &region)
    ));
    observe(Step::Cluster(&target, &region));

    let sts = sts_client(&region.value, &inputs.sts, context);
    let obtained = opened.credentials(&target, &sts, context)?;
    observe(Step::Credentials(&target, &obtained));

    let obtained_at = opened.started_at(context);
    let is_stored_locally = !obtained.is_issued_by_sts && !inputs.request.open.is_in_cloud();
    let credentials = obtained.credentials;
    let usable_until = (!is_stored_locally).then(|| {
        credentials.expires_at.unwrap_or_else(|| {
            let lifetime = target.credential_lifetime.as_ref();
            obtained_at.plus(lifetime.map_or(SHORTEST_SESSION, |lifetime| lifetime.value))
        })
    });
    Ok(Fetched {
        shown_region: region.redacted(),
        session: ClusterSession {
            shown_cluster_name: target.cluster_name.redacted(),
            cluster_name: target.cluster_name.value,
            region: region.value,
            credentials,
            clock_offset: context.http.aws_clock_offset(),
        },
        obtained_at,
        usable_until,
        files: opened.opening.files,
    })
}

/// Combines the request with the environment into the cluster, and validates its name and region.
fn resolve_target(inputs: &Inputs, environment: &Environment) -> Result<(Target, Setting<Region>)> {
    let target = Target::resolve(
        &inputs.request,
        environment,
        server_region(inputs.server_region.as_ref(), environment),
        inputs.default_region.clone(),
    )?;
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    target
        .cluster_name
        .clone()
        .parse(|name| check_cluster_name(name))?;
    Ok((target, region))
}

/// The region in the host name of the API server: the one that the client is talking to, or else
/// those in the kubeconfig that the environment renders, if they agree.
fn server_region(server: Option<&Region>, environment: &Environment) -> Option<Setting> {
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
