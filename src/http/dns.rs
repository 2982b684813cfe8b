//! Host names to addresses, as the operating system looks them up.

#[cfg(static_glibc)]
mod static_glibc;

use std::io;
use std::net::IpAddr;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};

/// Our own, so that a failed lookup has a type of its own.
#[derive(Clone, Debug)]
pub(super) struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { look_up(name).await.map_err(ResolveDnsError::new) })
    }
}

async fn look_up(name: &str) -> io::Result<Vec<IpAddr>> {
    #[cfg(static_glibc)]
    static_glibc::use_linked_sources()?;
    let addresses = tokio::net::lookup_host((name, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}
