//! Pulumi's stacks, as far as an environment needs them: what they output.
//!
//! [`PulumiStacks`] is the provider `pulumi-stacks` of the evaluator. The state of a stack is in
//! Pulumi Cloud, which [`Backends`] reaches, or in files on this machine, which this module reads
//! itself.

mod file;
mod folder;
mod name;
mod outputs;
mod passphrase;
pub mod stacks;
mod state;

pub use name::StackName;
pub use stacks::{Backends, OtherBackend, PulumiStacks};
