//! Chooses the cloud that runs the cluster.

use crate::authenticate::environment::OpenedEnvironment;
use crate::aws::find_credentials;
use crate::azure::find_login;
use crate::config::{
    AccessTokenTarget, ClusterProvider, Origin, Purpose, Request, Setting, SettingSearch,
};
use crate::environment_search::{paths_of, shown_paths};
use crate::error::{Error, Kind, Result};
use crate::gcp::find_access_token;
use esc::{Data, Environment, PropertyPath};

/// A provider, and the setting or the login that decided on it. `None` if an EKS cluster is named, or nothing
/// decided.
pub(crate) struct ChosenProvider {
    pub(crate) provider: ClusterProvider,
    pub(super) origin: Option<Origin>,
}

const EKS: ChosenProvider = ChosenProvider {
    provider: ClusterProvider::Eks,
    origin: None,
};

/// The provider: from a setting; or EKS if anything names an EKS cluster; or else the cloud of the only
/// kind of login in the environment. EKS if there is no login.
pub(crate) fn choose(request: &Request, opened: &OpenedEnvironment) -> Result<ChosenProvider> {
    if request.purpose == Purpose::AwsCredentials {
        return Ok(EKS);
    }
    let environment = opened.environment();
    match configured(request, environment)? {
        Some(setting) => Ok(ChosenProvider {
            provider: setting.value,
            origin: Some(setting.origin),
        }),
        None if names_eks_cluster(request, environment) => Ok(EKS),
        None => provider_of_logins(&Logins::find(request, opened)?),
    }
}

/// The provider of the request, as far as it is known before the environment is opened.
pub(super) fn of_request(request: &Request) -> Option<ClusterProvider> {
    if let Some(provider) = &request.provider {
        return Some(provider.value);
    }
    request.extension.get("provider")?.as_str()?.parse().ok()
}

fn configured(
    request: &Request,
    environment: &Environment,
) -> Result<Option<Setting<ClusterProvider>>> {
    if let Some(provider) = &request.provider {
        return Ok(Some(provider.clone()));
    }
    SettingSearch::default()
        .environment(environment, &["kubernetes", "provider"])?
        .extension(&request.extension, "provider")?
        .finish()
        .map(|provider| provider.parse(|text| text.parse()))
        .transpose()
}

fn names_eks_cluster(request: &Request, environment: &Environment) -> bool {
    let has_extension = |name: &str| request.extension.get(name).is_some_and(|it| !it.is_null());
    let eks = environment.values.property("eks");
    request.cluster_name.is_some()
        || request.web_identity.is_some()
        || ["clusterName", "webIdentity"]
            .into_iter()
            .any(has_extension)
        || eks.is_some_and(|eks| matches!(eks.data, Data::Object(_)))
}

/// The paths of logins, by the provider whose clusters accept them.
struct Logins([(ClusterProvider, Vec<PropertyPath>); 3]);

impl Logins {
    /// Those at the path of `--credentials`, if there are any, or else those in the environment.
    fn find(request: &Request, opened: &OpenedEnvironment) -> Result<Self> {
        let environment = opened.environment();
        let all = Self([
            (ClusterProvider::Eks, aws_logins(request, opened)?),
            (
                ClusterProvider::Gke,
                paths_of(environment, find_access_token::is_login),
            ),
            (
                ClusterProvider::Aks,
                paths_of(environment, find_login::is_login),
            ),
        ]);
        let target = AccessTokenTarget::resolve(request, environment)?;
        let Some(chosen) = target.credentials.map(|path| path.value) else {
            return Ok(all);
        };
        let at_path = Self(all.0.clone().map(|(provider, mut paths)| {
            paths.retain(|path| *path == chosen);
            (provider, paths)
        }));
        let is_empty = at_path.0.iter().all(|(_, paths)| paths.is_empty());
        Ok(if is_empty { all } else { at_path })
    }
}

/// The paths of AWS credentials, and that of an identity token if a role is known.
fn aws_logins(request: &Request, opened: &OpenedEnvironment) -> Result<Vec<PropertyPath>> {
    let environment = opened.environment();
    let mut paths = find_credentials::paths(environment);
    if let Some(path) = &opened.opening.identity_token {
        let role = SettingSearch::starting_with(request.role_arn.as_ref())
            .environment(environment, &["environmentVariables", "AWS_ROLE_ARN"])?
            .extension(&request.extension, "roleArn")?
            .finish();
        paths.extend(role.map(|_| path.clone()));
    }
    Ok(paths)
}

fn provider_of_logins(logins: &Logins) -> Result<ChosenProvider> {
    let found: Vec<_> = logins
        .0
        .iter()
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    match found.as_slice() {
        [] => Ok(EKS),
        [(provider, paths)] => Ok(ChosenProvider {
            provider: *provider,
            origin: (paths.first()).map(|path| Origin::Environment(path.to_string())),
        }),
        several => {
            let shown = several.iter().map(|(provider, paths)| {
                let cloud = match provider {
                    ClusterProvider::Eks => "AWS",
                    ClusterProvider::Gke => "Google Cloud",
                    ClusterProvider::Aks => "Azure",
                };
                format!("{cloud} ({})", shown_paths(paths.iter()))
            });
            let shown: Vec<_> = shown.collect();
            let message = format!(
                "the environment contains logins to several clouds: {}",
                shown.join(", ")
            );
            let flags = several
                .iter()
                .map(|(provider, _)| format!("`--provider {provider}`"));
            let flags: Vec<_> = flags.collect();
            let (last, others) = flags.split_last().map_or(("", &[][..]), |(l, o)| (l, o));
            Err(Error::new(Kind::Credentials, message).with_hint(format!(
                "choose one with {} or {last}, or with `kubernetes.provider` in the environment",
                others.join(", ")
            )))
        }
    }
}

/// Rejects flags that only make sense for another provider. Variables may be meant for other calls.
pub(crate) fn reject_other_flags(request: &Request, provider: ClusterProvider) -> Result<()> {
    let authority = (&request.azure_authority_host, ClusterProvider::Aks);
    let of_eks = [
        &request.cluster_name,
        &request.role_arn,
        &request.external_id,
        &request.session_name,
        &request.web_identity,
    ];
    let of_eks = of_eks.map(|setting| (setting, ClusterProvider::Eks));
    for (setting, owner) in of_eks.into_iter().chain([authority]) {
        let origin = setting.as_ref().map(|setting| &setting.origin);
        if let Some(Origin::Flag(flag)) = origin {
            provider.check_flag(flag, owner)?;
        }
    }
    Ok(())
}
