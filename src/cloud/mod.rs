//! Pulumi Cloud: opens environments where most users have them.
//!
//! [`Cloud::log_in`] finds the backend and an access token; [`Cloud::stored`] and
//! [`Cloud::anonymous`] then open an environment in two requests on one connection.

pub mod account;
pub mod backend;
mod calls;
mod failure;
pub mod name;
pub mod oauth;
pub mod pulumi_home;
mod session;
mod transport;

mod client;

pub use account::{Account, Oidc};
pub use backend::Backend;
pub use client::{Anonymous, Cloud, Settings, Stored};
pub use name::{Name, Organization, Version};
pub use oauth::TokenType;
pub use pulumi_home::PulumiHome;
