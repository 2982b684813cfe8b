//! Tests of behaviour, through the binary and the public interface.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and what it stands on is no library"
)]

pub mod support;

mod architecture;
mod cache;
mod check;
mod cloud;
mod commands;
mod doctor;
mod errors;
mod examples;
mod get_token;
mod hostile;
mod kubeconfig;
mod kubectl;
mod open;
mod properties;
#[cfg(unix)]
mod run;
mod seed;
mod stacks;
mod stand_ins;
mod tokens;
mod verifier;
