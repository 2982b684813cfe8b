//! Encodings for test packages. They share no code with the plugin, so that a mistake there cannot
//! hide here.

#![expect(
    clippy::must_use_candidate,
    reason = "a test that drops a value fails elsewhere"
)]

pub mod base64;
pub mod percent;
pub mod timestamp;
