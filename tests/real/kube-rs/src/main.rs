//! Writes a config map and reads it back with kube-rs. The variable `KUBECONFIG` has the kubeconfig; the
//! arguments are the config map's name and its value.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(value)) = (arguments.next(), arguments.next()) else {
        return Err("usage: kube-rs-client NAME VALUE".into());
    };
    let client = kube::Client::try_default().await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let map = serde_json::json!({
        "metadata": {"name": name},
        "data": {"key": value},
    });
    maps.create(&PostParams::default(), &serde_json::from_value(map)?)
        .await?;
    let stored = maps.get(&name).await?;
    let stored = stored.data.and_then(|mut data| data.remove("key"));
    println!("{}", stored.unwrap_or_default());
    Ok(())
}
