//! The names of the environments that a login can access.

use percent_encoding::utf8_percent_encode;

use crate::error::Result;
use crate::http::RESERVED;
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::environment_name::EnvironmentName;
use crate::pulumi_cloud::transport::ApiRequest;
use esc::{Data, Value};

/// How many names are read. Completing among more of them is no help.
const MAX_NAMES: usize = 1_000;

/// Lists the full names of the environments in all organizations, up to a thousand.
pub fn environment_names(cloud: &Cloud<'_>) -> Result<Vec<String>> {
    const PATH: &str = "/api/esc/environments";
    let mut names = Vec::new();
    let mut path = PATH.to_owned();
    loop {
        let response = cloud.send(ApiRequest::get("listing the environments", &path))?;
        if response.status != 200 {
            return Err(cloud.error(&cloud.error_response(&response)));
        }
        let page = cloud.json(&response)?;
        if let Some(Data::Array(environments)) =
            page.property("environments").map(|list| &list.data)
        {
            names.extend(environments.iter().filter_map(full_name));
        }
        match page.property("nextToken").and_then(Value::as_str) {
            Some(token) if !token.is_empty() && names.len() < MAX_NAMES => {
                let token = utf8_percent_encode(token, RESERVED);
                path = format!("{PATH}?continuationToken={token}");
            }
            _ => break,
        }
    }
    names.truncate(MAX_NAMES);
    Ok(names)
}

/// `ORG/PROJECT/NAME`; `None` if it is not a valid name, which a terminal should not show.
fn full_name(environment: &Value) -> Option<String> {
    let text = |name: &str| environment.property(name)?.as_str();
    let project = text("project").filter(|project| !project.is_empty());
    let name = format!(
        "{}/{}/{}",
        text("organization")?,
        project.unwrap_or("default"),
        text("name")?
    );
    EnvironmentName::parse(&name).is_ok().then_some(name)
}
