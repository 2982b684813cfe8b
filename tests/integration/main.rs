//! Tests of the product's behavior, through the binary and the public interface.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]
#![cfg_attr(
    not(target_os = "linux"),
    allow(
        dead_code,
        unused_imports,
        reason = "tests that only Linux or Unix has use them"
    )
)]

pub mod support;

mod aks;
mod azure_login;
mod cache;
mod check;
mod cloud;
mod commands;
#[cfg(unix)]
mod completion;
#[cfg(unix)]
mod core_dumps;
mod credential_process;
#[cfg(unix)]
mod delivery;
mod doctor;
mod errors;
mod examples;
mod gcp_login;
mod get_token;
mod gke;
#[cfg(unix)]
mod guides;
mod help;
mod hostile;
mod kubeconfig;
mod kubectl;
mod open;
mod properties;
mod provider;
mod pulumi_kubernetes_docs;
#[cfg(unix)]
mod resources;
mod responses;
#[cfg(unix)]
mod run;
mod secret_scan_tests;
mod settings;
#[cfg(target_os = "linux")]
mod smoke_test;
#[cfg(unix)]
mod special_files;
#[cfg(unix)]
mod spinner;
mod stacks;
mod support_tests;
mod tokens;
#[cfg(windows)]
mod windows;
