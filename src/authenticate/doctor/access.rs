//! Whom AWS and the cluster see behind a token.

use std::fmt;

use crate::authenticate::doctor::{KubeconfigCluster, Step};
use crate::authenticate::session::ClusterSession;
use crate::aws::arn::ClusterArn;
use crate::aws::endpoint::Region;
use crate::context::Context;
use crate::error::{Kind, Result};
use crate::kubernetes::api_server::{ApiServer, Review};
use crate::secret::Secret;

const NAME: &str = "api-server";

/// The groups up to which a user's groups are listed.
const MAX_GROUPS: usize = 10;

/// The identity that signed a token. `Display` names the role or user and the account.
pub(super) struct Caller {
    arn: String,
}

impl Caller {
    pub(super) fn new(arn: String) -> Self {
        Self { arn }
    }

    /// The partition, the account, and what follows them in the ARN.
    fn parts(&self) -> Option<(&str, &str, &str)> {
        let parts: Vec<_> = self.arn.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, _, _, account, resource] => Some((partition, account, resource)),
            _ => None,
        }
    }

    /// The ARN that an access entry names: that of the role, not of its session. A path of the role
    /// is unknown to STS.
    fn principal(&self) -> String {
        let role = self.parts().and_then(|(partition, account, resource)| {
            let (role, _) = resource.strip_prefix("assumed-role/")?.split_once('/')?;
            Some(format!("arn:{partition}:iam::{account}:role/{role}"))
        });
        role.unwrap_or_else(|| self.arn.clone())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.principal())?;
        match self.parts() {
            Some((_, account, _)) => write!(formatter, " in account {account}"),
            None => Ok(()),
        }
    }
}

/// Asks the API server who the token belongs to. `rejection_hint` makes the hint if it rejects the token.
pub(super) fn ask_api_server(
    cluster: &KubeconfigCluster,
    token: &Secret<String>,
    rejection_hint: impl FnOnce() -> String,
    context: Context<'_>,
) -> Step {
    let review = || -> Result<(String, Review)> {
        let server = ApiServer::new(&cluster.server, context.deadline)?;
        Ok((server.host(), server.who_am_i(token, context)?))
    };
    let (host, review) = match review() {
        Ok(reviewed) => reviewed,
        // A hint about the header is more specific.
        Err(error) if error.kind() == Kind::Denied && error.hint().is_none() => {
            return Step::failed(NAME, &error.with_hint(rejection_hint()));
        }
        Err(error) => return Step::failed(NAME, &error),
    };
    let accepts = format!("`{host}` accepts the token");
    match review {
        Review::User { name, groups } => {
            let more = if groups.len() > MAX_GROUPS {
                " and more"
            } else {
                ""
            };
            let groups: Vec<_> = groups
                .iter()
                .take(MAX_GROUPS)
                .map(|group| format!("`{group}`"))
                .collect();
            let detail = format!("{accepts} as `{name}` (groups {}{more})", groups.join(", "));
            if cluster.server.insecure_skip_tls_verify {
                let detail = format!("{detail}, but anyone may answer for it");
                let hint = "replace `insecure-skip-tls-verify` of the cluster in the kubeconfig by \
                            its certificate authority";
                return Step::warning(NAME, detail, hint);
            }
            Step::ok(NAME, detail)
        }
        Review::Forbidden(message) => Step::warning(
            NAME,
            format!("{accepts}, but does not say as whom: {message}"),
            "bind the cluster role `system:basic-user` to the group `system:authenticated`",
        ),
        Review::Unsupported => Step::ok(
            NAME,
            format!("{accepts}; it is too old to say as whom (before Kubernetes 1.28)"),
        ),
    }
}

/// What to do if the API server rejects a token for EKS: first what contradicts the kubeconfig.
pub(super) fn rejection_hint(
    cluster: &KubeconfigCluster,
    session: &ClusterSession,
    caller: Option<&Caller>,
) -> String {
    let Some(caller) = caller else {
        return "first solve the problem with `aws-sts`: the cluster asks AWS too".to_owned();
    };
    let name = &session.shown_cluster_name;
    let region = session.region.as_str();
    if let Some(arn) = ClusterArn::parse(&cluster.name)
        && (arn.name != session.cluster_name || arn.region != region)
    {
        return format!(
            "the token is for the cluster `{name}` in region `{region}`, but the kubeconfig's cluster \
             is `{}` in region `{}`: correct the cluster name and the region",
            arn.name, arn.region
        );
    }
    if let Some(server_region) = Region::of_api_server(&cluster.server.url)
        && server_region.as_str() != region
    {
        return format!(
            "the token is for region `{region}`, but the API server is in region `{}`: correct the \
             region, and check that the cluster's name is `{name}`",
            server_region.as_str()
        );
    }
    format!(
        "check that `{name}` is the name of this cluster, and that it has an access entry (`aws eks \
         list-access-entries --cluster-name {name} --region {region}`) or an entry in the config map \
         `aws-auth` for `{}`",
        caller.principal()
    )
}
