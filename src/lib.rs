//! Logs kubectl, helm and Pulumi in to a Kubernetes cluster with what a Pulumi ESC environment
//! holds.
//!
//! ```text
//! KUBERNETES_EXEC_INFO, flags, variables      kubernetes, config
//!          |
//! open the environment                        pulumi_cloud or esc
//!          |
//! AWS credentials, a role on top              aws::find_credentials, aws::sts
//!          |
//! presign                                     aws::eks_token
//!          |
//! ExecCredential                              kubernetes
//! ```
//!
//! [`authenticate`] is that way from top to bottom. The parts serve by themselves too: a token needs
//! nothing but credentials.
//!
//! ```
//! use kubectl_esc::aws::Credentials;
//! use kubectl_esc::aws::eks_token::{EksToken, PresignRequest};
//! use kubectl_esc::aws::endpoint::{EndpointMode, Region};
//! use kubectl_esc::clock::Clock;
//! use kubectl_esc::secret::Secret;
//!
//! let token = EksToken::presign(&PresignRequest {
//!     cluster_name: "demo",
//!     region: &Region::parse("eu-west-1")?,
//!     endpoint_mode: EndpointMode::default(),
//!     credentials: &Credentials {
//!         access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
//!         secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
//!         session_token: None,
//!         expires_at: None,
//!     },
//!     signed_at: Clock::system().now(),
//! })?;
//! assert!(token.token.expose().starts_with("k8s-aws-v1."));
//! # Ok::<(), kubectl_esc::error::Error>(())
//! ```
//!
//! The library prints nothing, ends no process, and reads variables, the home directory and the time
//! through [`host::Host`] alone. Only [`commands`], which the binary runs, writes.

pub mod authenticate;
pub mod aws;
mod bounded_read;
pub mod cache;
pub mod clock;
pub mod commands;
pub mod config;
mod context;
pub mod digest;
pub mod error;
pub mod file_tracker;
pub mod host;
pub mod http;
pub mod identity_token;
pub mod kubernetes;
pub mod log;
pub mod opener;
mod private_files;
pub mod process;
pub mod providers;
pub mod pulumi_cloud;
pub mod pulumi_state;
pub mod secret;

pub use context::Context;
