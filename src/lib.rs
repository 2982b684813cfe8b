//! Authenticates kubectl, Helm and Pulumi to EKS, GKE and AKS with credentials from a Pulumi ESC environment.
//!
//! This is the library behind the exec credential plugin `kubectl-esc`:
//!
//! ```text
//!  Request ── environment, cluster, role, cache settings
//!     │
//!     ▼
//!  credential cache ── hit ─────────────────┐
//!     │ miss                                │
//!     ▼                                     │
//!  open the environment                     │   in Pulumi Cloud, or from a local definition
//!     │                                     │
//!     ▼                                     │
//!  find the login to the cloud, use it      │   EKS: AWS STS; AKS: Microsoft Entra ID
//!     │                                     │
//!     ▼                                     ▼
//!  EKS: presign GetCallerIdentity ── ExecCredential with the token
//!  GKE, AKS: the access token
//! ```
//!
//! The library does not print, does not exit the process, and reads environment variables, the home
//! directory and the time only through [`host::Host`] and [`clock::Clock`]. Its calls block, up to a
//! deadline. Errors have a [`kind`](error::Kind), a hint and causes, and never contain secrets.
//!
//! # Sign a token
//!
//! [`EksToken::presign`](aws::eks_token::EksToken::presign) needs only credentials, and no network.
//!
//! ```
//! use kubectl_esc::aws::Credentials;
//! use kubectl_esc::aws::eks_token::{EksToken, PresignRequest};
//! use kubectl_esc::aws::endpoint::{EndpointMode, Region};
//! use kubectl_esc::clock::Clock;
//! use kubectl_esc::secret::Secret;
//!
//! let token = EksToken::presign(&PresignRequest {
//!     cluster_name: "demo",
//!     region: &Region::parse("eu-west-1")?,
//!     endpoint_mode: EndpointMode::default(),
//!     credentials: &Credentials {
//!         access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
//!         secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
//!         session_token: None,
//!         expires_at: None,
//!     },
//!     signed_at: Clock::system().now(),
//! })?;
//! assert!(token.token.expose().starts_with("k8s-aws-v1."));
//! # Ok::<(), kubectl_esc::error::Error>(())
//! ```
//!
//! # Evaluate a definition
//!
//! The crate [`esc`] evaluates environment definitions. It does no I/O: an importer finds the
//! definitions that others import, and providers implement `fn::open`.
//!
//! ```
//! use kubectl_esc::esc::{
//!     Definition, Error, Evaluator, HostResult, Importer, Provider, Providers, Value,
//! };
//!
//! /// Imports nothing, and has the provider `greeting`.
//! struct Example;
//!
//! impl Importer for Example {
//!     fn import(&self, name: &str) -> HostResult<Definition> {
//!         Err(Error::new(format!("environment {name:?} not found")).into())
//!     }
//! }
//!
//! impl Providers for Example {
//!     fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
//!         match name {
//!             "greeting" => Ok(self),
//!             _ => Err(Error::new(format!("unknown provider {name:?}")).into()),
//!         }
//!     }
//! }
//!
//! impl Provider for Example {
//!     fn input_schema(&self) -> &str {
//!         r#"{"type": "string"}"#
//!     }
//!
//!     fn output_schema(&self) -> &str {
//!         r#"{"type": "string"}"#
//!     }
//!
//!     fn open(&self, inputs: &Value) -> HostResult<Value> {
//!         let name = inputs.as_str().unwrap_or("world");
//!         Ok(Value::secret(format!("Hello, {name}!")))
//!     }
//! }
//!
//! let evaluation = Evaluator::new(&Example, &Example).open(Definition {
//!     name: "dev".to_owned(),
//!     shown_as: "dev.yaml".to_owned(),
//!     text: "values: {text: {'fn::open::greeting': EKS}}".to_owned().into(),
//! });
//! assert!(evaluation.diagnostics.is_empty());
//! let text = evaluation.environment.values.property("text");
//! assert_eq!(text.and_then(Value::as_str), Some("Hello, EKS!"));
//! ```
//!
//! # Open an environment
//!
//! [`authenticate::open`] opens a definition file, or an environment in Pulumi Cloud such as
//! `acme/platform/prod` with the login of the Pulumi CLI.
//!
//! ```
//! use kubectl_esc::Context;
//! use kubectl_esc::authenticate;
//! use kubectl_esc::config::{OpenRequest, Reference};
//! use kubectl_esc::host::Host;
//! use kubectl_esc::http::HttpClient;
//! use kubectl_esc::log::Log;
//!
//! let host = Host::system();
//! let (http, log) = (HttpClient::new(&host), Log::disabled());
//! let environment = Reference::parse("examples/environments/static.yaml", &host)?;
//! let request = OpenRequest::new(environment);
//! let context = Context::new(&host, &http, &log, request.timeout);
//!
//! let opened = authenticate::open(&request, context)?;
//! let region = opened.environment().get(&"eks.region".parse()?);
//! assert_eq!(region.and_then(|region| region.as_str()), Some("eu-west-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Authenticate to a cluster
//!
//! [`authenticate::authenticate`] does what the command `get-token` does.
//!
//! ```
//! use kubectl_esc::Context;
//! use kubectl_esc::authenticate::authenticate;
//! use kubectl_esc::config::{OpenRequest, Origin, Reference, Request, Setting};
//! use kubectl_esc::host::Host;
//! use kubectl_esc::http::HttpClient;
//! use kubectl_esc::log::Log;
//!
//! let host = Host::system();
//! let (http, log) = (HttpClient::new(&host), Log::disabled());
//! let environment = Reference::parse("examples/environments/static.yaml", &host)?;
//! let mut request = Request::new(OpenRequest::new(environment));
//! request.cluster_name = Some(Setting::new("demo".to_owned(), Origin::Caller));
//! let context = Context::new(&host, &http, &log, request.open.timeout);
//!
//! let credential = authenticate(request, context)?;
//! assert!(credential.to_json()?.starts_with(r#"{"kind":"ExecCredential""#));
//! # Ok::<(), kubectl_esc::error::Error>(())
//! ```

#![cfg_attr(not(test), warn(clippy::too_many_arguments, clippy::too_many_lines))]

pub mod authenticate;
pub mod aws;
mod azure;
mod bounded_read;
#[doc(hidden)]
pub mod cache;
pub mod clock;
#[doc(hidden)]
pub mod commands;
pub mod config;
mod context;
#[doc(hidden)]
pub mod digest;
mod environment_search;
pub mod error;
mod exec_plugins;
mod file_lock;
mod file_tracker;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gcp;
pub mod host;
pub mod http;
mod identity_token;
pub mod kubernetes;
pub mod log;
mod oauth;
mod opener;
mod private_files;
mod process;
#[cfg(windows)]
mod process_table;
mod providers;
#[doc(hidden)]
pub mod pulumi_cloud;
mod pulumi_state;
pub mod secret;

pub use context::Context;
pub use esc;
pub use opener::Checked;
