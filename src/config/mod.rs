//! Settings, each with the place it was set.
//!
//! A flag overrides a variable, which overrides the opened environment's objects `kubernetes` and `eks`, which
//! override the cluster extension and what can be inferred. So there are two steps: a [`Request`] is
//! what is known before the environment is opened, a [`Target`] what is known after.

mod cache;
mod provider;
mod reference;
mod request;
mod setting;
mod target;

pub use cache::CacheRequest;
pub use provider::ClusterProvider;
pub use reference::Reference;
pub use request::{DEFAULT_TIMEOUT, OpenRequest, Purpose, Request};
pub(crate) use setting::SettingSearch;
pub use setting::{Origin, Setting};
pub(crate) use target::parse_positive_duration;
pub use target::{AccessTokenTarget, AssumedRole, Target, default_region};
