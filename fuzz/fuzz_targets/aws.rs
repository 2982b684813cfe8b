//! Answers of AWS STS and Amazon EKS: credentials are those in the answer and can sign, and errors and
//! logs show no secret of the request. The first byte chooses what is called.

#![no_main]

use kubectl_esc::aws::Credentials;
use kubectl_esc::aws::eks_token::{EksToken, PresignRequest};
use kubectl_esc::aws::endpoint::{EndpointMode, Region};
use kubectl_esc::clock::Timestamp;
use kubectl_esc::fuzzing::{
    assume_role, assume_role_with_web_identity, caller_arn, describe_cluster,
};
use kubectl_esc::secret::Secret;
use kubectl_esc_fuzz::{NOW, answers, assert_hidden, call, shown};
use libfuzzer_sys::fuzz_target;

const KEY: &str = "hunter2SecretAccessKey";
const SESSION: &str = "hunter2SessionToken==";
const EXTERNAL_ID: &str = "hunter2-external-id";
const ROLE: &str = "arn:aws:iam::123456789012:role/hunter2-role";
// The claims are `{"exp":1700000000}`.
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.aHVudGVyMi1zaWduYXR1cmU";

fuzz_target!(|input: (u8, &str)| {
    let (operation, text) = input;
    let credentials = Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: Secret::from(KEY),
        session_token: Some(Secret::from(SESSION)),
        expires_at: None,
    };
    let (result, log) = call(&[], answers(text), |context| match operation % 4 {
        0 => assume_role_with_web_identity(context, ROLE, &Secret::from(TOKEN))
            .map(|issued| check_issued(&issued, text)),
        1 => assume_role(context, &credentials, EXTERNAL_ID)
            .map(|issued| check_issued(&issued, text)),
        2 => describe_cluster(context, &credentials).map(drop),
        _ => {
            let token = token(&credentials).unwrap();
            let arn = caller_arn(context, &token.token);
            let shown = arn.as_ref().err().map(shown).unwrap_or_default();
            assert_hidden(&shown, &[token.token.expose()]);
            arn.map(drop)
        }
    });
    let shown = result.as_ref().err().map(shown).unwrap_or_default();
    // A service can only repeat what it has been sent.
    let mut secrets = match operation % 4 {
        0 => vec![ROLE, TOKEN],
        1 => vec![KEY, SESSION, EXTERNAL_ID],
        2 => vec![KEY, SESSION],
        _ => Vec::new(),
    };
    if operation % 4 == 0 {
        secrets.extend(TOKEN.split('.'));
    }
    assert_hidden(&shown, &secrets);
    assert_hidden(&log, &secrets);
});

fn token(credentials: &Credentials) -> kubectl_esc::error::Result<EksToken> {
    EksToken::presign(&PresignRequest {
        cluster_name: "fuzz",
        region: &Region::parse("eu-west-1")?,
        endpoint_mode: EndpointMode::default(),
        credentials,
        signed_at: Timestamp::from_unix(NOW),
    })
}

/// Checks credentials that were issued in `text`.
fn check_issued(issued: &Credentials, text: &str) {
    let session = issued.session_token.as_ref().map(Secret::expose);
    let is_plain = !text.contains(['&', '\r']) && !text.contains("<!");
    for part in [
        Some(&issued.access_key_id),
        Some(issued.secret_access_key.expose()),
        session,
    ] {
        let part = part.map(String::as_str).unwrap_or_default();
        assert!(
            !is_plain || text.contains(part),
            "{part:?} is not in the answer"
        );
    }
    if let Err(error) = token(issued) {
        shown(&error);
    }
}
