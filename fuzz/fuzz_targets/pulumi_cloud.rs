//! Answers of Pulumi Cloud: sessions are read as a second implementation reads them, and errors and logs
//! show neither the access token nor a secret value. The first byte chooses what is called.

#![no_main]

use std::collections::BTreeMap;

use esc::format::{Secrets, json};
use esc::{Data, Value};
use kubectl_esc::authenticate::{check, open};
use kubectl_esc::config::{OpenRequest, Reference};
use kubectl_esc::fuzzing::Answer;
use kubectl_esc::pulumi_cloud::{
    Cloud, CloudStack, EnvironmentName, LoginSettings, OidcSettings, StoredEnvironment,
};
use kubectl_esc_fuzz::{answers, assert_hidden, call, shown};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value as Json};

const TOKEN: &str = "pul-hunter2-access-token";
const VARIABLES: [(&str, &str); 2] = [
    ("PULUMI_ACCESS_TOKEN", TOKEN),
    ("PULUMI_BACKEND_URL", "https://cloud.example.com"),
];

fuzz_target!(|input: (u8, &str)| {
    let (operation, text) = input;
    let answers = answers(text);
    let request = |name: &str| {
        let reference = Reference::Cloud(name.to_owned());
        OpenRequest::new(reference)
    };
    let (result, log) = call(&VARIABLES, answers.clone(), |context| {
        match operation.wrapping_sub(b'0') % 5 {
            0 => open(&request("acme/platform/prod"), context).map(|opened| {
                check_session(&answers, &opened);
                opened.warnings()
            }),
            // The organization is looked up first.
            1 => open(&request("platform/prod@stable"), context).map(|opened| opened.warnings()),
            2 => check(&request("acme/platform/prod"), context).map(|checked| {
                checked
                    .sources
                    .render(&checked.diagnostics, esc::Style::Plain)
            }),
            3 => {
                let cloud = log_in(context)?;
                let name = EnvironmentName::parse("acme/platform/prod")?;
                let plaintexts = StoredEnvironment::new(&cloud, &name)?.decrypt(&["one", "two"])?;
                assert_eq!(plaintexts.len(), 2);
                Ok(String::new())
            }
            _ => {
                let cloud = log_in(context)?;
                let stack = CloudStack::new(&cloud, None, "platform", "prod")?;
                let export = stack.export()?;
                assert!(serde_json::from_slice::<serde::de::IgnoredAny>(export.expose()).is_ok());
                let ciphertexts = ["b25l".to_owned(), "dHdv".to_owned()];
                assert_eq!(stack.decrypt(&ciphertexts)?.len(), 2);
                Ok(String::new())
            }
        }
    });
    let shown = match result {
        Ok(shown) => shown,
        Err(error) => shown(&error),
    };
    assert_hidden(&shown, &[TOKEN]);
    // The name of the default organization is logged, whatever it is.
    let organization = log
        .lines()
        .filter(|line| !line.starts_with("using the organization "));
    assert_hidden(&organization.collect::<String>(), &[TOKEN]);
});

fn log_in(context: kubectl_esc::Context<'_>) -> kubectl_esc::error::Result<Cloud<'_>> {
    let settings = LoginSettings {
        organization: None,
        oidc: OidcSettings::default(),
    };
    Cloud::log_in(context, &settings, None)
}

/// Compares the values with those that another reader finds in the session.
fn check_session(answers: &[Answer], opened: &kubectl_esc::authenticate::OpenedEnvironment) {
    let [created, session, ..] = answers else {
        return;
    };
    if !matches!(created.status, 200 | 201) || session.status != 200 {
        // A request was repeated.
        return;
    }
    let Ok(session) = serde_json::from_slice::<Json>(&session.body) else {
        return;
    };
    let values = &opened.environment().values;
    let read = |secrets| {
        let text = json::compact(values, secrets);
        serde_json::from_slice::<Json>(text.as_bytes()).unwrap()
    };
    let properties = session["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let wanted = |secrets| Json::Object(values_of(&properties, false, secrets));
    assert_eq!(read(Secrets::Revealed), wanted(Secrets::Revealed));
    let (redacted, wanted) = (read(Secrets::Redacted), wanted(Secrets::Redacted));
    assert!(
        is_at_most(&redacted, &wanted),
        "{redacted} shows more than {wanted}"
    );
    assert!(
        is_inherited(values, false),
        "a part of a secret is no secret"
    );
}

/// Whether everything in a secret list or map is secret.
fn is_inherited(value: &Value, secret: bool) -> bool {
    let below = |part: &Value| is_inherited(part, secret || value.secret);
    (value.secret || !secret)
        && match &value.data {
            Data::Array(items) => items.iter().all(below),
            Data::Object(entries) => entries.values().all(below),
            _ => true,
        }
}

fn values_of(properties: &Map<String, Json>, secret: bool, secrets: Secrets) -> Map<String, Json> {
    let values = properties
        .iter()
        .map(|(name, value)| (name.clone(), value_of(value, secret, secrets)));
    let sorted: BTreeMap<_, _> = values.collect();
    sorted.into_iter().collect()
}

fn value_of(wrapped: &Json, secret: bool, secrets: Secrets) -> Json {
    let secret = secret || wrapped["secret"] == true;
    if secret && secrets == Secrets::Redacted {
        return "[secret]".into();
    }
    if wrapped["unknown"] == true {
        return "[unknown]".into();
    }
    match &wrapped["value"] {
        Json::Array(items) => items
            .iter()
            .map(|item| value_of(item, secret, secrets))
            .collect(),
        Json::Object(properties) => Json::Object(values_of(properties, secret, secrets)),
        scalar => scalar.clone(),
    }
}

/// Whether `redacted` is `wanted`, perhaps with more secrets: the outputs of aws-login always are.
fn is_at_most(redacted: &Json, wanted: &Json) -> bool {
    match (redacted, wanted) {
        (Json::String(text), _) if text == "[secret]" => true,
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_at_most(one, two))
        }
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len()
                && one
                    .iter()
                    .all(|(name, one)| two.get(name).is_some_and(|two| is_at_most(one, two)))
        }
        _ => redacted == wanted,
    }
}
