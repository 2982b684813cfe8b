//! The state of Pulumi stacks: reads their outputs from a DIY backend on disk or from an export of
//! Pulumi Cloud, and decrypts secrets with a passphrase.

pub(crate) mod diy_backend;
pub(crate) mod file;
pub(crate) mod outputs;
pub(crate) mod passphrase;
mod stack_name;
pub(crate) mod state;

pub(crate) use stack_name::StackName;
