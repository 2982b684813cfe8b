//! Obtains AWS credentials from an opened environment: those among its values, or those that AWS STS
//! issues for an identity token in it or for a role to assume.

use std::time::Duration;

use crate::authenticate::environment::OpenedEnvironment;
use crate::aws::arn::check_role_arn;
use crate::aws::endpoint::{EndpointSettings, Region};
use crate::aws::sts::{self, AssumeRole, AssumeRoleWithWebIdentity, Sts};
use crate::aws::{Credentials, eks, find_credentials};
use crate::clock::Timestamp;
use crate::config::{AssumedRole, Origin, Setting, Target};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::identity_token::IdentityTokenSource;
use crate::opener::Expiry;
use esc::PropertyPath;
use kubeconfig::Cluster;

/// The lifetime of temporary credentials of unknown expiry: the minimum that AWS allows.
pub(super) const SHORTEST_SESSION: Duration = Duration::from_mins(15);

/// Credentials, and whether their issuer stated the expiry.
pub(super) struct Obtained {
    pub(super) credentials: Credentials,
    /// False for credentials whose origin is unknown, such as static keys.
    pub(super) is_issued_by_sts: bool,
    pub(super) expiry_source: ExpirySource,
}

/// How the expiry of credentials is known.
#[derive(Clone, Debug)]
pub(super) enum ExpirySource {
    /// AWS STS stated it.
    Sts,
    /// From `duration` in the definition, because Pulumi Cloud does not pass on what STS stated.
    Duration,
    /// From a setting.
    Lifetime(Origin),
    /// The shortest session that AWS allows.
    Assumed,
    /// It is not.
    Unknown,
}

impl OpenedEnvironment {
    /// The credentials that sign the token.
    pub(super) fn credentials(
        &self,
        target: &Target,
        sts: &Sts<'_>,
        context: Context<'_>,
    ) -> Result<Obtained> {
        let own = self.own_credentials(target, sts, context)?;
        match &target.role {
            Some(role) if !own.is_issued_for_role => {
                let assumed = assume_role(sts, &own.credentials, role, context)?;
                // AWS's clock may be known only now.
                let source = self.expiry_source(&own.credentials, target);
                let own = self.with_expiry(own.credentials, target, context);
                let credentials = expiring_with(assumed, &own);
                let is_own = credentials.expires_at == own.expires_at;
                Ok(Obtained {
                    credentials,
                    is_issued_by_sts: true,
                    expiry_source: if is_own { source } else { ExpirySource::Sts },
                })
            }
            _ => Ok(Obtained {
                is_issued_by_sts: own.is_issued_for_role
                    || self.key_expiry(&own.credentials.access_key_id).is_some(),
                expiry_source: if own.is_issued_for_role {
                    ExpirySource::Sts
                } else {
                    self.expiry_source(&own.credentials, target)
                },
                credentials: own.credentials,
            }),
        }
    }

    /// The environment's own credentials, before a role is assumed with them.
    fn own_credentials(
        &self,
        target: &Target,
        sts: &Sts<'_>,
        context: Context<'_>,
    ) -> Result<OwnCredentials> {
        if let Some(path) = &target.web_identity {
            return self.exchange_identity_token(&path.value, target, sts, context);
        }
        let path = target.credentials.as_ref().map(|path| &path.value);
        let found = match find_credentials::look_up(self.environment(), path)? {
            Some(found) => found,
            None => match &self.opening.identity_token {
                Some(path) if web_identity_role(target).is_some() => {
                    return self.exchange_identity_token(path, target, sts, context);
                }
                _ => find_credentials::find(self.environment(), path)?,
            },
        };
        let credentials = self.with_expiry(found.value, target, context);
        let expiry = match credentials.expires_at {
            Some(expiry) => format!("valid until {expiry}"),
            None => "expiry unknown".to_owned(),
        };
        context.log.info(format_args!(
            "found AWS credentials at `{}`, {expiry}",
            found.path
        ));
        Ok(OwnCredentials {
            credentials,
            is_issued_for_role: false,
        })
    }

    /// Where [`Self::with_expiry`] has the expiry from.
    fn expiry_source(&self, credentials: &Credentials, target: &Target) -> ExpirySource {
        match (
            self.key_expiry(&credentials.access_key_id),
            &target.credential_lifetime,
        ) {
            (Some(Expiry::At(_)), _) => ExpirySource::Sts,
            (Some(Expiry::After(_)), _) => ExpirySource::Duration,
            (None, Some(lifetime)) => ExpirySource::Lifetime(lifetime.origin.clone()),
            (None, None) if credentials.session_token.is_some() => ExpirySource::Assumed,
            (None, None) => ExpirySource::Unknown,
        }
    }

    fn key_expiry(&self, access_key_id: &str) -> Option<Expiry> {
        let mut keys = self.opening.keys.iter();
        let key = keys.find(|key| key.access_key_id == access_key_id)?;
        Some(key.expiry)
    }

    /// The expiry that the issuer stated, or the duration in the definition.
    pub(super) fn known_expiry(
        &self,
        access_key_id: &str,
        context: Context<'_>,
    ) -> Option<Timestamp> {
        Some(match self.key_expiry(access_key_id)? {
            Expiry::At(expiry) => expiry,
            Expiry::After(duration) => self.started_at_aws(context).plus(duration),
        })
    }

    /// Adds the best known expiry: the known one, else the setting, else the shortest session for
    /// temporary credentials.
    fn with_expiry(
        &self,
        credentials: Credentials,
        target: &Target,
        context: Context<'_>,
    ) -> Credentials {
        let started_at = self.started_at_aws(context);
        let expires_at = match (&target.credential_lifetime, &credentials.session_token) {
            (Some(lifetime), _) => Some(started_at.plus(lifetime.value)),
            (None, Some(_)) => Some(started_at.plus(SHORTEST_SESSION)),
            (None, None) => None,
        };
        Credentials {
            expires_at: self
                .known_expiry(&credentials.access_key_id, context)
                .or(expires_at),
            ..credentials
        }
    }

    /// Exchanges the identity token at `path` for credentials at AWS STS.
    fn exchange_identity_token(
        &self,
        path: &PropertyPath,
        target: &Target,
        sts: &Sts<'_>,
        context: Context<'_>,
    ) -> Result<OwnCredentials> {
        let role = target.role.as_ref();
        let arn = web_identity_role(target).ok_or_else(|| no_role(path))?;
        arn.clone().parse(|arn| check_role_arn(arn))?;
        if let Some(external_id) = role.and_then(|role| role.external_id.as_ref()) {
            return Err(Error::configuration(format!(
                "{} is set, but assuming a role with an identity token takes no external ID",
                external_id.origin
            ))
            .with_hint("remove the external ID"));
        }
        let value = self.environment().get(path).ok_or_else(|| {
            Error::new(
                Kind::Credentials,
                format!("`{path}` does not exist in the environment"),
            )
            .with_hint("pass the path of an identity token, such as that of `fn::open::oidc`")
        })?;
        let token = IdentityTokenSource::Given {
            text: value.as_text().cloned().unwrap_or_default(),
            place: format!("`{path}` in the environment"),
        };
        let token = token.read(context)?;
        context.log.info(format_args!(
            "assuming `{}` (from {}) with the identity token at `{path}`",
            arn.redacted(),
            arn.origin
        ));
        let session_name = role.and_then(|role| role.session_name.as_ref());
        let credentials = sts.assume_role_with_web_identity(&AssumeRoleWithWebIdentity {
            role_arn: arn.value.clone(),
            session_name: session_name_or_default(session_name),
            duration: None,
            policy_arns: Vec::new(),
            identity_token: &token,
            secret_inputs: secret_values([Some(arn), session_name]),
        })?;
        Ok(OwnCredentials {
            credentials,
            is_issued_for_role: true,
        })
    }
}

/// Credentials of the environment.
struct OwnCredentials {
    credentials: Credentials,
    /// Whether they were issued for an identity token, and are those of the role already.
    is_issued_for_role: bool,
}

/// The role to exchange an identity token for.
fn web_identity_role(target: &Target) -> Option<&Setting> {
    let role = target.role.as_ref().map(|role| &role.arn);
    role.or(target.web_identity_role.as_ref())
}

fn no_role(path: &PropertyPath) -> Error {
    Error::configuration(format!(
        "no role specified for the identity token at `{path}`"
    ))
    .with_hint(
        "pass `--role-arn ARN`, or add `eks.roleArn` or `environmentVariables.AWS_ROLE_ARN` to the \
         environment",
    )
}

/// Assumes a role with the environment's credentials.
fn assume_role(
    sts: &Sts<'_>,
    credentials: &Credentials,
    role: &AssumedRole,
    context: Context<'_>,
) -> Result<Credentials> {
    context.log.info(format_args!(
        "assuming `{}` (from {})",
        role.arn.redacted(),
        role.arn.origin
    ));
    sts.assume_role(
        credentials,
        &AssumeRole {
            role_arn: role.arn.value.clone(),
            session_name: session_name_or_default(role.session_name.as_ref()),
            external_id: role.external_id.as_ref().map(|id| id.value.clone()),
            secret_inputs: secret_values([Some(&role.arn), role.session_name.as_ref()]),
        },
    )
}

/// At AWS, the assumed session outlives the one that requested it. The token still expires with the
/// shorter one, so that a revoked or expired login has an effect in time.
fn expiring_with(assumed: Credentials, own: &Credentials) -> Credentials {
    let expiries = [own.expires_at, assumed.expires_at];
    Credentials {
        expires_at: expiries.into_iter().flatten().min(),
        ..assumed
    }
}

fn session_name_or_default(session_name: Option<&Setting>) -> String {
    session_name.map_or_else(
        || sts::DEFAULT_SESSION_NAME.to_owned(),
        |name| name.value.clone(),
    )
}

/// The values that messages must not show.
fn secret_values(settings: [Option<&Setting>; 2]) -> Vec<&str> {
    settings
        .into_iter()
        .flatten()
        .filter(|setting| setting.secret)
        .map(|setting| setting.value.as_str())
        .collect()
}

/// The STS client for a region.
pub(super) fn sts_client<'a>(
    region: &Region,
    settings: &EndpointSettings,
    context: Context<'a>,
) -> Sts<'a> {
    Sts::new(context, region.as_str().to_owned(), settings.clone())
}

/// Asks EKS for the endpoint and the CA certificate of the target cluster, with the environment's
/// own credentials: a role to assume is for the cluster itself.
pub fn describe_cluster(
    opened: &OpenedEnvironment,
    target: &Target,
    context: Context<'_>,
) -> Result<Cluster> {
    let region = target.region.clone().parse(|text| Region::parse(text))?;
    let settings = EndpointSettings::for_sts(context.host)?;
    let sts = sts_client(&region.value, &settings, context);
    let own = opened.own_credentials(target, &sts, context)?;
    context.log.info(format_args!(
        "looking up the EKS cluster `{}` in region `{}`",
        target.cluster_name.redacted(),
        region.redacted()
    ));
    let described = eks::describe_cluster(
        context,
        &region.value,
        &own.credentials,
        &target.cluster_name.value,
    )?;
    Ok(Cluster {
        server: described.endpoint,
        certificate_authority_data: Some(described.certificate_authority_data),
        ..Cluster::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn assumed_role_expires_with_the_session_that_assumed_it() {
        let credentials = |expires_at: Option<i64>| Credentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: Secret::from("hunter2"),
            session_token: None,
            expires_at: expires_at.map(Timestamp::from_unix),
        };
        for (assumed, own, want) in [(20, Some(10), 10), (10, Some(20), 10), (20, None, 20)] {
            let expiring = expiring_with(credentials(Some(assumed)), &credentials(own));
            assert_eq!(expiring, credentials(Some(want)), "{assumed} {own:?}");
        }
    }

    #[test]
    fn only_secret_settings_are_redacted() {
        let setting = |value: &str, secret| Setting {
            secret,
            ..Setting::new(value.to_owned(), Origin::Flag("role-arn"))
        };
        let (role, name) = (setting("role", true), setting("name", false));
        assert_eq!(secret_values([Some(&role), Some(&name)]), ["role"]);
        assert_eq!(secret_values([None, Some(&role)]), ["role"]);
    }
}
