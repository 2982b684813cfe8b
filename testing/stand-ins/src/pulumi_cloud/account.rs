//! The owners of tokens, and their access.

use encodings::timestamp::Seconds;
use serde_json::json;

use super::configuration::{Environment, Owner};
use super::state::{Answer, ApiError, Outcome, State};
use crate::http::Request;

/// The caller.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    /// The user's login, or the organization of a machine token.
    pub(super) login: String,
    pub(super) owner: Owner,
    pub(super) token_name: String,
    organizations: Vec<String>,
}

/// Finds the owner of the token.
pub(super) fn authenticate(
    state: &State,
    request: &Request,
    now: Seconds,
) -> Result<Principal, ApiError> {
    let header = request.header("authorization");
    let text = header.and_then(|header| header.strip_prefix("token "));
    let text = text.ok_or_else(ApiError::unauthorized)?;
    let mut tokens = state.configuration.tokens.iter();
    let token = tokens
        .find(|token| token.text == text)
        .filter(|token| !token.revoked && token.expires_at.is_none_or(|end| now < end))
        .ok_or_else(ApiError::unauthorized)?;
    let (login, organizations) = match &token.owner {
        Owner::Personal(login) => {
            let mut users = state.configuration.users.iter();
            let user = users
                .find(|user| user.login == *login)
                .ok_or_else(ApiError::unauthorized)?;
            let mut organizations = vec![login.clone()];
            organizations.extend(user.organizations.iter().cloned());
            (login.clone(), organizations)
        }
        Owner::Organization(organization) | Owner::Team { organization, .. } => {
            (organization.clone(), vec![organization.clone()])
        }
    };
    Ok(Principal {
        login,
        owner: token.owner.clone(),
        token_name: token.name.clone(),
        organizations,
    })
}

impl Principal {
    /// Whether the caller belongs to this organization.
    pub(super) fn belongs_to(&self, organization: &str) -> bool {
        self.organizations.iter().any(|own| own == organization)
    }

    /// Whether the caller has access to an environment.
    pub(super) fn may_use(&self, environment: &Environment) -> bool {
        let is_member = |member: &String| match &self.owner {
            Owner::Personal(login) => member == login,
            Owner::Organization(_) => true,
            Owner::Team { team, .. } => member.strip_prefix("team:") == Some(team),
        };
        self.belongs_to(&environment.organization)
            && environment
                .members
                .as_ref()
                .is_none_or(|members| members.iter().any(is_member))
    }

    /// `context.pulumi.token.type`.
    pub(super) fn token_type(&self) -> &'static str {
        match self.owner {
            Owner::Personal(_) => "personal",
            Owner::Organization(_) => "organization",
            Owner::Team { .. } => "team",
        }
    }

    /// The team of a team token.
    pub(super) fn team(&self) -> Option<&str> {
        match &self.owner {
            Owner::Team { team, .. } => Some(team),
            _ => None,
        }
    }
}

/// `GET /api/user`.
pub(super) fn current_user(principal: &Principal) -> Answer {
    let organizations: Vec<_> = principal
        .organizations
        .iter()
        .map(
            |login| json!({"githubLogin": login, "name": login, "avatarUrl": "", "role": "member"}),
        )
        .collect();
    let mut user = json!({
        "id": format!("user-{}", principal.login),
        "githubLogin": principal.login,
        "name": principal.login,
        "email": format!("{}@example.com", principal.login),
        "avatarUrl": "",
        "hasMFA": false,
        "isManagedByMultiOrg": false,
        "isOrgManaged": false,
        "identities": ["Pulumi"],
        "organizations": organizations,
    });
    if let Owner::Organization(organization) | Owner::Team { organization, .. } = &principal.owner {
        user["tokenInfo"] = json!({
            "name": principal.token_name,
            "organization": organization,
            "team": principal.team().unwrap_or_default(),
        });
    }
    Answer::json(&user.into())
}

/// `GET /api/user/organizations/default`.
pub(super) fn default_organization(state: &State, principal: &Principal) -> Outcome {
    let mut users = state.configuration.users.iter();
    let user = users.find(|user| Owner::Personal(user.login.clone()) == principal.owner);
    let organization = user
        .and_then(|user| user.default_organization.as_ref())
        .ok_or_else(|| ApiError::not_found("default organization"))?;
    let body = json!({"GitHubLogin": organization, "Messages": []});
    Ok(Answer::json(&body.into()))
}
