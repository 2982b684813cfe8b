//! The three actions, with the limits of STS's model.

use encodings::percent;
use encodings::timestamp::Seconds;

use super::State;
use super::accounts;
use super::answer::{Answer, Assumed, Refusal};
use super::configuration::Role;
use super::web_identity;
use crate::http::Request;

/// The longest session of a role that was assumed by a session of another role, in seconds.
const CHAINED: Seconds = 3600;

/// The parameters of a request: the form of a POST, the query of a GET.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them. A name that occurs twice is refused, where STS would take one of the two.
    pub(super) fn read(request: &Request) -> Result<Self, Refusal> {
        let malformed =
            || Refusal::new(400, "MalformedQueryString", "The query string is malformed");
        let text = match request.method.as_str() {
            "GET" if request.body.is_empty() => request.query(),
            "POST" => {
                let content_type = request.header("content-type").unwrap_or_default();
                let kind = content_type.split(';').next().unwrap_or_default();
                if kind.trim() != "application/x-www-form-urlencoded" {
                    return Err(Refusal::validation(format!(
                        "the stand-in reads forms, not `{content_type}`"
                    )));
                }
                if !request.query().is_empty() {
                    return Err(Refusal::validation("a POST has its parameters in the body"));
                }
                std::str::from_utf8(&request.body).map_err(|_| malformed())?
            }
            method => {
                return Err(Refusal::validation(format!(
                    "the stand-in does not serve {method}"
                )));
            }
        };
        if request.path() != "/" {
            return Err(Refusal::new(404, "InvalidPath", "STS has the path / alone"));
        }
        let pairs = percent::pairs(text).ok_or_else(malformed)?;
        for (position, (name, _)) in pairs.iter().enumerate() {
            if pairs[..position].iter().any(|(other, _)| other == name) {
                return Err(Refusal::validation(format!(
                    "the parameter {name} occurs twice"
                )));
            }
        }
        Ok(Self(pairs))
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            let name = name[..1].to_lowercase() + &name[1..];
            Refusal::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ))
        })
    }

    /// Refuses parameters that the action does not have: STS would ignore a misspelt one.
    fn only(&self, names: &[&str]) -> Result<(), Refusal> {
        let known = |name: &str| {
            ["Action", "Version"].contains(&name)
                || name.starts_with("X-Amz-")
                || names.iter().any(|known| match known.strip_suffix('*') {
                    Some(start) => name.starts_with(start),
                    None => name == *known,
                })
        };
        match self.0.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(Refusal::validation(format!("unknown parameter {name}"))),
            None => Ok(()),
        }
    }
}

/// Runs the action that the parameters name.
pub(super) fn run(
    state: &mut State,
    request: &Request,
    parameters: &Parameters,
    now: Seconds,
) -> Result<Answer, Refusal> {
    let action = parameters.get("Action");
    let version = parameters.get("Version");
    let invalid = |what: String| Err(Refusal::new(400, "InvalidAction", what));
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
) -> Result<Answer, Refusal> {
    parameters.only(&[
        "DurationSeconds",
        "PolicyArns.member.*",
        "RoleArn",
        "RoleSessionName",
        "WebIdentityToken",
    ])?;
    let signed = ["authorization", "x-amz-security-token"];
    if signed.iter().any(|name| request.header(name).is_some()) {
        return Err(Refusal::validation(
            "AssumeRoleWithWebIdentity is not to be signed",
        ));
    }
    let (role_arn, session_name, duration) = check_session(parameters)?;
    check_policies(parameters)?;
    let token = parameters.required("WebIdentityToken")?;
    if !(4..=20_000).contains(&token.len()) {
        return Err(Refusal::constraint(
            "…",
            "webIdentityToken",
            "have length between 4 and 20000",
        ));
    }
    let identity = web_identity::verify(token, &state.configuration.providers, now)?;
    let role = state.role(role_arn);
    let role = role.filter(|role| web_identity::trusts(role, &identity));
    let Some(role) = role else {
        return Err(Refusal::new(
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ));
    };
    check_maximum(&role, duration)?;
    let mut assumed = issue(state, &role, session_name, duration, now);
    assumed.more = vec![
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
) -> Result<Answer, Refusal> {
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
        return Err(Refusal::constraint(
            id,
            "externalId",
            "satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
        ));
    }
    let role = state.role(role_arn);
    let role = role.filter(|role| accounts::trusts(role, &caller, external_id));
    let Some(role) = role else {
        let arn = &caller.arn;
        return Err(Refusal::new(
            403,
            "AccessDenied",
            format!(
                "User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            ),
        ));
    };
    if caller.role.is_some() && duration > CHAINED {
        return Err(Refusal::validation(
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

/// Role, session name and duration in seconds, within the limits of the model.
fn check_session(parameters: &Parameters) -> Result<(&str, &str, Seconds), Refusal> {
    let role = parameters.required("RoleArn")?;
    if !(20..=2048).contains(&role.chars().count()) {
        return Err(Refusal::constraint(
            role,
            "roleArn",
            "have length greater than or equal to 20",
        ));
    }
    if !(role.starts_with("arn:") && role.contains(":role/")) {
        return Err(Refusal::validation(format!("{role} is invalid")));
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
        return Err(Refusal::constraint(name, "roleSessionName", constraint));
    }
    let duration = parameters.get("DurationSeconds").unwrap_or("3600");
    let constraint = match duration.parse::<Seconds>() {
        Ok(..900) => "have value greater than or equal to 900",
        Ok(43_201..) => "have value less than or equal to 43200",
        Ok(seconds) => return Ok((role, name, seconds)),
        Err(_) => "be a number",
    };
    Err(Refusal::constraint(duration, "durationSeconds", constraint))
}

fn check_maximum(role: &Role, duration: Seconds) -> Result<(), Refusal> {
    if duration > role.max_session_duration {
        return Err(Refusal::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(())
}

/// `PolicyArns.member.1.arn` and so on: up to ten, numbered without gaps.
fn check_policies(parameters: &Parameters) -> Result<(), Refusal> {
    let mut given: Vec<_> = parameters
        .all()
        .iter()
        .filter(|(name, _)| name.starts_with("PolicyArns."))
        .map(|(name, _)| name.clone())
        .collect();
    let mut wanted: Vec<_> = (1..=given.len())
        .map(|number| format!("PolicyArns.member.{number}.arn"))
        .collect();
    given.sort();
    wanted.sort();
    if given != wanted {
        return Err(Refusal::validation(format!(
            "malformed policy parameters: {given:?}"
        )));
    }
    if given.len() > 10 {
        return Err(Refusal::constraint(
            "…",
            "policyArns",
            "have length less than or equal to 10",
        ));
    }
    for name in &given {
        let arn = parameters.get(name).unwrap_or_default();
        if !(arn.len() >= 20 && arn.starts_with("arn:") && arn.contains(":policy/")) {
            return Err(Refusal::validation(format!("{arn} is invalid")));
        }
    }
    Ok(())
}

/// Letters, digits and these.
fn is_made_of(text: &str, more: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

fn provider_arn(role: &Role, issuer: &str) -> String {
    let (start, _) = role.arn.split_once(":role/").unwrap_or_default();
    let issuer = issuer.strip_prefix("https://").unwrap_or(issuer);
    format!("{start}:oidc-provider/{issuer}")
}
