//! Reads, merges and edits kubeconfigs without losing a byte.
//!
//! [`edit`] changes entries in the text of a kubeconfig, YAML or JSON. Everything else stays as it
//! is, to the byte: comments, order, style, line breaks, unknown fields. Each edit is verified by
//! reading the result again; what cannot be edited safely is an error.
//!
//! ```
//! use kubeconfig::{Changes, Cluster, EntryChange, edit};
//!
//! let text = "\
//! current-context: shop # the default
//! contexts:
//! - context: {cluster: shop, user: me}
//!   name: shop
//! ";
//! let changes = Changes {
//!     entries: vec![EntryChange::context("shop", "shop", "kubectl-esc", Some("apps"))],
//!     current_context: None,
//! };
//! let edited = edit(text, &changes)?;
//! assert_eq!(
//!     edited,
//!     "\
//! current-context: shop # the default
//! contexts:
//! - context: {cluster: shop, user: \"kubectl-esc\", \"namespace\": \"apps\"}
//!   name: shop
//! "
//! );
//! // Nothing is left to change.
//! assert_eq!(edit(&edited, &changes)?, edited);
//! # Ok::<(), kubeconfig::Error>(())
//! ```
//!
//! - [`MergedKubeconfig`] is what kubectl sees of several files. It finds contexts and users, and
//!   edits the file that has the entry.
//! - [`Kubeconfig`] reads a kubeconfig from elsewhere, to use one of its clusters on this machine.
//! - [`new_kubeconfig`] writes a new one, in kubectl's format.
//! - [`redact`] replaces its secrets, to show it to people.
//!
//! The crate works on texts. It reads and writes no files.

#![cfg_attr(not(test), warn(clippy::too_many_arguments, clippy::too_many_lines))]

mod changes;
mod cluster;
mod edit;
mod error;
mod kubeconfig;
mod merged;
mod redact;
mod server;
mod text_edit;
mod tree;
mod tree_edit;
mod yaml_writer;

pub use changes::{Changes, EntryChange, Section, new_kubeconfig};
pub use cluster::Cluster;
pub use edit::edit;
pub use error::{Error, Result};
pub use kubeconfig::{ContextCluster, Kubeconfig};
pub use merged::{Context, EditedEntry, EditedFile, Exec, KubeconfigFile, MergedKubeconfig, User};
pub use redact::redact;
pub use server::ClusterServer;
