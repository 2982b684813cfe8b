//! Who an access token belongs to.

use std::fmt;

use crate::error::Result;
use crate::pulumi_cloud::client::Cloud;
use crate::pulumi_cloud::name::Organization;
use esc::{Data, Value};

/// Who a token belongs to.
pub(super) struct User {
    pub(super) login: String,
    token_organization: Option<String>,
    token_team: Option<String>,
    pub(super) organizations: Vec<String>,
}

/// "the user `alice`", "the token of the team `platform` in `acme`".
impl fmt::Display for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.token_organization, &self.token_team) {
            (Some(organization), Some(team)) => {
                write!(formatter, "the team `{team}` of `{organization}`")
            }
            (Some(organization), None) => write!(formatter, "the organisation `{organization}`"),
            _ => write!(formatter, "the user `{}`", self.login),
        }
    }
}

impl User {
    /// What to do where something in `organization` was not found, if that is none of the user's.
    pub(super) fn membership_hint(&self, organization: &Organization) -> Option<String> {
        let theirs = &self.organizations;
        if theirs.is_empty() || theirs.iter().any(|it| it == organization.as_str()) {
            return None;
        }
        let theirs: Vec<_> = theirs.iter().map(|name| format!("`{name}`")).collect();
        Some(format!(
            "check the organisation: `{}` is a member of {}, not of `{organization}`",
            self.login,
            theirs.join(", ")
        ))
    }
}

impl Cloud<'_> {
    /// Who was refused, in words.
    pub(super) fn whom(&self, user: Option<&User>) -> String {
        let origin = &self.account.origin;
        user.map_or_else(
            || format!("the access token from {origin}"),
            |user| format!("{user} (access token from {origin})"),
        )
    }

    /// Who the token belongs to. One more request: only after a denial, and where the organisation
    /// is not known otherwise.
    pub(super) fn user(&self) -> Result<User> {
        let answer = self.get("who the token belongs to", "/api/user")?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        let json = self.json(&answer)?;
        let text = |value: &Value, name: &str| -> Option<String> {
            let text = value.property(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let token = json.property("tokenInfo");
        let organizations = match json.property("organizations").map(|list| &list.data) {
            Some(Data::Array(items)) => items
                .iter()
                .filter_map(|item| text(item, "githubLogin"))
                .collect(),
            _ => Vec::new(),
        };
        Ok(User {
            login: text(&json, "githubLogin").ok_or_else(|| self.unexpected("it names no user"))?,
            token_organization: token.and_then(|token| text(token, "organization")),
            token_team: token.and_then(|token| text(token, "team")),
            organizations,
        })
    }
}
