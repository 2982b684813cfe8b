//! Tests of behaviour, through the binary and the public interface.

pub mod support;

mod kubectl;
mod stand_ins;
mod tokens;
mod verifier;
