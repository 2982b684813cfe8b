//! `credential-process`: AWS credentials for the AWS CLI, the AWS SDKs and Terraform.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::ffi::OsString;

use clap::Args;

use super::flags::{CacheFlags, GetTokenFlags, OpenFlags, heading};
use super::output;
use crate::authenticate::aws_credentials;
use crate::config::{Purpose, Request};
use crate::context::Context;
use crate::error::Result;
use crate::host::Host;

pub(super) const ABOUT: &str =
    "Print AWS credentials, as the AWS CLI and SDKs expect from a credential_process";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to open: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod or acme/platform/prod@3, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    /// AWS region whose STS is called
    ///
    /// [env: KUBECTL_ESC_REGION] [default: eks.region or AWS_REGION in the environment, then a region in the
    /// role's partition]
    #[arg(long, value_name = "REGION", help_heading = heading::AWS)]
    region: Option<String>,

    /// ARN of a role to assume with the environment's credentials
    ///
    /// [env: KUBECTL_ESC_ROLE_ARN]
    #[arg(long, value_name = "ARN", help_heading = heading::AWS)]
    role_arn: Option<String>,

    /// External ID for that role
    ///
    /// [env: KUBECTL_ESC_EXTERNAL_ID]
    #[arg(long, value_name = "ID", help_heading = heading::AWS)]
    external_id: Option<String>,

    /// Session name for that role
    ///
    /// [env: KUBECTL_ESC_SESSION_NAME] [default: kubectl-esc]
    #[arg(long, value_name = "NAME", help_heading = heading::AWS)]
    session_name: Option<String>,

    /// Property path of the AWS credentials in the environment, such as aws.creds
    ///
    /// [env: KUBECTL_ESC_CREDENTIALS]
    #[arg(long, value_name = "PATH", help_heading = heading::AWS)]
    credentials: Option<String>,

    /// Property path of an OIDC identity token in the environment
    ///
    /// AWS STS exchanges it for credentials of the role that --role-arn names. [env:
    /// KUBECTL_ESC_WEB_IDENTITY]
    #[arg(long, value_name = "PATH", conflicts_with = "credentials", help_heading = heading::IDENTITY_TOKENS)]
    web_identity: Option<String>,

    /// How long to use the environment's credentials if their expiry is unknown, such as 1h
    ///
    /// [env: KUBECTL_ESC_CREDENTIAL_LIFETIME] [default: 15m]
    #[arg(long, value_name = "DURATION", help_heading = heading::AWS)]
    credential_lifetime: Option<String>,

    #[command(flatten)]
    open: OpenFlags,

    #[command(flatten)]
    cache: CacheFlags,
}

impl Arguments {
    fn request(&self, host: &Host) -> Result<Request> {
        let flags = GetTokenFlags {
            environment: self.environment.clone(),
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
            external_id: self.external_id.clone(),
            session_name: self.session_name.clone(),
            credentials: self.credentials.clone(),
            web_identity: self.web_identity.clone(),
            credential_lifetime: self.credential_lifetime.clone(),
            open: self.open.clone(),
            ..GetTokenFlags::default()
        };
        // Even if a Kubernetes client runs the AWS CLI, its cluster is not for this command.
        let request = flags.settings(&serde_json::Map::new(), host)?;
        Ok(Request {
            purpose: Purpose::AwsCredentials,
            provider: None,
            cluster_name: None,
            cache: self.cache.request(host)?,
            azure_authority_host: None,
            ..request
        })
    }
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let request = arguments.request(context.host)?;
    let context = context.with_timeout(request.open.timeout);
    let credentials = aws_credentials(request, context)?;
    output::print(credentials.to_process_json()?.as_str())
}
