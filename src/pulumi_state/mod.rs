//! Pulumi's stacks, as far as an environment needs them: what they output.
//!
//! [`PulumiStacks`] is the provider `pulumi-stacks` of the evaluator. The state of a stack is in
//! Pulumi Cloud, which [`Backends`] reaches, or in files on this machine, which this module reads
//! itself.

pub(crate) mod diy_backend;
pub(crate) mod file;
pub(crate) mod outputs;
pub(crate) mod passphrase;
mod stack_name;
pub(crate) mod state;

pub use stack_name::StackName;
