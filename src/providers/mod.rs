//! Providers that a local definition can open on this machine.

pub mod aws_login;
pub mod pulumi_stacks;

pub use pulumi_stacks::{Backends, DiyBackendUrl, PulumiStacks};
