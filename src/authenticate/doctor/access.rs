//! Whom AWS and the cluster see behind a token.

use std::fmt;

use serde::Deserialize;

use crate::authenticate::doctor::{KubeconfigCluster, Step};
use crate::authenticate::session::ClusterSession;
use crate::aws::arn::ClusterArn;
use crate::aws::endpoint::Region;
use crate::azure::token_endpoint::AKS_SERVER_APPLICATION;
use crate::context::Context;
use crate::error::{Kind, Result, one_line};
use crate::gcp::iam_credentials::EMAIL_SCOPE;
use crate::http::shortened;
use crate::identity_token;
use crate::kubernetes::api_server::{ApiServer, ProviderTerms, Review};
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

/// What is known about a token.
pub(super) enum TokenOrigin<'a> {
    Eks {
        session: &'a ClusterSession,
        caller: Option<&'a Caller>,
    },
    Gke,
    Aks,
}

impl TokenOrigin<'_> {
    fn terms(&self) -> ProviderTerms {
        match self {
            Self::Eks { .. } => ProviderTerms {
                certificate_source: "`aws eks describe-cluster` prints it as `certificateAuthority.data`",
                allowed_addresses: "`publicAccessCidrs`",
            },
            Self::Gke => ProviderTerms {
                certificate_source: "`gcloud container clusters describe` prints it as \
                                     `masterAuth.clusterCaCertificate`",
                allowed_addresses: "authorized networks",
            },
            Self::Aks => ProviderTerms {
                certificate_source: "`az aks get-credentials` writes it",
                allowed_addresses: "authorized IP ranges",
            },
        }
    }

    /// Whether a user name is the unique ID of a Google service account: GKE has no other users of digits.
    fn is_unique_id(&self, user: &str) -> bool {
        let is_number = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
        matches!(self, Self::Gke) && is_number
    }

    /// What to do if the API server rejects the token.
    fn rejection_hint(&self, cluster: &KubeconfigCluster, token: &Secret<String>) -> String {
        match self {
            Self::Eks { session, caller } => eks_rejection_hint(cluster, session, *caller),
            Self::Gke => format!(
                "check that this is a GKE cluster, and that the access token is not revoked and has \
                 the scopes `https://www.googleapis.com/auth/cloud-platform` and `{EMAIL_SCOPE}`"
            ),
            Self::Aks => aks_rejection_hint(token),
        }
    }
}

/// What to do if the API server rejects a token for AKS.
fn aks_rejection_hint(token: &Secret<String>) -> String {
    #[derive(Deserialize)]
    struct Claims {
        aud: Option<String>,
        tid: Option<String>,
    }
    let claims = identity_token::read_payload::<Claims>(token);
    let (audience, tenant) = claims.map_or((None, None), |claims| (claims.aud, claims.tid));
    let shown = |claim: String| format!("`{}`", shortened(&one_line(&claim)));
    match (audience, tenant.map(shown)) {
        (Some(audience), _) if audience != AKS_SERVER_APPLICATION => {
            let audience = shown(audience);
            format!(
                "the token is for the audience {audience}, not for AKS (`{AKS_SERVER_APPLICATION}`): \
                 check the authority"
            )
        }
        (_, Some(tenant)) => format!(
            "check that the cluster uses Microsoft Entra ID with the tenant {tenant} (`az aks show \
             --query aadProfile`)"
        ),
        (_, None) => {
            "check that the cluster uses Microsoft Entra ID with the tenant of the login (`az \
                      aks show --query aadProfile`)"
                .to_owned()
        }
    }
}

/// Asks the API server who the token belongs to.
pub(super) fn ask_api_server(
    cluster: &KubeconfigCluster,
    token: &Secret<String>,
    origin: &TokenOrigin<'_>,
    context: Context<'_>,
) -> Step {
    let review = || -> Result<(String, Review)> {
        let server = ApiServer::new(&cluster.server, origin.terms(), context.deadline)?;
        Ok((server.host(), server.who_am_i(token, context)?))
    };
    let (host, review) = match review() {
        Ok(reviewed) => reviewed,
        // A hint about the header is more specific.
        Err(error) if error.kind() == Kind::Denied && error.hint().is_none() => {
            let hint = origin.rejection_hint(cluster, token);
            return Step::failed(NAME, &error.with_hint(hint));
        }
        Err(error) => return Step::failed(NAME, &error),
    };
    let accepts = format!("`{host}` accepts the token");
    match review {
        Review::User { name, groups } => judge_user(cluster, origin, &accepts, &name, &groups),
        Review::Forbidden(message) => {
            let user = message.split_once("User \"");
            let user = user.and_then(|(_, rest)| rest.split_once('"'));
            let hint = if user.is_some_and(|(user, _)| origin.is_unique_id(user)) {
                unique_id_hint()
            } else {
                "bind the cluster role `system:basic-user` to the group `system:authenticated`"
                    .to_owned()
            };
            let detail = format!("{accepts}, but does not say as whom: {message}");
            Step::warning(NAME, detail, hint)
        }
        Review::Unsupported => Step::ok(
            NAME,
            format!("{accepts}; it is too old to say as whom (before Kubernetes 1.28)"),
        ),
    }
}

/// Describes the user that the API server sees behind the token.
fn judge_user(
    cluster: &KubeconfigCluster,
    origin: &TokenOrigin<'_>,
    accepts: &str,
    name: &str,
    groups: &[String],
) -> Step {
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
        let hint = "replace `insecure-skip-tls-verify` of the cluster in the kubeconfig by its \
                    certificate authority";
        return Step::warning(NAME, detail, hint);
    }
    if origin.is_unique_id(name) {
        let detail =
            format!("{detail}: the unique ID of a service account, not its e-mail address");
        return Step::warning(NAME, detail, unique_id_hint());
    }
    Step::ok(NAME, detail)
}

/// What to do if GKE knows a service account by its unique ID.
fn unique_id_hint() -> String {
    format!(
        "request the access token with the scope `{EMAIL_SCOPE}` too, or bind roles to the unique ID"
    )
}

/// What to do if the API server rejects a token for EKS: first what contradicts the kubeconfig.
fn eks_rejection_hint(
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
