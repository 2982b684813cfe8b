//! What the stand-in for Pulumi Cloud knows at the start: users, tokens, environments, stacks, whom
//! it trusts. Read from JSON by the program; written out by the tests.

use std::collections::BTreeMap;

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

/// The organization of [`Configuration::example`].
pub const ORGANIZATION: &str = "acme";
/// Its user, who is a member of it.
pub const USER: &str = "alice";
/// The personal token of [`USER`].
pub const TOKEN: &str = "pul-0123456789abcdef0123456789abcdef01234567";
/// The organization's own token.
pub const ORGANIZATION_TOKEN: &str = "pul-1111111111111111111111111111111111111111";
/// The token of the team `platform`.
pub const TEAM_TOKEN: &str = "pul-2222222222222222222222222222222222222222";
/// A user who is a member of no organization but her own.
pub const STRANGER: &str = "mallory";
/// The token of [`STRANGER`].
pub const STRANGERS_TOKEN: &str = "pul-3333333333333333333333333333333333333333";

/// What Pulumi Cloud knows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// Who can log in.
    pub users: Vec<User>,
    /// Access tokens.
    pub tokens: Vec<Token>,
    /// Environments, with all their revisions.
    pub environments: Vec<Environment>,
    /// The stacks with their outputs.
    pub stacks: Vec<Stack>,
    /// Whose identity tokens are exchanged for access tokens.
    pub trusts: Vec<Trust>,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct User {
    /// The login name, which is the user's own organization too.
    pub login: String,
    /// Further organizations.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// What the service says is the default organization.
    #[serde(default)]
    pub default_organization: Option<String>,
}

/// An access token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Token {
    /// The token itself, such as `pul-…`.
    pub text: String,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
    /// When it ends.
    #[serde(default)]
    pub expires_at: Option<Seconds>,
    /// Whether it was taken away.
    #[serde(default)]
    pub revoked: bool,
}

/// Whose a token is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Owner {
    /// A user's.
    Personal(String),
    /// An organization's.
    Organization(String),
    /// A team's.
    Team {
        /// The organization.
        organization: String,
        /// The team in it.
        team: String,
    },
}

/// An environment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Environment {
    /// The organization.
    pub organization: String,
    /// The project; `default` for environments without one.
    pub project: String,
    /// The name.
    pub name: String,
    /// The definitions, from revision 1. Secrets stand in them in the clear; they are encrypted
    /// where the service shows them so.
    pub revisions: Vec<String>,
    /// The revisions that tags stand for. `latest` is always there.
    pub tags: BTreeMap<String, usize>,
    /// Whether an approval is needed to open it.
    pub gated: bool,
    /// Whether it cannot be deleted.
    pub deletion_protected: bool,
    /// Who has access, by login or `team:NAME`; none: all of the organization.
    pub members: Option<Vec<String>>,
}

/// A stack.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Stack {
    /// The organization.
    pub organization: String,
    /// `PROJECT/STACK`.
    pub stack: String,
    /// Its outputs.
    pub outputs: BTreeMap<String, Value>,
    /// The names of those outputs that are secrets.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Its export, where that is not what the outputs make of it.
    #[serde(default)]
    pub export: Option<Value>,
}

/// Whose identity tokens are exchanged, and for what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Trust {
    /// The organization that trusts.
    pub organization: String,
    /// The `iss` of the identity token.
    pub issuer: String,
    /// The issuer's keys: a JSON Web Key Set.
    pub jwks: Value,
    /// The `sub` of the identity token; a `*` at the end stands for anything.
    pub subject: String,
    /// The kinds of token that may be asked for: `organization`, `team:NAME`, `personal:LOGIN`.
    pub grants: Vec<String>,
}

impl Configuration {
    /// One organization with a user, a team, tokens of each kind, and an environment
    /// `platform/prod` of three revisions, of which `stable` is the second.
    pub fn example() -> Self {
        let token = |text: &str, name: &str, owner: Owner| Token {
            text: text.to_owned(),
            name: name.to_owned(),
            owner,
            expires_at: None,
            revoked: false,
        };
        let user = |login: &str, organizations: &[&str], default: Option<&str>| User {
            login: login.to_owned(),
            organizations: organizations.iter().map(ToString::to_string).collect(),
            default_organization: default.map(str::to_owned),
        };
        Self {
            users: vec![
                user(USER, &[ORGANIZATION], Some(ORGANIZATION)),
                user(STRANGER, &[], None),
            ],
            tokens: vec![
                token(TOKEN, "laptop", Owner::Personal(USER.to_owned())),
                token(
                    ORGANIZATION_TOKEN,
                    "deployments",
                    Owner::Organization(ORGANIZATION.to_owned()),
                ),
                token(
                    TEAM_TOKEN,
                    "pipelines",
                    Owner::Team {
                        organization: ORGANIZATION.to_owned(),
                        team: "platform".to_owned(),
                    },
                ),
                token(
                    STRANGERS_TOKEN,
                    "laptop",
                    Owner::Personal(STRANGER.to_owned()),
                ),
            ],
            environments: vec![Environment {
                organization: ORGANIZATION.to_owned(),
                project: "platform".to_owned(),
                name: "prod".to_owned(),
                revisions: ["one", "two", "three"].map(example_definition).to_vec(),
                tags: BTreeMap::from([("stable".to_owned(), 2)]),
                ..Environment::default()
            }],
            ..Self::default()
        }
    }

    /// Adds a stack, whose outputs of these names are secrets.
    #[must_use]
    pub fn stack(mut self, stack: &str, outputs: &Value, secrets: &[&str]) -> Self {
        let outputs = outputs.as_object().into_iter().flatten();
        self.stacks.push(Stack {
            organization: ORGANIZATION.to_owned(),
            stack: stack.to_owned(),
            outputs: outputs
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            secrets: secrets.iter().map(ToString::to_string).collect(),
            export: None,
        });
        self
    }

    /// Adds an environment with one revision.
    #[must_use]
    pub fn environment(mut self, project: &str, name: &str, definition: &str) -> Self {
        self.environments.push(Environment {
            organization: ORGANIZATION.to_owned(),
            project: project.to_owned(),
            name: name.to_owned(),
            revisions: vec![definition.to_owned()],
            ..Environment::default()
        });
        self
    }
}

fn example_definition(revision: &str) -> String {
    format!(
        "values:\n  revision: {revision}\n  password:\n    fn::secret: hunter2\n  aws:\n    \
         login:\n      fn::open::aws-login:\n        oidc:\n          duration: 1h\n          \
         roleArn: {}\n          sessionName: pulumi-esc\n  eks:\n    clusterName: prod\n    \
         region: eu-west-1\n",
        crate::sts::configuration::ROLE,
    )
}
