//! What is known after the environment is opened: which cluster, where, as whom.

use std::time::Duration;

use crate::config::request::{Request, positive_duration};
use crate::config::setting::{Search, Setting};
use crate::error::{Error, Result};
use crate::host::Host;
use esc::{Environment, PropertyPath};

/// The cluster to log in to, and how to come by the credentials for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The cluster's name.
    pub cluster_name: Setting,
    /// The region of the cluster, as it was written.
    pub region: Setting,
    /// The role to assume on top of the environment's credentials.
    pub role: Option<Role>,
    /// Where the credentials are in the environment.
    pub credentials: Option<Setting<PropertyPath>>,
    /// Where an identity token is in the environment that AWS STS is to exchange for credentials.
    pub web_identity: Option<Setting<PropertyPath>>,
    /// The role that such a token is exchanged for, where the settings for a role name none:
    /// `environmentVariables.AWS_ROLE_ARN`, which all AWS tools read together with a token.
    pub web_identity_role: Option<Setting>,
    /// How long credentials of unknown expiry are to be used.
    pub credential_lifetime: Option<Setting<Duration>>,
}

/// A role to assume on top.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Role {
    /// The role's ARN.
    pub arn: Setting,
    /// The external id that the role's trust policy may ask for.
    pub external_id: Option<Setting>,
    /// The session's name.
    pub session_name: Option<Setting>,
}

impl Target {
    /// Completes the request with what the environment and the usual AWS variables say.
    /// `region_of_server` is the region that the API server's host name shows, if any.
    pub fn resolve(
        request: &Request,
        environment: &Environment,
        host: &Host,
        region_of_server: Option<Setting>,
    ) -> Result<Self> {
        let eks = |given: &Option<Setting>, name: &'static str| {
            Search::given(given.as_ref())
                .environment(environment, &["eks", name])?
                .extension(&request.extension, name)
        };
        let Some(cluster_name) = eks(&request.cluster_name, "clusterName")?.end() else {
            return Err(
                Error::configuration("the name of the EKS cluster is not known").with_hint(
                    "give `--cluster-name NAME`, set KUBECTL_ESC_CLUSTER_NAME, or add \
                 `eks.clusterName` to the environment",
                ),
            );
        };
        let region = eks(&request.region, "region")?
            .environment(environment, &["environmentVariables", "AWS_REGION"])?
            .environment(environment, &["environmentVariables", "AWS_DEFAULT_REGION"])?
            .or_try(|| Ok(region_of_server))?
            .variable("AWS_REGION", host)?
            .variable("AWS_DEFAULT_REGION", host)?
            .end();
        let Some(region) = region else {
            return Err(
                Error::configuration("the AWS region of the cluster is not known").with_hint(
                    "give `--region REGION`, set KUBECTL_ESC_REGION or AWS_REGION, or add \
                     `eks.region` to the environment",
                ),
            );
        };

        let external_id = eks(&request.external_id, "externalId")?.end();
        let session_name = eks(&request.session_name, "sessionName")?.end();
        let role = match (
            eks(&request.role_arn, "roleArn")?.end(),
            &external_id,
            &session_name,
        ) {
            (Some(arn), _, _) => Some(Role {
                arn,
                external_id,
                session_name,
            }),
            (None, Some(orphan), _) | (None, None, Some(orphan)) => {
                return Err(Error::configuration(format!(
                    "{} is set, but there is no role to use it for",
                    orphan.origin
                ))
                .with_hint("give `--role-arn ARN` too"));
            }
            (None, None, None) => None,
        };

        let credentials = eks(&request.credentials, "credentials")?.end();
        let credentials = credentials.map(|path| path.parse(|path| property_path(path)));
        let web_identity = eks(&request.web_identity, "webIdentity")?.end();
        let web_identity = web_identity.map(|path| path.parse(|path| property_path(path)));
        let web_identity_role = Search::given(None)
            .environment(environment, &["environmentVariables", "AWS_ROLE_ARN"])?
            .end();
        let lifetime = eks(&request.credential_lifetime, "credentialLifetime")?.end();
        let lifetime = lifetime.map(|text| text.parse(|text| positive_duration(text)));
        Ok(Self {
            cluster_name,
            region,
            role,
            credentials: credentials.transpose()?,
            web_identity: web_identity.transpose()?,
            web_identity_role,
            credential_lifetime: lifetime.transpose()?,
        })
    }
}

fn property_path(text: &str) -> Result<PropertyPath> {
    text.parse().map_err(|error| {
        Error::configuration(format!("`{text}` is not a property path: {error}"))
            .with_hint("write a path such as aws.creds")
    })
}
