//! Settings: what the user asked for, from wherever it was said, each value with its origin.
//!
//! A flag wins over a variable, a variable over the opened environment's `eks` object, and that over
//! what can be found elsewhere. So there are two steps: a [`Request`] is what is known before the
//! environment is opened, a [`Target`] what is known after.

pub mod cache;
pub mod flags;
pub mod reference;
pub mod request;
pub mod setting;
pub mod target;

pub use cache::{CacheFlags, CacheRequest};
pub use flags::{CloudFlags, GetTokenFlags, KubeconfigFlags, OpenFlags};
pub use reference::Reference;
pub use request::Request;
pub use setting::{Origin, Setting};
pub use target::Target;
