//! Tokens through the library's public interface, against two references: the known token of
//! aws-iam-authenticator's test, byte for byte, and botocore for every region and kind of endpoint.

use encodings::timestamp;
use kubectl_esc::aws::Credentials;
use kubectl_esc::aws::eks_token::{EksToken, PresignRequest};
use kubectl_esc::aws::endpoint::{EndpointMode, Region};
use kubectl_esc::clock::Timestamp;
use kubectl_esc::error::{Kind, Result};
use kubectl_esc::secret::Secret;
use serde_json::Value;
use stand_ins::sigv4::{Signed, Signer};
use stand_ins::sts::caller_identity_request;
use token_verifier::{Verifier, partition_of};

/// Hosts that botocore accepts and the library rejects, with the reason.
struct RejectedHosts {
    /// The start of the region's name.
    region: &'static str,
    modes: &'static [&'static str],
    /// Whether the verifier rejects such a host too.
    by_verifier: bool,
    reason: &'static str,
}

const REJECTED: &[RejectedHosts] = &[
    RejectedHosts {
        region: "us-iso-",
        modes: &["dualstack", "both"],
        by_verifier: true,
        reason: "the verifier knows no dual-stack domain in this partition",
    },
    RejectedHosts {
        region: "us-isob-",
        modes: &["dualstack", "both"],
        by_verifier: true,
        reason: "the verifier knows no dual-stack domain in this partition",
    },
    RejectedHosts {
        region: "aws-global",
        modes: &["fips", "dualstack", "both"],
        by_verifier: false,
        reason: "AWS has no such host: botocore treats the pseudo-region as a region",
    },
];

impl RejectedHosts {
    fn of(region: &str, mode: &str) -> Option<&'static Self> {
        REJECTED
            .iter()
            .find(|hosts| region.starts_with(hosts.region) && hosts.modes.contains(&mode))
    }
}

fn presign(
    credentials: &Credentials,
    cluster_name: &str,
    region: &str,
    endpoint_mode: EndpointMode,
    signed_at: i64,
) -> Result<EksToken> {
    EksToken::presign(&PresignRequest {
        cluster_name,
        region: &Region::parse(region)?,
        endpoint_mode,
        credentials,
        signed_at: Timestamp::from_unix(signed_at),
    })
}

#[test]
fn known_token_is_equal_byte_for_byte() {
    let known = Signer::known_answer();
    let credentials = Credentials {
        access_key_id: known.access_key_id.clone(),
        secret_access_key: Secret::new(known.secret_access_key.clone()),
        session_token: None,
        expires_at: None,
    };
    let mode = EndpointMode::default();
    let token = presign(&credentials, "test-cluster", "us-west-2", mode, known.at).unwrap();
    // The parameters are in the order of aws-sdk-go-v2 and botocore.
    let url = format!(
        "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F20230428%2Fus-west-2%2Fsts%2F\
         aws4_request&X-Amz-Date=20230428T000000Z&X-Amz-Expires=60\
         &X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature={}",
        known.access_key_id,
        Signer::KNOWN_SIGNATURE,
    );
    let url = encodings::base64::encode_url(url.as_bytes());
    assert_eq!(*token.token.expose(), format!("k8s-aws-v1.{url}"));
    assert_eq!(token.expires_at.to_string(), "2023-04-28T00:14:00Z");
}

#[test]
fn hosts_and_signatures_match_botocore() {
    let recorded: Value = serde_json::from_str(include_str!("../data/botocore.json")).unwrap();
    let text = |name: &str| recorded[name].as_str().unwrap();
    let signed_at = timestamp::parse_compact(text("at")).unwrap();
    let cluster = text("cluster");
    let credentials = |session_token: Option<&str>| Credentials {
        access_key_id: text("accessKeyId").to_owned(),
        secret_access_key: Secret::from(text("secretAccessKey")),
        session_token: session_token.map(Secret::from),
        expires_at: None,
    };
    let both = [credentials(None), credentials(Some(text("sessionToken")))];
    let rows = recorded["rows"].as_array().unwrap();
    let (mut equal, mut rejected, mut unknown) = (0, 0, 0);
    for row in rows {
        let cell = |at: usize| row[at].as_str().unwrap();
        let (region, mode) = (cell(0), cell(1));
        let endpoint_mode = EndpointMode {
            fips: ["fips", "both"].contains(&mode),
            dual_stack: ["dualstack", "both"].contains(&mode),
        };
        let tokens = both
            .each_ref()
            .map(|credentials| presign(credentials, cluster, region, endpoint_mode, signed_at));
        let reason = RejectedHosts::of(region, mode);
        if row[2]["error"].is_string() || reason.is_some() {
            // botocore rejects the region, or the library the host.
            for token in tokens {
                let error = token.expect_err(&format!("{region} {mode}"));
                assert_eq!(
                    error.kind(),
                    Kind::Configuration,
                    "{region} {mode}: {error}"
                );
                assert!(error.hint().is_some(), "{region} {mode}: {error}");
            }
            *(if reason.is_some() {
                &mut rejected
            } else {
                &mut unknown
            }) += 1;
            continue;
        }
        let home = if region == "aws-global" {
            "us-east-1"
        } else {
            region
        };
        let partition = partition_of(region);
        for (position, token) in tokens.into_iter().enumerate() {
            let token = token.unwrap_or_else(|error| panic!("{region} {mode}: {error}"));
            let parsed = Verifier::new(partition, "nowhere-1")
                .verify(token.token.expose(), signed_at)
                .unwrap_or_else(|rejection| panic!("{region} {mode}: {rejection:?}"));
            assert_eq!(parsed.host, cell(2), "{region} {mode}");
            assert_eq!(
                (parsed.region.as_str(), cell(3)),
                (home, home),
                "{region} {mode}"
            );
            assert_eq!(parsed.signature, cell(4 + position), "{region} {mode}");
            let token = both[position].session_token.as_ref();
            let token = token.map(|token| token.expose().as_str());
            assert_eq!(parsed.session_token.as_deref(), token);
            // The received URL has a valid signature too.
            let request = caller_identity_request(&parsed.target, &parsed.host, cluster);
            let signed = Signed::read(&request).unwrap();
            assert_eq!(signed.verify(&request, text("secretAccessKey")), Ok(()));
            equal += 1;
        }
    }
    let regions = rows.len() / 4;
    println!(
        "{regions} regions: {equal} tokens equal, {rejected} hosts rejected, {unknown} unknown"
    );
    assert!(regions > 40, "too few regions: {regions}");
    assert_eq!(equal, (rows.len() - rejected - unknown) * 2);
}

#[test]
fn each_rejected_host_has_a_reason() {
    let recorded: Value = serde_json::from_str(include_str!("../data/botocore.json")).unwrap();
    let mut hosts = vec![0; REJECTED.len()];
    for row in recorded["rows"].as_array().unwrap() {
        let (region, mode) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        let Some(rejected) = RejectedHosts::of(region, mode) else {
            continue;
        };
        let host = row[2].as_str().unwrap();
        let signer = Signer::known_answer();
        let outcome = Verifier::new(partition_of(region), "nowhere-1")
            .verify(&signer.token(host, "cluster"), signer.at);
        let by_verifier = outcome.is_err_and(|rejection| rejection.check == 6);
        assert_eq!(
            by_verifier, rejected.by_verifier,
            "{host}: {}",
            rejected.reason
        );
        let position = REJECTED
            .iter()
            .position(|hosts| std::ptr::eq(hosts, rejected));
        hosts[position.unwrap()] += 1;
    }
    assert!(!hosts.contains(&0), "an entry without hosts: {hosts:?}");
}
