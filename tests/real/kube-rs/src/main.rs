//! Lists config maps with kube-rs; `suite/client.py` describes the protocol.

use std::error::Error;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams};
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut client = None;
    for line in std::io::stdin().lines() {
        let answer = match list(&mut client, line?.parse()?).await {
            Ok(names) => serde_json::json!({"names": names}),
            Err(error) => serde_json::json!({"error": format!("{error:?}")}),
        };
        println!("{answer}");
    }
    Ok(())
}

/// Lists this often at the same time. Returns the names of the last list.
async fn list(
    client: &mut Option<kube::Client>,
    count: usize,
) -> Result<Vec<String>, Box<dyn Error>> {
    let client = match client {
        Some(client) => client,
        None => client.insert(kube::Client::try_default().await?),
    };
    let mut requests = JoinSet::new();
    for _ in 0..count {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
        requests.spawn(async move { maps.list(&ListParams::default()).await });
    }
    let mut names = Vec::new();
    while let Some(maps) = requests.join_next().await {
        names = maps??
            .items
            .into_iter()
            .filter_map(|map| map.metadata.name)
            .collect();
    }
    Ok(names)
}
