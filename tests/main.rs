//! Tests of behaviour, through the binary and the public interface.

pub mod support;

mod architecture;
mod errors;
mod get_token;
mod kubectl;
mod stand_ins;
mod tokens;
mod verifier;
