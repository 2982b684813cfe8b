//! The users, tokens, environments, stacks and trusted issuers of the stand-in for Pulumi Cloud. The
//! program reads them from JSON; tests construct them.

use std::collections::BTreeMap;

use encodings::timestamp::Seconds;
use serde::Deserialize;
use serde_json::Value;

/// The organization of [`Configuration::example`].
pub const ORGANIZATION: &str = "acme";
/// A user who is a member of [`ORGANIZATION`].
pub const USER: &str = "alice";
/// The personal token of [`USER`].
pub const TOKEN: &str = "pul-0123456789abcdef0123456789abcdef01234567";
/// The organization token.
pub const ORGANIZATION_TOKEN: &str = "pul-1111111111111111111111111111111111111111";
/// The token of the team `platform`.
pub const TEAM_TOKEN: &str = "pul-2222222222222222222222222222222222222222";
/// A user who is not a member of [`ORGANIZATION`].
pub const STRANGER: &str = "mallory";
/// The token of [`STRANGER`].
pub const STRANGERS_TOKEN: &str = "pul-3333333333333333333333333333333333333333";

/// The data of Pulumi Cloud.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Configuration {
    /// The users.
    pub users: Vec<User>,
    /// The access tokens.
    pub tokens: Vec<Token>,
    /// The environments with all their revisions.
    pub environments: Vec<Environment>,
    /// The stacks with their outputs.
    pub stacks: Vec<Stack>,
    /// The issuers whose identity tokens can be exchanged for access tokens.
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
    /// The default organization.
    #[serde(default)]
    pub default_organization: Option<String>,
}

/// An access token.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Token {
    /// The token itself, such as `pul-…`.
    pub text: String,
    /// The token's name.
    #[serde(default)]
    pub name: String,
    /// The token's owner.
    pub owner: Owner,
    /// When the token expires.
    #[serde(default)]
    pub expires_at: Option<Seconds>,
    /// Whether the token is revoked.
    #[serde(default)]
    pub revoked: bool,
}

/// The owner of a token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub enum Owner {
    /// A user.
    Personal(String),
    /// An organization.
    Organization(String),
    /// A team.
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
    /// The definitions from revision 1, with secrets in plain text. The service encrypts them in its
    /// responses.
    pub revisions: Vec<String>,
    /// The revisions of tags, besides `latest`.
    pub tags: BTreeMap<String, usize>,
    /// Whether opening it needs an approval.
    pub gated: bool,
    /// Whether it cannot be deleted.
    pub deletion_protected: bool,
    /// The logins and teams (`team:NAME`) with access; all of the organization if there is no list.
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
    /// The names of the secret outputs.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// The export, unless it is to be generated from the outputs.
    #[serde(default)]
    pub export: Option<Value>,
}

/// A trusted issuer of identity tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Trust {
    /// The organization that trusts.
    pub organization: String,
    /// The `iss` of the identity token.
    pub issuer: String,
    /// The issuer's keys: a JSON Web Key Set.
    pub jwks: Value,
    /// The `sub` of the identity token; a `*` at the end matches any text.
    pub subject: String,
    /// The access tokens that may be requested: `organization`, `team:NAME`, `personal:LOGIN`.
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

    /// Adds a stack with these outputs, of which `secrets` names the secret ones.
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
