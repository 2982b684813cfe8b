//! The Pulumi CLI's `credentials.json`: a refresh changes the tokens of one backend and nothing else, any
//! other outcome leaves the file as it is, and neither shows a token. The text up to `%%` is the file, and
//! the rest the answers of Pulumi Cloud.

#![no_main]

use std::collections::BTreeMap;
use std::fs;

use kubectl_esc::pulumi_cloud::{Cloud, LoginSettings, OidcSettings};
use kubectl_esc_fuzz::{answers, assert_hidden, call, scratch, shown};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const BACKEND: &str = "https://api.pulumi.com";

type Object<'t> = BTreeMap<String, &'t RawValue>;

fuzz_target!(|text: &str| {
    let (before, responses) = text.split_once("\n%%\n").unwrap_or((text, ""));
    let path = scratch().join("credentials.json");
    fs::write(&path, before).unwrap();
    let home = scratch().to_str().unwrap();
    let variables = [
        ("PULUMI_CREDENTIALS_PATH", home),
        ("PULUMI_BACKEND_URL", BACKEND),
    ];
    let log_in = |responses: &str| {
        call(&variables, answers(responses), |context| {
            let settings = LoginSettings {
                organization: None,
                oidc: OidcSettings::default(),
            };
            Cloud::log_in(context, &settings, None).map(drop)
        })
    };
    let (result, log) = log_in(responses);
    let after = fs::read_to_string(&path).unwrap();
    // The file, and perhaps a lock.
    assert!(
        fs::read_dir(scratch()).unwrap().count() <= 2,
        "a file is left behind"
    );
    let shown = log + &result.as_ref().err().map(shown).unwrap_or_default();
    // A server can only repeat what it has been sent: the refresh token.
    let mut secrets = tokens(before, "refreshToken");
    secrets.extend(tokens(before, "accessToken"));
    secrets.extend(tokens(&after, "accessToken"));
    let refresh_tokens = tokens(before, "refreshToken");
    secrets.retain(|token| {
        let is_new = after != before && !before.contains(token.as_str());
        is_new || refresh_tokens.contains(token) || !responses.contains(token.as_str())
    });
    let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
    assert_hidden(&shown, &secrets);
    if after == before {
        return;
    }
    assert!(
        result.is_ok(),
        "the login failed, but the file has changed: {after}"
    );
    check_change(before, &after);
    // The new login is found in the file, unless it has expired already.
    let is_valid = responses.split_once("\n\n").is_some_and(|(_, body)| {
        // As in a stream of values: what follows the first one is ignored.
        let mut values = serde_json::Deserializer::from_str(body).into_iter::<serde_json::Value>();
        let first = values.next().and_then(Result::ok);
        first.is_some_and(|value| value["expires_in"] == 3600)
    });
    let (again, _) = log_in("");
    assert!(again.is_ok() || !is_valid, "{:?}", again.err());
    if again.is_ok() {
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
    }
});

/// Fails if anything but the login of the backend has changed.
fn check_change(before: &str, after: &str) {
    let (old, new) = (object(Some(before)), object(Some(after)));
    assert_same(&old, &new, &["accounts", "accessTokens"]);
    let sections = |section: &str| {
        let old = object(old.get(section).map(|value| value.get()));
        (old, object(new.get(section).map(|value| value.get())))
    };
    let (old_tokens, new_tokens) = sections("accessTokens");
    let is_ours = |key: &&String| key.trim_end_matches('/') == BACKEND;
    let keys: Vec<_> = new_tokens
        .keys()
        .filter(is_ours)
        .map(String::as_str)
        .collect();
    assert_same(&old_tokens, &new_tokens, &keys);
    let (old_accounts, new_accounts) = sections("accounts");
    let keys: Vec<_> = new_accounts
        .keys()
        .filter(is_ours)
        .map(String::as_str)
        .collect();
    assert_same(&old_accounts, &new_accounts, &keys);
    for key in keys {
        let old = object(old_accounts.get(key).map(|value| value.get()));
        let new = object(new_accounts.get(key).map(|value| value.get()));
        assert_same(
            &old,
            &new,
            &["accessToken", "refreshToken", "tokenInformation"],
        );
        let [old, new] = [old, new]
            .map(|account| object(account.get("tokenInformation").map(|value| value.get())));
        assert_same(&old, &new, &["expiresAt"]);
    }
}

fn assert_same(old: &Object<'_>, new: &Object<'_>, except: &[&str]) {
    for name in old
        .keys()
        .chain(new.keys())
        .filter(|name| !except.contains(&name.as_str()))
    {
        let same = match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => is_same(old, new),
            _ => false,
        };
        assert!(same, "`{name}` has changed");
    }
}

/// Whether two JSON values are the same, to the digit.
fn is_same(old: &RawValue, new: &RawValue) -> bool {
    let (old, new) = (old.get(), new.get());
    let [list, other] = [old, new].map(|text| serde_json::from_str::<Vec<&RawValue>>(text));
    if let (Ok(list), Ok(other)) = (list, other) {
        return list.len() == other.len()
            && list.iter().zip(other).all(|(old, new)| is_same(old, new));
    }
    let [map, other] = [old, new].map(|text| serde_json::from_str::<Object<'_>>(text));
    if let (Ok(map), Ok(other)) = (map, other) {
        return map.keys().eq(other.keys())
            && map
                .values()
                .zip(other.values())
                .all(|(old, new)| is_same(old, new));
    }
    let [text, other] = [old, new].map(|text| serde_json::from_str::<String>(text));
    match (text, other) {
        (Ok(text), Ok(other)) => text == other,
        // A lone surrogate: serde_json does not read it.
        (Err(_), Ok(_)) if old.starts_with('"') => true,
        _ => old == new,
    }
}

/// The entries of an object; none for anything else.
fn object(text: Option<&str>) -> Object<'_> {
    let text = text.unwrap_or_default();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter();
    documents.next().and_then(Result::ok).unwrap_or_default()
}

/// The tokens in a file that occur nowhere else in it.
fn tokens(text: &str, name: &str) -> Vec<String> {
    let file = object(Some(text));
    let accounts = object(file.get("accounts").map(|value| value.get()));
    let tokens = accounts.values().filter_map(|account| {
        let account = object(Some(account.get()));
        serde_json::from_str::<String>(account.get(name)?.get()).ok()
    });
    let is_only_token = text.matches("hunter2-").count() == text.matches(":\"hunter2-").count();
    tokens
        .filter(|token| is_only_token && token.starts_with("hunter2-") && token.len() > 12)
        .collect()
}
