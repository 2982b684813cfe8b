//! The user, team or organization that an access token belongs to.

use std::fmt;

use crate::pulumi_cloud::access_token_source::AccessTokenSource;
use crate::pulumi_cloud::environment_name::Organization;
use esc::{Data, Value};

/// Longer names are ignored, in bytes. Pulumi Cloud's have up to 40.
const MAX_NAME_BYTES: usize = 100;

/// How many organizations are shown.
const MAX_SHOWN: usize = 10;

/// The owner of an access token.
pub(super) struct User {
    pub(super) login: String,
    token_organization: Option<String>,
    token_team: Option<String>,
    organizations: Vec<String>,
}

impl User {
    /// Reads the response of `GET /api/user`; `None` if it has no user name.
    pub(super) fn read(response: &Value) -> Option<Self> {
        let text = |value: &Value, name: &str| -> Option<String> {
            let text = value.property(name)?.as_str()?;
            let is_name = (1..=MAX_NAME_BYTES).contains(&text.len());
            is_name.then(|| text.to_owned())
        };
        let token = response.property("tokenInfo");
        let organizations = match response.property("organizations").map(|list| &list.data) {
            Some(Data::Array(items)) => items
                .iter()
                .filter_map(|item| text(item, "githubLogin"))
                .collect(),
            _ => Vec::new(),
        };
        Some(Self {
            login: text(response, "githubLogin")?,
            token_organization: token.and_then(|token| text(token, "organization")),
            token_team: token.and_then(|token| text(token, "team")),
            organizations,
        })
    }
}

/// "the user `alice`", "the team `platform` of `acme`", "the organization `acme`".
impl fmt::Display for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.token_organization, &self.token_team) {
            (Some(organization), Some(team)) => {
                write!(formatter, "the team `{team}` of `{organization}`")
            }
            (Some(organization), None) => write!(formatter, "the organization `{organization}`"),
            _ => write!(formatter, "the user `{}`", self.login),
        }
    }
}

/// Who sent a request, for error messages.
pub(super) struct Caller<'c> {
    /// `None` if it could not be looked up.
    pub(super) user: Option<User>,
    pub(super) token: &'c AccessTokenSource,
}

impl Caller<'_> {
    /// The hint for something that was not found in `organization`, if the user is not a member.
    pub(super) fn membership_hint(&self, organization: &Organization) -> Option<String> {
        let user = self.user.as_ref()?;
        let memberships = &user.organizations;
        if memberships.is_empty() || memberships.iter().any(|name| name == organization.as_str()) {
            return None;
        }
        let shown = memberships.iter().take(MAX_SHOWN);
        let shown: Vec<_> = shown.map(|name| format!("`{name}`")).collect();
        let more = match memberships.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!(
            "check the organization: `{}` is a member of {}{more}, not of `{organization}`",
            user.login,
            shown.join(", ")
        ))
    }
}

impl fmt::Display for Caller<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(formatter, "{user} (access token from {})", self.token),
            None => write!(formatter, "the access token from {}", self.token),
        }
    }
}
