//! Names of environments, organizations, stacks and access token types: what is accepted has the
//! documented characters, is safe in a URL path, and prints as it is read.

#![no_main]

use kubectl_esc::pulumi_cloud::{AccessTokenType, EnvironmentName, Organization};
use kubectl_esc_fuzz::shown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match EnvironmentName::parse(text) {
        Ok(name) => {
            assert!(is_name(text), "{text:?} is accepted");
            assert_eq!(EnvironmentName::parse(&name.to_string()).unwrap(), name);
            let organization = name.organization.iter();
            for part in organization
                .chain([&name.project, &name.name])
                .chain(&name.version)
            {
                assert!(is_part(part, 100), "{part:?} of {text:?}");
            }
            // Completed by defaults, or with a version without leading zeros.
            let printed = name.to_string();
            assert!(
                printed == text
                    || printed == format!("default/{text}")
                    || text.contains('@') && name.version.is_some(),
                "{printed} for {text:?}"
            );
        }
        Err(error) => {
            shown(&error);
            assert!(!is_name(text), "{text:?} is rejected");
        }
    }
    match Organization::parse(text, "the test") {
        Ok(organization) => {
            assert_eq!(organization.as_str(), text);
            assert!(is_organization(text), "{text:?} is accepted");
        }
        Err(error) => {
            shown(&error);
            assert!(!is_organization(text), "{text:?} is rejected");
        }
    }
    match AccessTokenType::parse(text) {
        Ok(token_type) => assert_eq!(token_type.to_string(), text),
        Err(error) => drop(shown(&error)),
    }
});

/// The documented rule.
fn is_name(text: &str) -> bool {
    let (path, version) = text
        .split_once('@')
        .map_or((text, None), |(p, v)| (p, Some(v)));
    let version_is_valid = version.is_none_or(|version| {
        if version.starts_with(|first: char| first.is_ascii_digit()) {
            version.parse::<u64>().is_ok()
        } else {
            is_part(version, 100)
        }
    });
    let mut parts: Vec<_> = path.split('/').collect();
    if parts.len() == 3 && !is_organization(parts.remove(0)) {
        return false;
    }
    parts.len() <= 2 && parts.iter().all(|part| is_part(part, 100)) && version_is_valid
}

fn is_part(text: &str, longest: usize) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=longest).contains(&text.len())
        && text != "."
        && text != ".."
        && text.chars().all(is_allowed)
}

fn is_organization(text: &str) -> bool {
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.len() >= 3
        && is_part(text, 40)
        && !text.contains('.')
        && text.starts_with(is_end)
        && text.ends_with(is_end)
}
