//! `KUBERNETES_EXEC_INFO`: read as serde_json reads it, and turned into a token that is valid for the
//! client and holds no secret.

#![no_main]

use std::sync::LazyLock;

use base64::Engine as _;
use kubectl_esc::authenticate::authenticate;
use kubectl_esc::config::{OpenRequest, Origin, Reference, Request, Setting};
use kubectl_esc::kubernetes::ExecInfo;
use kubectl_esc_fuzz::{assert_hidden, call, scratch, shown};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;

const SECRET_KEY: &str = "hunter2-hunter2-hunter2-hunter2-hunter2-";

static ENVIRONMENT: LazyLock<Reference> = LazyLock::new(|| {
    let path = scratch().join("static.yaml");
    let text = format!(
        "values: {{keys: {{accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: {{fn::secret: \
         {SECRET_KEY}}}}}}}"
    );
    std::fs::write(&path, text).unwrap();
    Reference::Local(path)
});

fuzz_target!(|text: &str| {
    let info = match ExecInfo::parse(text) {
        Ok(info) => info,
        Err(error) => {
            shown(&error);
            return;
        }
    };
    let document: Json = serde_json::from_str(text).unwrap();
    let (spec, cluster) = (&document["spec"], &document["spec"]["cluster"]);
    // serde also reads a struct from an array.
    if document.is_array() || spec.is_array() || cluster.is_array() {
        return;
    }
    assert_eq!(document["apiVersion"], info.api_version.as_str());
    assert_eq!(info.interactive, spec["interactive"] == true);
    assert_eq!(info.cluster.is_some(), cluster.is_object());
    let provided = info.cluster.unwrap_or_default();
    assert_eq!(provided.server.as_deref(), cluster["server"].as_str());
    let config = cluster["config"].as_object().cloned().unwrap_or_default();
    assert_eq!(provided.config, config);

    let mut request = Request::new(OpenRequest::new(ENVIRONMENT.clone()));
    request.api_version = info.api_version;
    request.api_server = provided.server;
    request.extension = provided.config;
    // Without `eu-west-1` and a role, most inputs would need a service that does not answer.
    if request.region.is_none() && !request.extension.contains_key("region") {
        request.region = Some(Setting::new("eu-west-1".to_owned(), Origin::Caller));
    }
    let (result, log) = call(&[], Vec::new(), |context| authenticate(request, context));
    assert_hidden(&log, &[SECRET_KEY]);
    match result {
        Ok(credential) => {
            let json: Json = serde_json::from_str(&credential.to_json().unwrap()).unwrap();
            assert_eq!(json["apiVersion"], document["apiVersion"]);
            let token = json["status"]["token"].as_str().unwrap();
            let url = token.strip_prefix("k8s-aws-v1.").unwrap();
            let url = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(url).unwrap();
            let url = String::from_utf8(url).unwrap();
            assert!(url.starts_with("https://sts."), "{url}");
            assert_hidden(&url, &[SECRET_KEY]);
        }
        Err(error) => assert_hidden(&shown(&error), &[SECRET_KEY]),
    }
});
