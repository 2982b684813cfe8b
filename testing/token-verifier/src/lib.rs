//! Verifies EKS tokens as an EKS API server does before it calls STS: with the checks of
//! aws-iam-authenticator, in its order. Shares no code with the plugin. Base64 is decoded more
//! strictly (no line breaks, no stray bits).

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "used by tests only, which fail with a panic"
)]

use encodings::timestamp::{self, Seconds};
use encodings::{base64, percent};

/// The maximum length of a token, in bytes.
const MAXIMUM_LENGTH: usize = 4096;
const PREFIX: &str = "k8s-aws-v1.";
const PARAMETERS: [&str; 9] = [
    "action",
    "version",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The verifier of one API server.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    partition: &'static Partition,
    region: &'static str,
}

/// Why a token is rejected without a call of STS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rejection {
    /// The number of the failed check, from 1 to 17.
    pub check: u8,
    /// The message, as aws-iam-authenticator words it.
    pub message: String,
}

/// The contents of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parsed {
    /// The presigned URL.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its path and query.
    pub target: String,
    /// The region of the credential scope.
    pub region: String,
    /// The id of the key that signed it.
    pub access_key_id: String,
    /// When it was signed.
    pub signed_at: Seconds,
    /// The names of the signed headers.
    pub signed_headers: Vec<String>,
    /// The session token, decoded.
    pub session_token: Option<String>,
    /// The signature.
    pub signature: String,
}

impl Verifier {
    /// The verifier of a cluster in this partition and region.
    pub fn new(partition: &str, region: &'static str) -> Self {
        let partition = PARTITIONS
            .iter()
            .find(|known| known.name == partition)
            .expect("a partition of AWS");
        Self { partition, region }
    }

    /// Runs the checks in the order of aws-iam-authenticator, and returns the first that fails.
    pub fn verify(&self, token: &str, now: Seconds) -> Result<Parsed, Rejection> {
        let url = decode(token)?;
        let (host, target) = split_url(&url)?;
        self.check_host(host)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if percent::decode(path).as_deref() != Some("/") {
            return reject(7, "unexpected path in pre-signed URL");
        }
        let parameters = check_parameters(query)?;
        let get = |name: &str| {
            let mut parameters = parameters.iter();
            parameters
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        let value = |name: &str| get(name).unwrap_or_default();
        if value("action") != "GetCallerIdentity" {
            return reject(12, "unexpected action parameter in pre-signed URL");
        }
        let signed_headers = value("x-amz-signedheaders");
        let signed_headers: Vec<_> = signed_headers.split(';').map(str::to_owned).collect();
        let is_cluster = |name: &String| name.eq_ignore_ascii_case("x-k8s-aws-id");
        if !signed_headers.iter().any(is_cluster) {
            return reject(
                13,
                "client did not sign the x-k8s-aws-id header in the pre-signed URL",
            );
        }
        let signed_at = check_times(&value("x-amz-expires"), &value("x-amz-date"), now)?;
        let credential = value("x-amz-credential");
        let mut credential = credential.split('/').map(str::to_owned);
        Ok(Parsed {
            host: host.to_owned(),
            target: target.to_owned(),
            access_key_id: credential.next().unwrap_or_default(),
            region: credential.nth(1).unwrap_or_default(),
            signed_at,
            signed_headers,
            session_token: get("x-amz-security-token"),
            signature: value("x-amz-signature"),
            url,
        })
    }

    /// Check 6.
    fn check_host(&self, host: &str) -> Result<(), Rejection> {
        let partition = self.partition;
        if host == "sts.amazonaws.com" {
            return if partition.name == "aws" {
                Ok(())
            } else {
                let name = partition.name;
                reject(
                    6,
                    format!("global endpoint unsupported in partition {name}"),
                )
            };
        }
        let labels: Vec<_> = host.split('.').collect();
        let Some(region) = labels.get(1) else {
            return reject(
                6,
                format!("could not parse region for pre-signed URL {host}"),
            );
        };
        if !is_region(region) {
            return reject(
                6,
                format!("invalid region identifier format provided: {region}"),
            );
        }
        let default_hosts = [
            Some(format!("sts.{}.{}", self.region, partition.domain)),
            partition
                .dual_stack
                .map(|domain| format!("sts.{}.{domain}", self.region)),
        ];
        let known = endpoints(region)
            .into_iter()
            .chain(default_hosts.into_iter().flatten())
            .any(|known| known == host);
        if !known || labels.len() < 4 {
            return reject(
                6,
                format!("unexpected hostname \"{host}\" in pre-signed URL"),
            );
        }
        let domain = labels[2..].join(".");
        if domain != partition.domain && Some(domain.as_str()) != partition.dual_stack {
            let name = partition.name;
            return reject(
                6,
                format!("partition {name} does not support hostname {host}"),
            );
        }
        Ok(())
    }
}

/// Returns the token with a changed URL.
pub fn tampered(token: &str, change: impl FnOnce(&mut String)) -> String {
    let payload = token.strip_prefix(PREFIX).expect("a token");
    let url = base64::decode_url(payload).expect("base64");
    let mut url = String::from_utf8(url).expect("a URL");
    let before = url.clone();
    change(&mut url);
    assert_ne!(url, before, "nothing was changed");
    format!("{PREFIX}{}", base64::encode_url(url.as_bytes()))
}

/// Checks 1 to 4: the URL of a token.
fn decode(token: &str) -> Result<String, Rejection> {
    if token.len() > MAXIMUM_LENGTH {
        return reject(1, "token is too large");
    }
    let Some(payload) = token.strip_prefix(PREFIX) else {
        return reject(2, "token is missing expected \"k8s-aws-v1.\" prefix");
    };
    let Some(url) = base64::decode_url(payload) else {
        return reject(3, "illegal base64 data");
    };
    match String::from_utf8(url).ok().filter(|url| is_url(url)) {
        Some(url) => Ok(url),
        None => reject(4, "not a URL"),
    }
}

/// Check 5, and the host and the target of the URL.
fn split_url(url: &str) -> Result<(&str, &str), Rejection> {
    let without_fragment = url.split('#').next().unwrap_or_default();
    let (scheme, rest) = without_fragment
        .split_once("://")
        .unwrap_or(("", without_fragment));
    if !scheme.eq_ignore_ascii_case("https") {
        return reject(
            5,
            format!("unexpected scheme \"{scheme}\" in pre-signed URL"),
        );
    }
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    Ok((host, target))
}

/// Checks 8 to 11. Returns the parameters, with their names verbatim.
fn check_parameters(query: &str) -> Result<Vec<(String, String)>, Rejection> {
    // Go rejects `;` in a query.
    let parameters = percent::pairs(query).filter(|_| !query.contains(';'));
    let Some(parameters) = parameters else {
        return reject(8, "malformed query parameter");
    };
    for (position, (name, _)) in parameters.iter().enumerate() {
        let is_duplicate =
            |(other, _): &(String, String)| other != name && is_equal_ignoring_case(other, name);
        if parameters[..position].iter().any(is_duplicate) {
            return reject(9, format!("duplicate query parameter found: \"{name}\""));
        }
    }
    for (name, _) in &parameters {
        if !PARAMETERS.contains(&name.to_lowercase().as_str()) {
            return reject(10, format!("non-whitelisted query parameter \"{name}\""));
        }
        if parameters.iter().filter(|(other, _)| other == name).count() > 1 {
            return reject(11, "query parameter with multiple values not supported");
        }
    }
    Ok(parameters)
}

/// Checks 14 to 17: when the token was signed.
fn check_times(expires: &str, date: &str, now: Seconds) -> Result<Seconds, Rejection> {
    let expires = expires.parse::<i64>();
    if !expires
        .as_ref()
        .is_ok_and(|seconds| (0..=900).contains(seconds))
    {
        return reject(
            14,
            format!(
                "invalid X-Amz-Expires parameter in pre-signed URL: {}",
                expires.unwrap_or(0)
            ),
        );
    }
    if date.is_empty() {
        return reject(15, "X-Amz-Date parameter must be present in pre-signed URL");
    }
    let Some(signed_at) = timestamp::parse_compact(date) else {
        return reject(16, format!("error parsing X-Amz-Date parameter {date}"));
    };
    if now > signed_at + 15 * 60 {
        return reject(17, "X-Amz-Date parameter is expired (15 minute expiration)");
    }
    Ok(signed_at)
}

fn is_equal_ignoring_case(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase()
}

/// Whether Go's `url.Parse` accepts the text, except for what the later checks cover.
fn is_url(text: &str) -> bool {
    let escapes_are_whole = |part: &str| {
        part.split('%').skip(1).all(|rest| {
            rest.len() >= 2 && rest.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
        })
    };
    let (before_query, _) = text.split_once('?').unwrap_or((text, ""));
    let first = text.split(['/', '?']).next().unwrap_or_default();
    !text.bytes().any(|byte| byte < b' ' || byte == 0x7f)
        && escapes_are_whole(before_query)
        && !first.starts_with(':')
        && !before_query.contains([' ', '<', '>', '"', '^', '`', '{', '|', '}', '\\'])
}

/// `^[[:alnum:]]([[:alnum:]\-]*[[:alnum:]])?$`
fn is_region(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || c == '-')
}

fn reject<T>(check: u8, message: impl Into<String>) -> Result<T, Rejection> {
    let message = message.into();
    Err(Rejection { check, message })
}

/// A partition of AWS.
#[derive(Debug)]
struct Partition {
    name: &'static str,
    domain: &'static str,
    /// The domain of the accepted dual-stack hosts.
    dual_stack: Option<&'static str>,
}

const fn partition(
    name: &'static str,
    domain: &'static str,
    dual_stack: Option<&'static str>,
) -> Partition {
    Partition {
        name,
        domain,
        dual_stack,
    }
}

const PARTITIONS: [Partition; 8] = [
    partition("aws", "amazonaws.com", Some("api.aws")),
    partition("aws-us-gov", "amazonaws.com", Some("api.aws")),
    partition(
        "aws-cn",
        "amazonaws.com.cn",
        Some("api.amazonwebservices.com.cn"),
    ),
    partition("aws-iso", "c2s.ic.gov", None),
    partition("aws-iso-b", "sc2s.sgov.gov", None),
    partition("aws-iso-e", "cloud.adc-e.uk", None),
    partition("aws-iso-f", "csp.hci.ic.gov", None),
    partition("aws-eusc", "amazonaws.eu", Some("api.amazonwebservices.eu")),
];

/// The partition of a region, by the region's name. An unknown region is in `aws`, as in the AWS SDKs.
pub fn partition_of(region: &str) -> &'static str {
    let parts: Vec<_> = region.split('-').collect();
    let [area @ .., direction, number] = parts.as_slice() else {
        return "aws";
    };
    if direction.is_empty() || number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
        return "aws";
    }
    match area {
        ["cn"] => "aws-cn",
        ["us", "gov"] => "aws-us-gov",
        ["us", "iso"] => "aws-iso",
        ["us", "isob"] => "aws-iso-b",
        ["eu", "isoe"] => "aws-iso-e",
        ["us", "isof"] => "aws-iso-f",
        ["eusc", "de"] => "aws-eusc",
        _ => "aws",
    }
}

/// The hosts that the AWS SDKs resolve for STS in a region: plain, FIPS, dual-stack, FIPS dual-stack.
fn endpoints(region: &str) -> Vec<String> {
    let name = partition_of(region);
    let partition = PARTITIONS.iter().find(|known| known.name == name);
    let Some(partition) = partition else {
        return Vec::new();
    };
    let mut hosts = Vec::new();
    // In GovCloud the plain host is the FIPS host; `aws-global` has its plain host elsewhere.
    if region != "aws-global" {
        hosts.push(format!("sts.{region}.{}", partition.domain));
    }
    if partition.name != "aws-us-gov" {
        hosts.push(format!("sts-fips.{region}.{}", partition.domain));
    }
    if let Some(domain) = partition.dual_stack {
        hosts.push(format!("sts.{region}.{domain}"));
        hosts.push(format!("sts-fips.{region}.{domain}"));
    }
    hosts
}
