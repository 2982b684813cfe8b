//! Logs kubectl, helm and Pulumi in to a Kubernetes cluster with what a Pulumi ESC environment
//! holds.

pub mod aws;
pub mod clock;
pub mod configuration;
pub mod environment;
pub mod error;
pub mod evaluator;
pub mod host;
pub mod kubernetes;
pub mod http;
pub mod secret;
