//! Providers that a local definition can open on this machine.

pub(crate) mod aws_login;
pub(crate) mod azure_login;
pub(crate) mod gcp_login;
mod inputs;
mod issued;
pub(crate) mod pulumi_stacks;

pub(crate) use pulumi_stacks::{Backends, DiyBackendUrl, PulumiStacks};
