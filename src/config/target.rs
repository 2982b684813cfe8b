//! What is known after the environment is opened: which cluster, where, and with which identity.

use std::time::Duration;

use crate::clock::{format_duration, parse_duration};
use crate::config::{DEFAULT_TIMEOUT, Origin, Purpose, Request, Setting, SettingSearch};
use crate::error::{Error, Result};
use crate::host::Host;
use esc::{Environment, PropertyPath};

/// The cluster to authenticate to, and how to obtain credentials for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The cluster name; `-` if none is needed.
    pub cluster_name: Setting,
    /// The AWS region of the cluster. Not validated yet.
    pub region: Setting,
    /// The role to assume with the environment's credentials.
    pub role: Option<AssumedRole>,
    /// The property path of the AWS credentials in the environment.
    pub credentials: Option<Setting<PropertyPath>>,
    /// The property path of an identity token in the environment, to be exchanged at AWS STS.
    pub web_identity: Option<Setting<PropertyPath>>,
    /// The role to exchange an identity token for if `role` is not set:
    /// `environmentVariables.AWS_ROLE_ARN`, which AWS tools read together with a token.
    pub web_identity_role: Option<Setting>,
    /// How long credentials of unknown expiry are used.
    pub credential_lifetime: Option<Setting<Duration>>,
}

/// A role to assume.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AssumedRole {
    /// The role's ARN.
    pub arn: Setting,
    /// The external ID that the role's trust policy may require.
    pub external_id: Option<Setting>,
    /// The session name.
    pub session_name: Option<Setting>,
}

impl Target {
    /// Completes the request with settings of the opened environment and the cluster extension.
    ///
    /// `server_region` is the region in the host name of the API server. `default_region` is the
    /// region that this machine uses for AWS, `AWS_REGION` or `AWS_DEFAULT_REGION`.
    ///
    /// # Errors
    ///
    /// `Configuration` if the cluster name or the region is missing, or a setting is malformed.
    pub fn resolve(
        request: &Request,
        environment: &Environment,
        server_region: Option<Setting>,
        default_region: Option<Setting>,
    ) -> Result<Self> {
        let eks = |setting: &Option<Setting>, name: &'static str| {
            SettingSearch::starting_with(setting.as_ref())
                .environment(environment, &["eks", name])?
                .extension(&request.extension, name)
        };
        let cluster_name = match request.purpose {
            Purpose::AwsCredentials => Setting::new("-".to_owned(), Origin::Caller),
            Purpose::ClusterToken => eks(&request.cluster_name, "clusterName")?
                .finish()
                .ok_or_else(|| no_cluster_name(request))?,
        };
        let region = eks(&request.region, "region")?
            .environment(environment, &["environmentVariables", "AWS_REGION"])?
            .environment(environment, &["environmentVariables", "AWS_DEFAULT_REGION"])?
            .finish()
            .or(server_region)
            .or(default_region)
            .ok_or_else(|| {
                Error::configuration("no AWS region specified for the cluster").with_hint(
                    "pass `--region REGION`, set KUBECTL_ESC_REGION or AWS_REGION, or add \
                     `eks.region` to the environment",
                )
            })?;
        let role = assumed_role(
            eks(&request.role_arn, "roleArn")?.finish(),
            eks(&request.external_id, "externalId")?.finish(),
            eks(&request.session_name, "sessionName")?.finish(),
        )?;
        let credentials = eks(&request.credentials, "credentials")?.finish();
        let web_identity = eks(&request.web_identity, "webIdentity")?.finish();
        let lifetime = eks(&request.credential_lifetime, "credentialLifetime")?.finish();
        Ok(Self {
            cluster_name,
            region,
            role,
            credentials: credentials
                .map(|path| path.parse(|path| parse_property_path(path)))
                .transpose()?,
            web_identity: web_identity
                .map(|path| path.parse(|path| parse_property_path(path)))
                .transpose()?,
            web_identity_role: SettingSearch::default()
                .environment(environment, &["environmentVariables", "AWS_ROLE_ARN"])?
                .finish(),
            credential_lifetime: lifetime
                .map(|text| text.parse(|text| parse_positive_duration(text)))
                .transpose()?,
        })
    }
}

/// How to obtain an access token for a GKE or AKS cluster.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AccessTokenTarget {
    /// The property path of the login in the environment.
    pub credentials: Option<Setting<PropertyPath>>,
    /// How long a token of unknown expiry is used.
    pub credential_lifetime: Option<Setting<Duration>>,
}

impl AccessTokenTarget {
    /// Completes the request with settings of the opened environment and the cluster extension.
    ///
    /// # Errors
    ///
    /// `Configuration` if a setting is malformed.
    pub fn resolve(request: &Request, environment: &Environment) -> Result<Self> {
        let kubernetes = |setting: &Option<Setting>, name: &'static str| {
            Ok::<_, Error>(
                SettingSearch::starting_with(setting.as_ref())
                    .environment(environment, &["kubernetes", name])?
                    .extension(&request.extension, name)?
                    .finish(),
            )
        };
        let credentials = kubernetes(&request.credentials, "credentials")?;
        let lifetime = kubernetes(&request.credential_lifetime, "credentialLifetime")?;
        Ok(Self {
            credentials: credentials
                .map(|path| path.parse(|path| parse_property_path(path)))
                .transpose()?,
            credential_lifetime: lifetime
                .map(|text| text.parse(|text| parse_positive_duration(text)))
                .transpose()?,
        })
    }
}

/// The region that this machine uses for AWS: `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
pub fn default_region(host: &Host) -> Result<Option<Setting>> {
    Ok(SettingSearch::default()
        .variable("AWS_REGION", host)?
        .variable("AWS_DEFAULT_REGION", host)?
        .finish())
}

fn no_cluster_name(request: &Request) -> Error {
    let has_cluster_info = request.api_server.is_some() || !request.extension.is_empty();
    let message = if request.is_from_client && !has_cluster_info {
        "no EKS cluster name specified, and the client passed no cluster information"
    } else {
        "no EKS cluster name specified"
    };
    Error::configuration(message).with_hint(
        "pass `--cluster-name NAME`, set KUBECTL_ESC_CLUSTER_NAME, or add `eks.clusterName` to the \
         environment",
    )
}

fn assumed_role(
    arn: Option<Setting>,
    external_id: Option<Setting>,
    session_name: Option<Setting>,
) -> Result<Option<AssumedRole>> {
    if let Some(arn) = arn {
        return Ok(Some(AssumedRole {
            arn,
            external_id,
            session_name,
        }));
    }
    match external_id.or(session_name) {
        None => Ok(None),
        Some(unused) => Err(Error::configuration(format!(
            "{} is set, but there is no role to assume",
            unused.origin
        ))
        .with_hint("pass `--role-arn ARN` too")),
    }
}

fn parse_property_path(text: &str) -> Result<PropertyPath> {
    text.parse().map_err(|error| {
        Error::configuration(format!("`{text}` is not a property path: {error}"))
            .with_hint("write a path such as aws.creds")
    })
}

/// Parses a duration longer than zero.
pub(crate) fn parse_positive_duration(text: &str) -> Result<Duration> {
    parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            Error::configuration(format!("`{text}` is not a duration")).with_hint(format!(
                "write a duration such as {}",
                format_duration(DEFAULT_TIMEOUT)
            ))
        })
}
