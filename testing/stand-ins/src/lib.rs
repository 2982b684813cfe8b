//! Stand-ins for the services that the plugin talks to. They listen on loopback, and check every
//! request as the real service does.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "a stand-in that cannot go on fails its test"
)]

pub mod api_server;
pub mod clock;
pub mod controlled_server;
pub mod eks;
pub mod http;
pub mod oidc;
pub mod proxy;
pub mod pulumi_cloud;
pub mod sigv4;
pub mod sts;
pub mod tls;
