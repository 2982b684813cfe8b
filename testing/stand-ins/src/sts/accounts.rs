//! Configured and issued credentials, and their checks.

use std::collections::HashMap;

use aws_lc_rs::rand;
use encodings::base64;
use encodings::timestamp::{self, Seconds};

use super::answer::{Assumed, StsError};
use super::configuration::{Configuration, Role, Trust};
use crate::MARKER;
use crate::http::Request;
use crate::sigv4::{Problem, Signed};

/// The maximum age of a signature, in seconds.
const MAXIMUM_AGE: Seconds = 15 * 60;
/// How far in the future a signature's date may be, in seconds.
const MAXIMUM_AHEAD: Seconds = 5 * 60;

/// All credentials, by access key id.
#[derive(Debug, Default)]
pub struct Accounts {
    credentials: HashMap<String, Credentials>,
}

/// One set of credentials and its owner.
#[derive(Clone, Debug)]
pub struct Credentials {
    secret_access_key: String,
    session_token: Option<String>,
    expires_at: Option<Seconds>,
    /// Whether the stand-in issued them.
    issued: bool,
    /// The caller's ARN.
    pub arn: String,
    /// The caller's unique id.
    pub user_id: String,
    /// The role, for a session of one.
    pub role: Option<String>,
}

impl Credentials {
    /// The account's number.
    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }
}

impl Accounts {
    /// The accounts with the configured credentials.
    pub fn new(configuration: &Configuration) -> Self {
        let mut accounts = Self::default();
        for user in &configuration.users {
            let credentials = Credentials {
                secret_access_key: user.secret_access_key.clone(),
                session_token: user.session_token.clone(),
                expires_at: user.expires_at,
                issued: false,
                arn: user.arn.clone(),
                user_id: user.user_id.clone(),
                role: role_of_session(&user.arn),
            };
            accounts
                .credentials
                .insert(user.access_key_id.clone(), credentials);
        }
        accounts
    }

    /// Every secret key and session token.
    pub fn secrets(&self) -> Vec<String> {
        let all = self.credentials.values();
        let texts = all.flat_map(|credentials| {
            let token = credentials.session_token.clone();
            [Some(credentials.secret_access_key.clone()), token]
        });
        texts.flatten().collect()
    }

    /// Revokes credentials.
    pub fn revoke(&mut self, access_key_id: &str) {
        self.credentials.remove(access_key_id);
    }

    /// Revokes every issued session, and returns their number.
    pub fn revoke_sessions(&mut self) -> usize {
        let before = self.credentials.len();
        self.credentials
            .retain(|_, credentials| !credentials.issued);
        before - self.credentials.len()
    }

    /// Issues credentials for a session of a role.
    pub fn issue(
        &mut self,
        role: &Role,
        session_name: &str,
        expires_at: Seconds,
        token_length: usize,
    ) -> Assumed {
        let arn = session_arn(&role.arn, session_name);
        let assumed = Assumed {
            access_key_id: access_key_id(&arn),
            secret_access_key: random_base64(40),
            session_token: random_base64(token_length),
            expires_at,
            user_id: format!("{}:{session_name}", role.id),
            arn: arn.clone(),
            extra: Vec::new(),
        };
        let credentials = Credentials {
            secret_access_key: assumed.secret_access_key.clone(),
            session_token: Some(assumed.session_token.clone()),
            expires_at: Some(expires_at),
            issued: true,
            user_id: assumed.user_id.clone(),
            role: Some(role.arn.clone()),
            arn,
        };
        self.credentials
            .insert(assumed.access_key_id.clone(), credentials);
        assumed
    }

    /// Returns the caller of a request; checks signature, dates, scope and session token.
    pub fn authenticate(
        &self,
        request: &Request,
        regions: &[String],
        now: Seconds,
    ) -> Result<Credentials, StsError> {
        let signed = Signed::read(request).map_err(error)?;
        check_scope(&signed, request, regions)?;
        check_date(&signed, now)?;
        let invalid = || {
            StsError::new(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            )
        };
        let credentials = self
            .credentials
            .get(&signed.access_key_id)
            .ok_or_else(invalid)?;
        signed
            .verify(request, &credentials.secret_access_key)
            .map_err(error)?;
        if signed.session_token != credentials.session_token {
            return Err(invalid());
        }
        if credentials.expires_at.is_some_and(|end| now >= end) {
            return Err(StsError::new(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ));
        }
        Ok(credentials.clone())
    }
}

fn check_scope(signed: &Signed, request: &Request, regions: &[String]) -> Result<(), StsError> {
    let mismatch = |message: String| Err(StsError::new(403, "SignatureDoesNotMatch", message));
    if signed.service != "sts" {
        return mismatch("Credential should be scoped to correct service: 'sts'.".to_owned());
    }
    let host = request.header("host").unwrap_or_default();
    let labels: Vec<_> = host.split('.').collect();
    let host_region = match labels.as_slice() {
        ["sts", "amazonaws", "com"] => Some("us-east-1"),
        ["sts" | "sts-fips", region, _, _, ..] => Some(*region),
        _ => None,
    };
    if let Some(region) = host_region.filter(|region| *region != signed.region) {
        return mismatch(format!(
            "Credential should be scoped to a valid region, not '{region}'."
        ));
    }
    if !regions.is_empty() && !regions.contains(&signed.region) {
        return Err(StsError::new(
            403,
            "RegionDisabledException",
            format!("STS is not activated in this region: {}", signed.region),
        ));
    }
    Ok(())
}

fn check_date(signed: &Signed, now: Seconds) -> Result<(), StsError> {
    let date = timestamp::compact(signed.signed_at);
    let compared = if now > signed.signed_at + MAXIMUM_AGE {
        let earliest = timestamp::compact(now - MAXIMUM_AGE);
        format!("Signature expired: {date} is now earlier than {earliest}")
    } else if signed.signed_at > now + MAXIMUM_AHEAD {
        let latest = timestamp::compact(now + MAXIMUM_AHEAD);
        format!("Signature not yet current: {date} is still later than {latest}")
    } else {
        return Ok(());
    };
    let message = format!("{compared} (server time {})", timestamp::compact(now));
    Err(StsError::new(403, "SignatureDoesNotMatch", message))
}

fn error(problem: Problem) -> StsError {
    match problem {
        Problem::Missing => StsError::new(
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Problem::Incomplete(what) => StsError::new(400, "IncompleteSignature", what),
        Problem::Mismatch(_) => StsError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
    }
}

/// Whether a role's trust policy allows this caller.
pub fn trusts(role: &Role, caller: &Credentials, external_id: Option<&str>) -> bool {
    let root = format!(
        "arn:{}:iam::{}:root",
        partition(&caller.arn),
        caller.account()
    );
    role.trust.iter().any(|statement| match statement {
        Trust::WebIdentity { .. } => false,
        Trust::Caller {
            arn,
            external_id: required,
        } => {
            let is_principal =
                *arn == caller.arn || Some(arn) == caller.role.as_ref() || *arn == root;
            is_principal && (required.is_none() || required.as_deref() == external_id)
        }
    })
}

fn partition(arn: &str) -> &str {
    arn.split(':').nth(1).unwrap_or_default()
}

/// For `arn:P:iam::A:role/path/R` and `S`: `arn:P:sts::A:assumed-role/R/S`.
fn session_arn(role: &str, session_name: &str) -> String {
    let account = role.split(':').nth(4).unwrap_or_default();
    let name = role.rsplit('/').next().unwrap_or_default();
    format!(
        "arn:{}:sts::{account}:assumed-role/{name}/{session_name}",
        partition(role)
    )
}

/// The role of an `assumed-role` ARN.
fn role_of_session(arn: &str) -> Option<String> {
    let (_, session) = arn.split_once(":assumed-role/")?;
    let (role, _) = session.split_once('/')?;
    let account = arn.split(':').nth(4)?;
    Some(format!("arn:{}:iam::{account}:role/{role}", partition(arn)))
}

/// A new ID, which contains the account of the ARN in Base32: 40 bits after the first one.
fn access_key_id(arn: &str) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let account = arn
        .split(':')
        .nth(4)
        .and_then(|account| account.parse().ok());
    let bits = 1 << 44 | account.unwrap_or(0_u64) << 4;
    let digits = (0..9)
        .rev()
        .map(|digit| char::from(DIGITS[usize::try_from(bits >> (5 * digit) & 31).unwrap_or(0)]));
    let rest = random(7, |byte| DIGITS[byte & 31]);
    format!("ASIA{}{rest}", digits.collect::<String>())
}

fn random(length: usize, character: impl Fn(usize) -> u8) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("random bytes");
    let characters = bytes
        .iter()
        .map(|byte| char::from(character(usize::from(*byte))));
    characters.collect()
}

/// Random Base64 of this length, whose `+` and `/` reveal a client that does not encode them, with the
/// [`MARKER`] of secrets.
fn random_base64(length: usize) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("random bytes");
    let mut text = base64::encode_standard(&bytes);
    text.truncate(length);
    text.replace_range(4..4 + MARKER.len(), MARKER);
    text
}
