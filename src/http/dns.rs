//! Resolves host names like the operating system does.

#[cfg(static_glibc)]
mod static_glibc;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::thread;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::sync::oneshot;

/// A resolver whose errors have a type that `failure` recognizes.
#[derive(Clone, Debug)]
pub(super) struct Resolver;

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move { lookup(name).await.map_err(ResolveDnsError::new) })
    }
}

async fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    // Plain HTTP is allowed for this name, so no hosts file or name server may direct it elsewhere.
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
    }
    #[cfg(static_glibc)]
    static_glibc::use_builtin_sources()?;
    let name = name.to_owned();
    let (sender, receiver) = oneshot::channel();
    // Tokio panics if it cannot start a thread. After the deadline, sending fails.
    thread::Builder::new().spawn(move || {
        let addresses = (name.as_str(), 0).to_socket_addrs();
        let _ = sender.send(addresses.map(|found| found.map(|address| address.ip()).collect()));
    })?;
    receiver.await.map_err(io::Error::other)?
}
