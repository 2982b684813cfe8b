//! Pulumi Cloud: opens environments where most users have them.
//!
//! [`Cloud::log_in`] finds the backend and an access token; [`Cloud::stored`] and
//! [`Cloud::anonymous`] then open an environment in two requests on one connection.

pub mod account;
mod anonymous;
pub mod backend;
mod client;
mod failure;
pub mod name;
pub mod oauth;
mod provider_calls;
pub mod pulumi_home;
mod session;
mod stack;
mod stored;
mod transport;
mod user;

pub use account::{Account, Login, Oidc};
pub use anonymous::Anonymous;
pub use backend::{Backend, StateBackend};
pub use client::{Cloud, Settings};
pub use name::{Name, Organization, Version};
pub use oauth::TokenType;
pub use pulumi_home::PulumiHome;
pub use stack::Stack;
pub use stored::Stored;
