//! Every input is part of the cache key.

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::config::{ClusterProvider, Origin};
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::Log;
use std::path::PathBuf;
use std::time::Duration;

fn setting(value: &str) -> Setting {
    Setting::new(value.to_owned(), Origin::Caller)
}

fn inputs() -> Inputs {
    Inputs {
        request: Request::new(OpenRequest::new(Reference::Cloud("acme/prod".to_owned()))),
        server_region: None,
        server_authority: None,
        default_region: None,
        sts: EndpointSettings::default(),
        gcp_endpoints: Vec::new(),
        backend: Err(Error::configuration("no backend")),
        organization: None,
    }
}

fn backend(url: &str) -> Result<Backend> {
    let host = Host::with(
        [("PULUMI_BACKEND_URL", url), ("HOME", "/nonexistent")],
        Clock::fixed(Timestamp::from_unix(0)),
    );
    let http = HttpClient::new(&host);
    let log = Log::disabled();
    let context = Context::new(&host, &http, &log, Duration::from_secs(1));
    Backend::find(&host, &PulumiHome::new(&host, context.deadline))
}

fn key(inputs: &Inputs, principal: Option<&str>) -> Sha256 {
    cache_key(inputs, principal, Scope::Credentials).unwrap()
}

/// Inputs that decide what is done with an opened environment, but not how it opens.
const OF_THE_CLUSTER: [&str; 16] = [
    "purpose",
    "extension",
    "provider",
    "other provider",
    "Azure authority",
    "cluster name",
    "region",
    "role ARN",
    "external ID",
    "session name",
    "credentials",
    "web identity",
    "credential lifetime",
    "server region",
    "server authority",
    "default region",
];

#[test]
fn each_input_changes_the_key() {
    type Change = fn(&mut Inputs);
    let changes: &[(&str, Change)] = &[
        ("purpose", |it| it.request.purpose = Purpose::AwsCredentials),
        ("environment", |it| {
            it.request.open.environment = Reference::Cloud("acme/test".to_owned());
        }),
        ("local environment", |it| {
            it.request.open.environment = Reference::Local(PathBuf::from("/acme/prod"));
        }),
        ("root", |it| {
            it.request.open.root = Some(PathBuf::from("/a"));
        }),
        ("audience", |it| {
            it.request.open.web_identity_audience = Some("x".to_owned());
        }),
        ("secrets of", |it| {
            it.request.open.secrets_of = Some(setting("x"));
        }),
        ("remote", |it| it.request.open.remote = true),
        ("token type", |it| {
            it.request.open.pulumi_oidc_token_type = Some(setting("x"));
        }),
        ("extension", |it| {
            it.request.extension.insert("region".to_owned(), "x".into());
        }),
        ("provider", |it| {
            it.request.provider = Some(Setting::new(ClusterProvider::Gke, Origin::Caller));
        }),
        ("other provider", |it| {
            it.request.provider = Some(Setting::new(ClusterProvider::Aks, Origin::Caller));
        }),
        ("Azure authority", |it| {
            it.request.azure_authority_host = Some(setting("x"));
        }),
        ("cluster name", |it| {
            it.request.cluster_name = Some(setting("x"));
        }),
        ("region", |it| it.request.region = Some(setting("x"))),
        ("role ARN", |it| it.request.role_arn = Some(setting("x"))),
        ("external ID", |it| {
            it.request.external_id = Some(setting("x"));
        }),
        ("session name", |it| {
            it.request.session_name = Some(setting("x"));
        }),
        ("credentials", |it| {
            it.request.credentials = Some(setting("x"));
        }),
        ("web identity", |it| {
            it.request.web_identity = Some(setting("x"));
        }),
        ("credential lifetime", |it| {
            it.request.credential_lifetime = Some(setting("1h"));
        }),
        ("server region", |it| {
            it.server_region = Some(Region::parse("eu-west-1").unwrap());
        }),
        ("Google Cloud endpoints", |it| {
            it.gcp_endpoints = vec!["https://sts.example/".to_owned()];
        }),
        ("server authority", |it| {
            it.server_authority = Some(AuthorityHost::default());
        }),
        ("default region", |it| {
            it.default_region = Some(setting("x"));
        }),
        ("STS endpoint", |it| {
            it.sts.endpoint = Some("https://sts.example".to_owned());
        }),
        ("FIPS", |it| it.sts.endpoint_mode.fips = true),
        ("dual-stack", |it| it.sts.endpoint_mode.dual_stack = true),
        ("backend", |it| it.backend = backend("https://a.example")),
        ("other backend", |it| {
            it.backend = backend("https://b.example");
        }),
        ("organization", |it| it.organization = Some("x".to_owned())),
    ];
    let mut keys = vec![
        ("nothing", key(&inputs(), None)),
        ("principal", key(&inputs(), Some("x"))),
    ];
    for (name, change) in changes {
        let mut inputs = inputs();
        change(&mut inputs);
        let key = key(&inputs, None);
        for (other, known) in &keys {
            assert_ne!(&key, known, "`{name}` and `{other}` have the same key");
        }
        keys.push((name, key));
        let of_environment = |inputs: &Inputs| cache_key(inputs, None, Scope::Environment).unwrap();
        let is_shared = of_environment(&inputs) == of_environment(&self::inputs());
        assert_eq!(is_shared, OF_THE_CLUSTER.contains(name), "{name}");
    }
    let of_principal = cache_key(&inputs(), Some("x"), Scope::Environment).unwrap();
    let of_nobody = cache_key(&inputs(), None, Scope::Environment).unwrap();
    assert_ne!(of_principal, of_nobody);
}

#[test]
fn inputs_that_only_seal_or_time_a_call_do_not_change_the_key() {
    let mut changed = inputs();
    let open = &mut changed.request.open;
    open.timeout = Duration::from_secs(1);
    open.web_identity_token_file = Some(PathBuf::from("token"));
    open.web_identity_token_env = Some("TOKEN".to_owned());
    open.pulumi_oidc_token = Some(setting("env:TOKEN"));
    changed.request.cache.refresh = true;
    for scope in [Scope::Credentials, Scope::Environment] {
        let key = |inputs| cache_key(inputs, None, scope).unwrap();
        assert_eq!(key(&changed), key(&inputs()));
    }
}
