//! What the tests stand on: the binary's runner, independent checkers, and stand-ins for what
//! lives on the internet. Nothing here uses the library's own signing or verifying.

pub mod api_server;
pub mod base64;
pub mod door;
pub mod eks;
pub mod http;
pub mod instant;
pub mod kubectl;
pub mod oidc;
pub mod percent;
pub mod plugin;
pub mod proxy;
pub mod pulumi_cloud;
pub mod sigv4;
pub mod sts;
pub mod tls;
pub mod verifier;
pub mod world;
