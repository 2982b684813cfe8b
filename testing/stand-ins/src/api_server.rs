//! A stand-in for a cluster's API server: TLS, and as much of the API as `kubectl get namespaces` and
//! `kubectl auth whoami` need. That of an EKS cluster authenticates like aws-iam-authenticator: with the
//! checks of the token verifier, then `GetCallerIdentity` at STS for its own cluster.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use encodings::base64::encode_standard_padded;
use serde_json::{Value, json};
use token_verifier::Verifier;

use crate::http::{Client, Reply, Request, Response, Server};
use crate::sts::Sts;
use crate::tls::Authority;

/// The server, which stops when it is dropped.
pub struct ApiServer {
    authority: Authority,
    log: Arc<Mutex<Log>>,
    server: Server,
}

/// The requests of an API server.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Log {
    /// `METHOD path as USER` of each authenticated request; the user of an EKS cluster is an ARN.
    pub accepted: Vec<String>,
    /// The reason for each rejected request.
    pub rejected: Vec<String>,
}

/// Returns the user of a token, or why it is rejected.
type Authenticate = dyn Fn(&str) -> Result<String, String> + Send + Sync;

struct Cluster {
    authenticate: Box<Authenticate>,
    log: Arc<Mutex<Log>>,
}

impl ApiServer {
    /// Starts the API server of the EKS cluster `name`, which authenticates callers with `sts`.
    pub fn start(name: &str, verifier: Verifier, sts: &Sts) -> Self {
        let (name, sts) = (name.to_owned(), sts.clone());
        Self::authenticating(move |token| sts.authenticate(token, &name, verifier))
    }

    /// Starts an API server with a function that returns the user of a token, or why it is rejected.
    pub fn authenticating(
        authenticate: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new();
        let log = Arc::<Mutex<Log>>::default();
        let cluster = Cluster {
            authenticate: Box::new(authenticate),
            log: Arc::clone(&log),
        };
        let server = Server::start(Some(authority.server(is_eks)), move |request| {
            Reply::Answer(cluster.answer(request))
        });
        Self {
            authority,
            log,
            server,
        }
    }

    /// The `server` of a kubeconfig.
    pub fn url(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// The route for a [`Proxy`](crate::proxy::Proxy) from the hosts of all EKS clusters to this
    /// server.
    pub fn route(&self) -> impl Fn(&str) -> Option<SocketAddr> + Send + Sync + 'static {
        let address = self.server.address();
        move |authority| {
            let host = authority.strip_suffix(":443")?;
            is_eks(host).then_some(address)
        }
    }

    /// The `certificate-authority-data` of a kubeconfig.
    pub fn authority_data(&self) -> String {
        encode_standard_padded(self.authority.pem().as_bytes())
    }

    /// The certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Sends a GET with a token, without kubectl.
    pub fn get(&self, path: &str, token: &str) -> Response {
        let url = format!("{}{path}", self.url());
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        let client = Client::default().trusting(self.authority.client());
        client.send("GET", &url, &headers, b"").expect("an answer")
    }

    /// The requests so far.
    pub fn log(&self) -> Log {
        self.log.lock().expect("the log").clone()
    }
}

fn is_eks(host: &str) -> bool {
    host.ends_with(".eks.amazonaws.com")
}

impl Cluster {
    fn answer(&self, request: &Request) -> Response {
        let caller = self.authenticate(request);
        let mut log = self.log.lock().expect("the log");
        match caller {
            Ok(arn) => {
                let line = format!("{} {} as {arn}", request.method, request.path());
                log.accepted.push(line);
                route(request, &arn)
            }
            Err(reason) => {
                log.rejected.push(reason);
                status(401, "Unauthorized", "Unauthorized")
            }
        }
    }

    /// Returns the user, or why authentication failed.
    fn authenticate(&self, request: &Request) -> Result<String, String> {
        let authorization = request.header("authorization").ok_or("no credentials")?;
        let token = authorization
            .strip_prefix("Bearer ")
            .ok_or("no bearer token")?;
        (self.authenticate)(token)
    }
}

fn route(request: &Request, caller: &str) -> Response {
    let body = match (request.method.as_str(), request.path()) {
        ("GET", "/api") => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        }),
        ("GET", "/apis") => json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [group("authentication.k8s.io")],
        }),
        ("GET", "/version") => json!({
            "major": "1",
            "minor": "33",
            "gitVersion": "v1.33.0-stand-in",
            "platform": "linux/amd64",
        }),
        ("GET", "/api/v1") => resources(
            "v1",
            &json!([{
                "name": "namespaces",
                "singularName": "namespace",
                "namespaced": false,
                "kind": "Namespace",
                "verbs": ["get", "list"],
                "shortNames": ["ns"],
            }]),
        ),
        ("GET", "/apis/authentication.k8s.io/v1") => resources(
            "authentication.k8s.io/v1",
            &json!([{
                "name": "selfsubjectreviews",
                "singularName": "selfsubjectreview",
                "namespaced": false,
                "kind": "SelfSubjectReview",
                "verbs": ["create"],
            }]),
        ),
        ("GET", "/api/v1/namespaces") => namespaces(request),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews") => json!({
            "kind": "SelfSubjectReview",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {},
            "status": {"userInfo": {"username": caller, "groups": ["system:authenticated"]}},
        }),
        _ => {
            let message = "the server could not find the requested resource";
            return status(404, "NotFound", message);
        }
    };
    let code = if request.method == "POST" { 201 } else { 200 };
    Response::new(code, "application/json", body.to_string())
}

fn group(name: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn resources(version: &str, resources: &Value) -> Value {
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    })
}

/// Two namespaces, as a list or as the table that kubectl prints.
fn namespaces(request: &Request) -> Value {
    let namespace = |name: &str| {
        json!({
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    };
    let items = ["default", "kube-system"].map(namespace);
    let metadata = json!({"resourceVersion": "1"});
    let accept = request.header("accept").unwrap_or_default();
    if !accept.contains("as=Table;v=v1;g=meta.k8s.io") {
        return json!({
            "kind": "NamespaceList",
            "apiVersion": "v1",
            "metadata": metadata,
            "items": items,
        });
    }
    let column = |name: &str| json!({"name": name, "type": "string", "format": "", "description": name, "priority": 0});
    let columns = ["Name", "Status", "Age"].map(column);
    let row = |item: &Value| {
        let name = &item["metadata"]["name"];
        json!({"cells": [name, "Active", "1d"], "object": item})
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": columns,
        "rows": items.iter().map(row).collect::<Vec<_>>(),
    })
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    });
    Response::new(code, "application/json", body.to_string())
}
