//! Everything a call depends on, resolved before anything is opened.

use crate::aws::endpoint::{EndpointSettings, Region};
use crate::azure::authority::AuthorityHost;
use crate::config::{OpenRequest, Reference, Request, Setting, default_region};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::gcp;
use crate::pulumi_cloud::{Backend, EnvironmentName, PulumiHome};

/// The inputs of a call, besides the secrets it logs in with: the request, and what the variables
/// and configuration files of this machine add to it.
///
/// Both the cache key and the fetch use this struct, and the cache key names every field. So no
/// setting can change the credentials of a call without changing its cache key.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) request: Request,
    /// The region in the host name of the API server.
    pub(super) server_region: Option<Region>,
    /// Microsoft Entra's host for the cloud of the API server.
    pub(super) server_authority: Option<AuthorityHost>,
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`.
    pub(super) default_region: Option<Setting>,
    pub(super) sts: EndpointSettings,
    /// The variables that replace endpoints of Google Cloud, with their values.
    pub(super) gcp_endpoints: Vec<String>,
    /// The Pulumi Cloud in use. A local definition may not need one, so an error matters only when
    /// Pulumi Cloud is called.
    pub(super) backend: Result<Backend, Error>,
    /// The organization for environment names without one, if this machine knows it.
    pub(super) organization: Option<String>,
}

impl Inputs {
    /// Resolves the inputs. Reads variables and small files, and never the network.
    pub(super) fn resolve(request: Request, context: Context<'_>) -> Result<Self> {
        let host = context.host;
        let home = PulumiHome::without_waiting(host);
        let backend = Backend::find(host, &home);
        Ok(Self {
            server_region: request
                .api_server
                .as_deref()
                .and_then(Region::of_api_server),
            server_authority: request
                .api_server
                .as_deref()
                .and_then(AuthorityHost::of_api_server),
            default_region: default_region(host)?,
            sts: EndpointSettings::for_sts(host)?,
            gcp_endpoints: gcp::endpoint::overrides(host)?,
            organization: organization(&request.open, &backend, &home)?,
            backend,
            request,
        })
    }
}

fn organization(
    request: &OpenRequest,
    backend: &Result<Backend>,
    home: &PulumiHome<'_>,
) -> Result<Option<String>> {
    if let Reference::Cloud(name) = &request.environment
        && EnvironmentName::parse(name)?.organization.is_some()
    {
        return Ok(None);
    }
    if let Some(setting) = &request.organization {
        return Ok(Some(setting.value.clone()));
    }
    match backend {
        // A broken configuration file is reported when Pulumi Cloud is called.
        Ok(backend) => Ok(home.default_organization(&backend.url).unwrap_or_default()),
        Err(_) => Ok(None),
    }
}
