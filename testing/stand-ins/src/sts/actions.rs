//! The three actions, with the limits of STS's API model.

use encodings::percent;
use encodings::timestamp::Seconds;

use super::State;
use super::accounts;
use super::answer::{Answer, Assumed, StsError};
use super::configuration::Role;
use super::web_identity;
use crate::http::Request;

/// The maximum duration of a session under role chaining, in seconds.
const MAXIMUM_CHAINED_DURATION: Seconds = 3600;

/// The parameters in the form of a POST or in the query of a GET.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the parameters. Rejects repeated names, of which STS would ignore one.
    pub(super) fn read(request: &Request) -> Result<Self, StsError> {
        let malformed =
            || StsError::new(400, "MalformedQueryString", "The query string is malformed");
        let text = match request.method.as_str() {
            "GET" if request.body.is_empty() => request.query(),
            "POST" => {
                let content_type = request.header("content-type").unwrap_or_default();
                let kind = content_type.split(';').next().unwrap_or_default();
                if kind.trim() != "application/x-www-form-urlencoded" {
                    return Err(StsError::validation(format!(
                        "the stand-in supports forms only, not `{content_type}`"
                    )));
                }
                if !request.query().is_empty() {
                    return Err(StsError::validation(
                        "a POST must have its parameters in the body",
                    ));
                }
                std::str::from_utf8(&request.body).map_err(|_| malformed())?
            }
            method => {
                return Err(StsError::validation(format!(
                    "the stand-in does not support {method}"
                )));
            }
        };
        if request.path() != "/" {
            return Err(StsError::new(
                404,
                "InvalidPath",
                "the only path of STS is /",
            ));
        }
        let pairs = percent::pairs(text).ok_or_else(malformed)?;
        for (position, (name, _)) in pairs.iter().enumerate() {
            if pairs[..position].iter().any(|(other, _)| other == name) {
                return Err(StsError::validation(format!(
                    "the parameter {name} occurs twice"
                )));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    fn required(&self, name: &str) -> Result<&str, StsError> {
        self.get(name).ok_or_else(|| {
            let name = name[..1].to_lowercase() + &name[1..];
            StsError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ))
        })
    }

    /// Rejects other parameters. STS would ignore them, and so hide a misspelled name.
    fn only(&self, names: &[&str]) -> Result<(), StsError> {
        let known = |name: &str| {
            ["Action", "Version"].contains(&name)
                || name.starts_with("X-Amz-")
                || names.iter().any(|known| match known.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => name == *known,
                })
        };
        match self.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(StsError::validation(format!("unknown parameter {name}"))),
            None => Ok(()),
        }
    }
}

/// Runs the action of a request.
pub(super) fn run(
    state: &mut State,
    request: &Request,
    parameters: &Parameters,
    now: Seconds,
) -> Result<Answer, StsError> {
    let action = parameters.get("Action");
    let version = parameters.get("Version");
    let invalid = |what: String| Err(StsError::new(400, "InvalidAction", what));
    match (action, version, request.method.as_str()) {
        (_, version, _) if version != Some("2011-06-15") => {
            invalid(format!("Could not find version {version:?}"))
        }
        (Some("AssumeRoleWithWebIdentity"), _, "POST") => {
            assume_role_with_web_identity(state, request, parameters, now)
        }
        (Some("AssumeRole"), _, "POST") => assume_role(state, request, parameters, now),
        (Some("GetCallerIdentity"), ..) => {
            parameters.only(&[])?;
            let regions = &state.configuration.regions;
            let caller = state.accounts.authenticate(request, regions, now)?;
            Ok(Answer::Identity {
                account: caller.account().to_owned(),
                arn: caller.arn,
                user_id: caller.user_id,
            })
        }
        (action, ..) => invalid(format!("Could not find operation {action:?}")),
    }
}

fn assume_role_with_web_identity(
    state: &mut State,
    request: &Request,
    parameters: &Parameters,
    now: Seconds,
) -> Result<Answer, StsError> {
    parameters.only(&[
        "DurationSeconds",
        "PolicyArns.member.*",
        "RoleArn",
        "RoleSessionName",
        "WebIdentityToken",
    ])?;
    let signed = ["authorization", "x-amz-security-token"];
    if signed.iter().any(|name| request.header(name).is_some()) {
        return Err(StsError::validation(
            "AssumeRoleWithWebIdentity must not be signed",
        ));
    }
    let (role_arn, session_name, duration) = check_session(parameters)?;
    check_policies(parameters)?;
    let token = parameters.required("WebIdentityToken")?;
    if !(4..=20_000).contains(&token.len()) {
        return Err(StsError::constraint(
            "…",
            "webIdentityToken",
            "have length between 4 and 20000",
        ));
    }
    let identity = web_identity::verify(token, &state.configuration.providers, now)?;
    let role = state.role(role_arn);
    let role = role.filter(|role| web_identity::trusts(role, &identity));
    let Some(role) = role else {
        return Err(StsError::new(
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ));
    };
    check_maximum(&role, duration)?;
    let mut assumed = issue(state, &role, session_name, duration, now);
    assumed.extra = vec![
        ("Provider", provider_arn(&role, &identity.issuer)),
        ("Audience", identity.audience),
        ("SubjectFromWebIdentityToken", identity.subject),
    ];
    Ok(Answer::Assumed(assumed))
}

fn assume_role(
    state: &mut State,
    request: &Request,
    parameters: &Parameters,
    now: Seconds,
) -> Result<Answer, StsError> {
    parameters.only(&[
        "DurationSeconds",
        "ExternalId",
        "PolicyArns.member.*",
        "RoleArn",
        "RoleSessionName",
    ])?;
    let regions = &state.configuration.regions;
    let caller = state.accounts.authenticate(request, regions, now)?;
    let (role_arn, session_name, duration) = check_session(parameters)?;
    check_policies(parameters)?;
    let external_id = parameters.get("ExternalId");
    if let Some(id) = external_id
        && !((2..=1224).contains(&id.len()) && is_made_of(id, "+=,.@:/-_"))
    {
        return Err(StsError::constraint(
            id,
            "externalId",
            "satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
        ));
    }
    let role = state.role(role_arn);
    let role = role.filter(|role| accounts::trusts(role, &caller, external_id));
    let Some(role) = role else {
        let arn = &caller.arn;
        return Err(StsError::new(
            403,
            "AccessDenied",
            format!(
                "User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            ),
        ));
    };
    if caller.role.is_some() && duration > MAXIMUM_CHAINED_DURATION {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining",
        ));
    }
    check_maximum(&role, duration)?;
    let assumed = issue(state, &role, session_name, duration, now);
    Ok(Answer::Assumed(assumed))
}

fn issue(
    state: &mut State,
    role: &Role,
    session_name: &str,
    duration: Seconds,
    now: Seconds,
) -> Assumed {
    let lifetime = state.configuration.lifetime.unwrap_or(duration);
    let length = match state.configuration.session_token_length {
        0 => 400,
        length => length,
    };
    let expires_at = now + lifetime;
    state.accounts.issue(role, session_name, expires_at, length)
}

/// Returns the role, the session name and the duration in seconds; checks the model's limits.
fn check_session(parameters: &Parameters) -> Result<(&str, &str, Seconds), StsError> {
    let role = parameters.required("RoleArn")?;
    if !(20..=2048).contains(&role.chars().count()) {
        return Err(StsError::constraint(
            role,
            "roleArn",
            "have length greater than or equal to 20",
        ));
    }
    if !(role.starts_with("arn:") && role.contains(":role/")) {
        return Err(StsError::validation(format!("{role} is invalid")));
    }
    let name = parameters.required("RoleSessionName")?;
    let constraint = match name.chars().count() {
        0 | 1 => Some("have length greater than or equal to 2"),
        65.. => Some("have length less than or equal to 64"),
        _ if !is_made_of(name, "+=,.@-_") => {
            Some("satisfy regular expression pattern: [\\w+=,.@-]*")
        }
        _ => None,
    };
    if let Some(constraint) = constraint {
        return Err(StsError::constraint(name, "roleSessionName", constraint));
    }
    let duration = parameters.get("DurationSeconds").unwrap_or("3600");
    let constraint = match duration.parse::<Seconds>() {
        Ok(..900) => "have value greater than or equal to 900",
        Ok(43_201..) => "have value less than or equal to 43200",
        Ok(seconds) => return Ok((role, name, seconds)),
        Err(_) => "be a number",
    };
    Err(StsError::constraint(
        duration,
        "durationSeconds",
        constraint,
    ))
}

fn check_maximum(role: &Role, duration: Seconds) -> Result<(), StsError> {
    if duration > role.max_session_duration {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// `PolicyArns.member.1.arn` and so on: up to ten, numbered without gaps.
fn check_policies(parameters: &Parameters) -> Result<(), StsError> {
    let mut names: Vec<_> = parameters
        .all()
        .iter()
        .filter(|(name, _)| name.starts_with("PolicyArns."))
        .map(|(name, _)| name.clone())
        .collect();
    let mut expected: Vec<_> = (1..=names.len())
        .map(|number| format!("PolicyArns.member.{number}.arn"))
        .collect();
    names.sort();
    expected.sort();
    if names != expected {
        return Err(StsError::validation(format!(
            "malformed policy parameters: {names:?}"
        )));
    }
    if names.len() > 10 {
        return Err(StsError::constraint(
            "…",
            "policyArns",
            "have length less than or equal to 10",
        ));
    }
    for name in &names {
        let arn = parameters.get(name).unwrap_or_default();
        if !(arn.len() >= 20 && arn.starts_with("arn:") && arn.contains(":policy/")) {
            return Err(StsError::validation(format!("{arn} is invalid")));
        }
    }
    Ok(())
}

/// Whether the text has only letters, digits and these characters.
fn is_made_of(text: &str, extra: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

fn provider_arn(role: &Role, issuer: &str) -> String {
    let (start, _) = role.arn.split_once(":role/").unwrap_or_default();
    let issuer = issuer.strip_prefix("https://").unwrap_or(issuer);
    format!("{start}:oidc-provider/{issuer}")
}
