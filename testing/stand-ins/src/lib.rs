//! Stand-ins for the services that the plugin and its users' other tools call. They listen on
//! loopback, keep a log of the requests, and reject what the real service would reject.
//!
//! | Module | Imitates | Strictness and sources |
//! |---|---|---|
//! | [`sts`] | AWS STS: `AssumeRole`, `AssumeRoleWithWebIdentity`, `GetCallerIdentity` | Verifies signatures, dates, scopes, identity tokens, trust policies and the limits of STS's API model. Stricter than STS: rejects unknown and repeated parameters. From the STS API reference and botocore's model; signatures are checked against requests that botocore signed. |
//! | [`eks`] | Amazon EKS: `DescribeCluster` | Verifies the signature, its scope and its date. From the EKS API reference. |
//! | [`api_server`] | The API server of a cluster, for `kubectl get namespaces` and `kubectl auth whoami` | That of an EKS cluster authenticates like aws-iam-authenticator: the checks of `token-verifier`, then `GetCallerIdentity` for its own cluster. Others use [`gcp`] or [`azure`]. |
//! | [`pulumi_cloud`] | The ESC part of Pulumi Cloud's API, and its stack exports | Validates every request and every answer against the published API description (`tests/data/pulumi_cloud_api.json`). A violation fails the test. Definitions are evaluated by the plugin's own evaluator, so that comparisons with it cover the transport only. |
//! | [`oidc`] | An OpenID Connect issuer, and the identity token endpoint of GitHub Actions | Signs with RS256 and publishes a JWKS. From OpenID Connect Core and GitHub's documentation. |
//! | [`azure`] | Microsoft Entra ID: the token endpoint with client credentials, for AKS | Verifies the parameters, identity tokens, federated credentials and client secrets. Stricter than Microsoft: rejects unknown and repeated parameters, and expired identity tokens without tolerance. From Microsoft's documentation and recorded errors. |
//! | [`gcp`] | Google Cloud: the Security Token Service's `token`, `generateAccessToken` of the IAM Service Account Credentials API, and `clusters.get` of the Kubernetes Engine API | Verifies the parameters, identity tokens, attribute conditions, scopes, the binding of the service account, lifetimes, and the permission to read clusters. Stricter than Google: rejects unknown and repeated parameters. From Google's API reference and recorded errors. |
//! | [`proxy`] | An HTTP proxy with a routing table instead of DNS | Supports CONNECT only. It leads real host names to the stand-ins. |
//!
//! [`http`], [`tls`], [`sigv4`] and [`clock`] serve the others. [`controlled_server`] delays or drops
//! requests to any of them. [`program`] runs a stand-in as a process, for suites in other languages.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "used by tests only, which fail with a panic"
)]

pub mod api_server;
pub mod azure;
pub mod clock;
pub mod controlled_server;
pub mod eks;
pub mod gcp;
pub mod http;
mod identity_token;
pub mod oidc;
pub mod program;
pub mod proxy;
pub mod pulumi_cloud;
pub mod sigv4;
pub mod sts;
pub mod tls;

/// A text in every secret that the stand-ins issue, for tests that search for leaks. It is the same in all
/// variants of base64, and needs no escapes.
pub const MARKER: &str = "Zq7sMarked9K";
