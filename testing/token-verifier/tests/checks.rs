//! Each check of the verifier, with tokens that pass it and tokens that fail it.

use encodings::base64::encode_url;
use token_verifier::{Parsed, Rejection, Verifier, partition_of};

/// 2023-04-28T00:00:00Z.
const AT: i64 = 1_682_640_000;
const DATE: &str = "20230428T000000Z";

fn token(url: &str) -> String {
    format!("k8s-aws-v1.{}", encode_url(url.as_bytes()))
}

/// A valid URL with some texts replaced.
fn url(changes: &[(&str, &str)]) -> String {
    let good = format!(
        "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
         &X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20230428%2Feu-west-1%2Fsts%2Faws4_request\
         &X-Amz-Date={DATE}&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
         &X-Amz-Signature=00ff"
    );
    changes.iter().fold(good, |url, (from, to)| {
        assert!(url.contains(from), "nothing to change: {from}");
        url.replacen(from, to, 1)
    })
}

fn check(token: &str, now: i64) -> Result<Parsed, Rejection> {
    Verifier::new("aws", "eu-west-1").verify(token, now)
}

#[test]
fn valid_token_is_parsed() {
    let changes = [("&X-Amz-Sig", "&X-Amz-Security-Token=a%2Bb%3D&X-Amz-Sig")];
    let parsed = check(&token(&url(&changes)), AT + 900).unwrap();
    assert_eq!(parsed.host, "sts.eu-west-1.amazonaws.com");
    assert_eq!(parsed.region, "eu-west-1");
    assert_eq!(parsed.access_key_id, "AKIDEXAMPLE");
    assert_eq!(parsed.signed_at, AT);
    assert_eq!(parsed.signed_headers, ["host", "x-k8s-aws-id"]);
    assert_eq!(parsed.session_token.as_deref(), Some("a+b="));
    assert_eq!(parsed.signature, "00ff");
    assert!(parsed.target.starts_with("/?Action="));
}

#[test]
fn each_check_rejects_its_violation() {
    let good = url(&[]);
    let long = token(&url(&[("00ff", &"0".repeat(3000))]));
    assert!(long.len() > 4096);
    let rows: &[(u8, String)] = &[
        (1, long),
        (2, token(&good).replacen("v1", "v2", 1)),
        (2, String::new()),
        (3, token(&good) + "="),
        (3, "k8s-aws-v1.*".to_owned()),
        (3, "k8s-aws-v1.A".to_owned()),
        (4, token("https://sts.eu-west-1.amazonaws.com/\n?a=b")),
        (4, token("://sts.eu-west-1.amazonaws.com/")),
        (4, token("https://sts.eu-west-1.amazonaws.com/%zz?a=b")),
        (5, token("sts.eu-west-1.amazonaws.com/")),
        (5, token(&url(&[("https:", "http:")]))),
        (
            6,
            token(&url(&[("sts.eu-west-1.amazonaws.com", "example.com")])),
        ),
        (6, token(&url(&[("amazonaws.com/", "amazonaws.com:443/")]))),
        (7, token(&url(&[("com/?", "com/sts?")]))),
        (7, token(&url(&[("com/?", "com?")]))),
        (8, token(&url(&[("Version=2011-06-15", "Version=%gh")]))),
        (8, token(&url(&[("&Version", ";Version")]))),
        (9, token(&(url(&[]) + "&x-amz-expires=60"))),
        (10, token(&(url(&[]) + "&DurationSeconds=60"))),
        (11, token(&(url(&[]) + "&Version=2011-06-15"))),
        (
            12,
            token(&url(&[("Action=GetCallerIdentity", "Action=AssumeRole")])),
        ),
        (12, token(&url(&[("Action=GetCallerIdentity&", "")]))),
        (
            12,
            token(&url(&[("=GetCallerIdentity", "=getcalleridentity")])),
        ),
        (13, token(&url(&[("%3Bx-k8s-aws-id", "")]))),
        (13, token(&url(&[("x-k8s-aws-id", "x-k8s-aws-id2")]))),
        (14, token(&url(&[("Expires=60", "Expires=901")]))),
        (14, token(&url(&[("Expires=60", "Expires=-1")]))),
        (14, token(&url(&[("Expires=60", "Expires=1m")]))),
        (14, token(&url(&[("&X-Amz-Expires=60", "")]))),
        (15, token(&url(&[("&X-Amz-Date=20230428T000000Z", "")]))),
        (16, token(&url(&[(DATE, "2023-04-28T00:00:00Z")]))),
        (16, token(&url(&[(DATE, "20230431T000000Z")]))),
        (17, token(&url(&[(DATE, "20230427T234459Z")]))),
    ];
    for (number, token) in rows {
        let rejection = check(token, AT).expect_err(token);
        assert_eq!(rejection.check, *number, "{rejection:?} for {token}");
    }
}

#[test]
fn tokens_that_aws_iam_authenticator_accepts_are_accepted() {
    for changes in [
        &[][..],
        &[("https:", "HTTPS:")],
        // A future date, which only STS rejects.
        &[(DATE, "20330428T000000Z")],
        &[("Expires=60", "Expires=0")],
        &[("Expires=60", "Expires=900")],
        &[("Version=2011-06-15", "Version=1")],
        &[("Action=", "action=")],
        &[("%3Bx-k8s-aws-id", "%3BX-K8S-AWS-ID")],
        &[("sts.eu-west-1.amazonaws.com", "sts.amazonaws.com")],
    ] {
        check(&token(&url(changes)), AT).unwrap_or_else(|rejection| panic!("{rejection:?}"));
    }
}

#[test]
fn hosts_are_accepted_by_partition() {
    let accepted = [
        ("aws", "sts.amazonaws.com"),
        ("aws", "sts.us-east-1.amazonaws.com"),
        ("aws", "sts-fips.us-west-2.amazonaws.com"),
        ("aws", "sts.ap-southeast-5.api.aws"),
        ("aws", "sts-fips.us-east-2.api.aws"),
        ("aws", "sts.mars-north-1.amazonaws.com"),
        ("aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
        ("aws-us-gov", "sts-fips.us-gov-east-1.api.aws"),
        ("aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws-cn", "sts.cn-northwest-1.api.amazonwebservices.com.cn"),
        ("aws-iso", "sts.us-iso-east-1.c2s.ic.gov"),
        ("aws-iso-b", "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("aws-iso-e", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
        ("aws-iso-f", "sts.us-isof-south-1.csp.hci.ic.gov"),
        ("aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
        ("aws-eusc", "sts.eusc-de-east-1.api.amazonwebservices.eu"),
    ];
    let rejected = [
        ("aws-us-gov", "sts.amazonaws.com"),
        ("aws-cn", "sts.amazonaws.com"),
        ("aws", "sts-fips.amazonaws.com"),
        ("aws", "sts.api.aws"),
        ("aws", "sts.us-east-1.amazonaws.com.evil.example"),
        ("aws", "sts.us-east-1.amazonaws.com.cn"),
        ("aws", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws", "sts.us-iso-east-1.c2s.ic.gov"),
        ("aws", "sts.-x.amazonaws.com"),
        ("aws", "sts.us_east.amazonaws.com"),
        ("aws", "s3.us-east-1.amazonaws.com"),
        ("aws", "us-east-1.amazonaws.com"),
        ("aws", "STS.us-east-1.amazonaws.com"),
        ("aws", "sts"),
        ("aws", "evil.example/sts.us-east-1.amazonaws.com"),
        ("aws-cn", "sts.us-east-1.amazonaws.com"),
        ("aws-us-gov", "sts-fips.us-gov-west-1.amazonaws.com"),
        // Hosts of the SDKs that aws-iam-authenticator does not know.
        ("aws-iso", "sts.us-iso-east-1.api.aws.ic.gov"),
        ("aws-iso-b", "sts.us-isob-east-1.api.aws.scloud"),
        ("aws-eusc", "sts.eusc-de-east-1.amazonaws.com"),
    ];
    let good = accepted.map(|row| (row, true));
    for ((partition, host), is_expected) in good.into_iter().chain(rejected.map(|row| (row, false)))
    {
        let token = token(&url(&[("sts.eu-west-1.amazonaws.com", host)]));
        // The region matters only for its default hosts.
        let outcome = Verifier::new(partition, "nowhere-1").verify(&token, AT);
        assert_eq!(
            outcome.is_ok(),
            is_expected,
            "{host} in {partition}: {outcome:?}"
        );
        if let Err(rejection) = outcome {
            assert_eq!(rejection.check, 6, "{host} in {partition}: {rejection:?}");
        }
    }
}

#[test]
fn regions_belong_to_partitions() {
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-west-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-east-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
        ("aws-global", "aws"),
        ("cn-north", "aws"),
        ("mars", "aws"),
    ] {
        assert_eq!(partition_of(region), partition, "{region}");
    }
}
