//! Logs kubectl, helm and Pulumi in to a Kubernetes cluster with what a Pulumi ESC environment
//! holds.

pub mod authenticate;
pub mod aws;
pub mod clock;
pub mod commands;
pub mod configuration;
pub mod environment;
pub mod error;
pub mod evaluator;
pub mod host;
pub mod http;
pub mod journal;
pub mod kubernetes;
pub mod secret;
