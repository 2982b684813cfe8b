//! Resolves host names like the operating system does.

#[cfg(static_glibc)]
mod static_glibc;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::vec;

use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::oneshot;
use tower_service::Service;

/// A resolver whose errors have a type that `failure` recognizes.
#[derive(Clone, Debug)]
pub(super) struct Resolver;

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ResolveDnsError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { lookup(name.as_str()).await.map_err(ResolveDnsError::new) })
    }
}

/// The addresses of a host. hyper sets the port.
async fn lookup(name: &str) -> io::Result<vec::IntoIter<SocketAddr>> {
    // Plain HTTP is allowed for this name, so no hosts file or name server may direct it elsewhere.
    if name.eq_ignore_ascii_case("localhost") {
        let loopback = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        return Ok(loopback
            .map(|address| SocketAddr::new(address, 0))
            .to_vec()
            .into_iter());
    }
    #[cfg(static_glibc)]
    static_glibc::use_builtin_sources()?;
    let name = name.to_owned();
    let (sender, receiver) = oneshot::channel();
    // Tokio panics if it cannot start a thread. After the deadline, sending fails.
    thread::Builder::new().spawn(move || {
        let _ = sender.send((name.as_str(), 0).to_socket_addrs());
    })?;
    receiver.await.map_err(io::Error::other)?
}
