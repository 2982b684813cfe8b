//! `GET /v1/projects/PROJECT/locations/LOCATION/clusters/CLUSTER` of the Kubernetes Engine API.

use std::collections::BTreeMap;

use encodings::percent;
use encodings::timestamp::Seconds;
use serde_json::{Value, json};

use super::State;
use super::configuration::CLOUD_PLATFORM;
use super::error::GoogleError;
use super::impersonation::authenticate;
use crate::http::Request;

/// What a request asks for, for the record.
pub(super) fn parameters(request: &Request) -> BTreeMap<String, String> {
    let Some([project, location, name]) = cluster(request) else {
        return BTreeMap::new();
    };
    let parameters = [("project", project), ("location", location), ("name", name)];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
    parameters.into()
}

/// The project, the location and the name in the path of a request.
pub(super) fn cluster(request: &Request) -> Option<[String; 3]> {
    let parts: Vec<_> = request.target.strip_prefix("/v1/")?.split('/').collect();
    let ["projects", project, "locations", location, "clusters", name] = parts[..] else {
        return None;
    };
    Some([
        percent::decode(project)?,
        percent::decode(location)?,
        percent::decode(name)?,
    ])
}

pub(super) fn get(state: &State, request: &Request, now: Seconds) -> Result<Value, GoogleError> {
    let caller = authenticate(state, request, now)?;
    if !caller.scopes.iter().any(|scope| scope == CLOUD_PLATFORM) {
        let message = "Request had insufficient authentication scopes.";
        let metadata = json!({"service": "container.googleapis.com"});
        return Err(GoogleError::api(403, "PERMISSION_DENIED", message).because(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &metadata,
        ));
    }
    let [project, location, name] = cluster(request).unwrap_or_default();
    let resource = format!("projects/{project}/locations/{location}/clusters/{name}");
    let in_project = |cluster: &&super::configuration::Cluster| cluster.project == project;
    let mut visible = (state.configuration.clusters.iter()).filter(in_project);
    // Google does not say whether a project exists.
    if !visible
        .clone()
        .any(|cluster| cluster.viewers.contains(&caller.member))
    {
        let message =
            format!("Required \"container.clusters.get\" permission(s) for \"{resource}\".");
        return Err(GoogleError::api(403, "PERMISSION_DENIED", message));
    }
    let cluster = visible
        .find(|cluster| cluster.location == location && cluster.name == name)
        .ok_or_else(|| GoogleError::api(404, "NOT_FOUND", format!("Not found: {resource}.")))?;
    let mut dns_endpoint = json!({"endpoint": cluster.dns_endpoint});
    // Google omits `false`.
    if cluster.allows_external_traffic {
        dns_endpoint["allowExternalTraffic"] = true.into();
    }
    let mut described = json!({
        "name": cluster.name,
        "location": cluster.location,
        "status": cluster.status,
        "masterAuth": {"clusterCaCertificate": cluster.authority_data},
        "nodePools": [{"name": "default-pool", "status": "RUNNING"}],
        "controlPlaneEndpointsConfig": {
            "dnsEndpointConfig": dns_endpoint,
            "ipEndpointsConfig": {},
        },
        "selfLink": format!("https://container.googleapis.com/v1/{resource}"),
    });
    if let Some(endpoint) = &cluster.endpoint {
        described["endpoint"] = endpoint.as_str().into();
        described["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enabled"] = true.into();
    }
    Ok(described)
}
