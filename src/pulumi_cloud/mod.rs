//! The Pulumi Cloud client: login, environments and stacks.
//!
//! [`Cloud::log_in`] finds the backend and gets an access token. [`StoredEnvironment`] and
//! [`AnonymousEnvironment`] then open an environment in two requests over one connection.

mod access_token;
mod access_token_source;
mod anonymous_environment;
mod backend;
mod client;
mod credentials_file;
mod credentials_writer;
mod diagnostics;
mod environment_list;
mod environment_name;
mod error_response;
mod login;
mod login_refresh;
mod provider_calls;
mod pulumi_home;
mod response_json;
mod session;
mod session_values;
mod stack;
mod stored_environment;
mod token_exchange;
mod transport;
mod unstored_login;
mod user;

pub use anonymous_environment::AnonymousEnvironment;
pub use backend::{Backend, StateBackend};
pub use client::Cloud;
pub use credentials_file::{CliAccount, CliCredentials, CredentialsFile};
pub use environment_list::environment_names;
pub use environment_name::{EnvironmentName, Organization};
pub use login::{LoginMethod, LoginSettings, OidcSettings};
pub use pulumi_home::PulumiHome;
pub use stack::CloudStack;
pub use stored_environment::StoredEnvironment;
pub use token_exchange::AccessTokenType;
pub use unstored_login::storing_problem;
