//! Tests of behaviour, through the binary and the public interface.

pub mod support;

mod stand_ins;
mod verifier;
