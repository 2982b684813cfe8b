//! Verifies AWS Signature Version 4 of received requests, presigned in the query or signed in the
//! `Authorization` header. From "AWS Signature Version 4 for API requests" in the IAM user guide; shares
//! no code with the plugin.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use encodings::percent;
use encodings::timestamp::{self, Seconds};

use crate::http::Request;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The parts of a request's signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The id of the key that signed it.
    pub access_key_id: String,
    /// The day in the credential scope, `yyyymmdd`.
    pub day: String,
    /// The region in the credential scope.
    pub region: String,
    /// The service in the credential scope.
    pub service: String,
    /// When it was signed.
    pub signed_at: Seconds,
    /// The signed headers, in lower case, as listed.
    pub signed_headers: Vec<String>,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// Whether the signature is in the query, not in a header.
    pub presigned: bool,
    signature: String,
}

/// Why a signature is rejected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The request is not signed.
    Missing,
    /// A part is missing or malformed.
    Incomplete(String),
    /// The signature belongs to another key or another request. Holds the canonical request that
    /// should have been signed.
    Mismatch(String),
}

impl Signed {
    /// Reads the parts of the signature, without verifying it.
    pub fn read(request: &Request) -> Result<Self, Problem> {
        let query = percent::pairs(request.query())
            .ok_or_else(|| incomplete("the query cannot be decoded"))?;
        let in_query = query
            .iter()
            .any(|(name, _)| name == "X-Amz-Signature" || name == "X-Amz-Algorithm");
        match request.header("authorization") {
            Some(_) if in_query => Err(incomplete("signed twice: in the query and in a header")),
            Some(authorization) => Self::from_header(request, authorization),
            None if in_query => Self::from_query(&query),
            None => Err(Problem::Missing),
        }
    }

    fn from_query(query: &[(String, String)]) -> Result<Self, Problem> {
        let optional = |name: &str| {
            let mut values = query.iter().filter(|(known, _)| known == name);
            let value = values.next().map(|(_, value)| value.clone());
            match values.next() {
                Some(_) => Err(incomplete(format!("{name} occurs twice"))),
                None => Ok(value),
            }
        };
        let required = |name: &str| optional(name)?.ok_or_else(|| incomplete(format!("no {name}")));
        if required("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete("unknown X-Amz-Algorithm"));
        }
        let expires = required("X-Amz-Expires")?.parse::<u32>();
        if !expires.is_ok_and(|seconds| seconds <= 604_800) {
            return Err(incomplete("X-Amz-Expires is not between 0 and 604800"));
        }
        Ok(Self {
            signature: required("X-Amz-Signature")?,
            session_token: optional("X-Amz-Security-Token")?,
            presigned: true,
            ..Self::unsigned(
                &required("X-Amz-Credential")?,
                &required("X-Amz-Date")?,
                &required("X-Amz-SignedHeaders")?,
            )?
        })
    }

    fn from_header(request: &Request, authorization: &str) -> Result<Self, Problem> {
        let parts = authorization
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| incomplete("unknown algorithm in Authorization"))?;
        let part = |name: &str| {
            let mut parts = parts.split(',').map(str::trim);
            parts
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| incomplete(format!("no {name} in Authorization")))
        };
        let date = request
            .header("x-amz-date")
            .ok_or_else(|| incomplete("no X-Amz-Date"))?;
        let signed = Self {
            signature: part("Signature")?.to_owned(),
            session_token: request.header("x-amz-security-token").map(str::to_owned),
            ..Self::unsigned(part("Credential")?, date, part("SignedHeaders")?)?
        };
        // AWS requires a signature for its own headers.
        for (name, _) in &request.headers {
            let name = name.to_lowercase();
            if name.starts_with("x-amz-") && !signed.signed_headers.contains(&name) {
                return Err(incomplete(format!("the header {name} is not signed")));
            }
        }
        Ok(signed)
    }

    /// The parts that say what was signed.
    fn unsigned(credential: &str, date: &str, signed_headers: &str) -> Result<Self, Problem> {
        let [access_key_id, day, region, service, "aws4_request"] =
            *credential.split('/').collect::<Vec<_>>()
        else {
            return Err(incomplete("the credential has no scope of five parts"));
        };
        let signed_at = timestamp::parse_compact(date)
            .ok_or_else(|| incomplete("X-Amz-Date is not of the form yyyymmddThhmmssZ"))?;
        if !date.starts_with(day) {
            return Err(incomplete(
                "the credential's day is not the day of X-Amz-Date",
            ));
        }
        let headers: Vec<_> = signed_headers.split(';').map(str::to_owned).collect();
        let in_order = headers.windows(2).all(|pair| pair[0] < pair[1]);
        if !in_order || headers.iter().any(|name| *name != name.to_lowercase()) {
            return Err(incomplete(
                "the signed headers are not sorted and in lower case",
            ));
        }
        if !headers.iter().any(|name| name == "host") {
            return Err(incomplete("the header host is not signed"));
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_at,
            signed_headers: headers,
            session_token: None,
            presigned: false,
            signature: String::new(),
        })
    }

    /// Checks that this secret key signed the request.
    pub fn verify(&self, request: &Request, secret_access_key: &str) -> Result<(), Problem> {
        let canonical = self.canonical_request(request)?;
        let to_sign = format!(
            "{ALGORITHM}\n{}\n{}/{}/{}/aws4_request\n{}",
            timestamp::compact(self.signed_at),
            self.day,
            self.region,
            self.service,
            sha256(canonical.as_bytes()),
        );
        let key = signing_key(secret_access_key, &self.day, &self.region, &self.service);
        if hexadecimal(hmac::sign(&key, to_sign.as_bytes()).as_ref()) == self.signature {
            Ok(())
        } else {
            Err(Problem::Mismatch(canonical))
        }
    }

    fn canonical_request(&self, request: &Request) -> Result<String, Problem> {
        let mut query: Vec<_> = percent::pairs(request.query())
            .ok_or_else(|| incomplete("the query cannot be decoded"))?
            .iter()
            .filter(|(name, _)| !self.presigned || name != "X-Amz-Signature")
            .map(|(name, value)| (percent::encode(name), percent::encode(value)))
            .collect();
        query.sort();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut headers = String::new();
        for name in &self.signed_headers {
            let values: Vec<_> = request
                .headers
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            // A missing header counts as empty, which makes the signature mismatch.
            let _ = writeln!(headers, "{name}:{}", values.join(","));
        }
        let payload = sha256(&request.body);
        if let Some(claimed) = request.header("x-amz-content-sha256")
            && claimed != payload
        {
            return Err(incomplete("x-amz-content-sha256 is not the body's hash"));
        }
        Ok(format!(
            "{}\n{}\n{}\n{headers}\n{}\n{payload}",
            request.method,
            request.path(),
            query.join("&"),
            self.signed_headers.join(";"),
        ))
    }
}

/// Signs the tests' own requests.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret key.
    pub secret_access_key: String,
    /// The session token, for temporary credentials.
    pub session_token: Option<String>,
    /// The region in the scope.
    pub region: String,
    /// The time of signing.
    pub at: Seconds,
}

impl Signer {
    /// The signature of [`Signer::known_answer`] for the cluster `test-cluster` at
    /// `sts.us-west-2.amazonaws.com`.
    pub const KNOWN_SIGNATURE: &str =
        "e211dba77aba9dc44b0b6be38b8eaad092599c5157f6314444c5b9d85747f5ce";

    /// Credentials, region and time (2023-04-28T00:00:00Z) of aws-iam-authenticator's own test of a
    /// whole token. They are public examples.
    pub fn known_answer() -> Self {
        let decoded = |text| {
            let bytes = encodings::base64::decode_standard(text).expect("base64");
            String::from_utf8(bytes).expect("text")
        };
        Self {
            access_key_id: decoded("QVNJQVIyVEc0NFY2QVMzWlpFN0M="),
            secret_access_key: decoded("NEtENWNudEdjVm1MV1JkRjV3dk5SdXpOTDVReG1wNk9LVlk2RnovUQ=="),
            session_token: None,
            region: "us-west-2".to_owned(),
            at: 1_682_640_000,
        }
    }

    /// An EKS token: presigns `GetCallerIdentity` for this host and cluster.
    pub fn token(&self, host: &str, cluster: &str) -> String {
        let url = format!("https://{host}{}", self.presign(host, cluster));
        format!(
            "k8s-aws-v1.{}",
            encodings::base64::encode_url(url.as_bytes())
        )
    }

    /// Path and query of a presigned `GetCallerIdentity`.
    pub fn presign(&self, host: &str, cluster: &str) -> String {
        let mut query = vec![
            ("Action", "GetCallerIdentity".to_owned()),
            ("Version", "2011-06-15".to_owned()),
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", self.credential()),
            ("X-Amz-Date", timestamp::compact(self.at)),
            ("X-Amz-Expires", "60".to_owned()),
        ];
        if let Some(token) = &self.session_token {
            query.push(("X-Amz-Security-Token", token.clone()));
        }
        query.push(("X-Amz-SignedHeaders", "host;x-k8s-aws-id".to_owned()));
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let request = Request {
            method: "GET".to_owned(),
            target: format!("/?{}", percent::form(&query)),
            headers: vec![
                ("Host".to_owned(), host.to_owned()),
                ("x-k8s-aws-id".to_owned(), cluster.to_owned()),
            ],
            ..Request::default()
        };
        let headers = vec!["host".to_owned(), "x-k8s-aws-id".to_owned()];
        let signature = self.signature(&request, headers, true);
        request.target + "&X-Amz-Signature=" + &signature
    }

    /// Signs a request to `sts` with an `Authorization` header.
    pub fn authorize(&self, request: &mut Request) {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let date = timestamp::compact(self.at);
        request.headers.push(header("X-Amz-Date", &date));
        if let Some(token) = &self.session_token {
            request.headers.push(header("X-Amz-Security-Token", token));
        }
        let mut headers: Vec<_> = request
            .headers
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        headers.sort();
        let signature = self.signature(request, headers.clone(), false);
        let authorization = format!(
            "{ALGORITHM} Credential={}, SignedHeaders={}, Signature={signature}",
            self.credential(),
            headers.join(";"),
        );
        request
            .headers
            .push(header("Authorization", &authorization));
    }

    fn credential(&self) -> String {
        let date = timestamp::compact(self.at);
        let (id, region) = (&self.access_key_id, &self.region);
        format!("{id}/{}/{region}/sts/aws4_request", &date[..8])
    }

    fn signature(&self, request: &Request, signed_headers: Vec<String>, presigned: bool) -> String {
        let date = timestamp::compact(self.at);
        let signed = Signed {
            access_key_id: self.access_key_id.clone(),
            day: date[..8].to_owned(),
            region: self.region.clone(),
            service: "sts".to_owned(),
            signed_at: self.at,
            signed_headers,
            session_token: self.session_token.clone(),
            presigned,
            signature: String::new(),
        };
        let canonical = signed
            .canonical_request(request)
            .expect("a decodable request");
        let scope = format!("{}/{}/sts/aws4_request", signed.day, signed.region);
        let hash = sha256(canonical.as_bytes());
        let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
        let key = signing_key(&self.secret_access_key, &signed.day, &signed.region, "sts");
        hexadecimal(hmac::sign(&key, to_sign.as_bytes()).as_ref())
    }
}

fn signing_key(secret: &str, day: &str, region: &str, service: &str) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    for step in [day, region, service, "aws4_request"] {
        let tag = hmac::sign(&key, step.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
    }
    key
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Hexadecimal text in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

fn incomplete(what: impl Into<String>) -> Problem {
    Problem::Incomplete(what.into())
}
