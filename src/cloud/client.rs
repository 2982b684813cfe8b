//! The calls: open, read, check, decrypt, and who asks.

use std::fmt;

use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

use crate::clock::Deadline;
use crate::cloud::account::{Account, Oidc};
use crate::cloud::backend::Backend;
use crate::cloud::failure::{Refusal, not_pulumi_cloud, read_diagnostics};
use crate::cloud::name::{Name, Organization};
use crate::cloud::pulumi_home::PulumiHome;
use crate::cloud::session;
use crate::cloud::transport::{Call, Transport};
use crate::environment::json::{self, Secrets};
use crate::environment::opener::KeyExpiry;
use crate::environment::{
    Checked, Data, Diagnostic, Environment, Opener, Opening, PropertyPath, Sources, Value,
};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{HttpClient, Method, RESERVED, Response};
use crate::journal::Journal;
use crate::secret::Secret;

/// How long a session can be read, which providers get to see as `context.pulumi.openDuration`:
/// what the original CLI asks for, so that they do the same for us.
const SESSION: &str = "duration=2h0m0s";

/// How deep an answer other than a session may nest.
const NESTING: usize = 128;

/// The longest id of a session, in characters.
const LONGEST_ID: usize = 1_000;

/// What a login needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The organisation of names that have none: `--organization` or
    /// `PULUMI_DEFAULT_ORGANIZATION`.
    pub organization: Option<Organization>,
    /// The exchange of an identity token.
    pub oidc: Oidc,
    /// When everything has to be over.
    pub deadline: Deadline,
}

/// Pulumi Cloud, logged in.
pub struct Cloud<'a> {
    transport: Transport<'a>,
    account: Account,
    /// The organisation that the settings or the CLI's configuration name.
    default: Option<Organization>,
}

impl<'a> Cloud<'a> {
    /// Finds the backend and an access token. `organization` is that of the environment, where its
    /// name says it: an exchange of an identity token asks for a token of this organisation.
    pub fn log_in(
        host: &Host,
        http: &HttpClient,
        settings: &Settings,
        organization: Option<&Organization>,
        journal: &'a Journal<'a>,
    ) -> Result<Self> {
        let home = PulumiHome::new(host, settings.deadline);
        let backend = Backend::find(host, &home)?;
        let default = match (organization, &settings.organization) {
            // Where the name says it, nothing else has to be read.
            (Some(_), default) => default.clone(),
            (None, Some(default)) => Some(default.clone()),
            (None, None) => {
                let configured = home.default_organization(&backend.url)?;
                let origin = "`defaultOrg` in the Pulumi CLI's `config.json`";
                let configured = configured.map(|name| Organization::parse(&name, origin));
                configured.transpose()?
            }
        };
        let transport = Transport {
            http: http.clone(),
            backend,
            deadline: settings.deadline,
            journal,
        };
        let account = Account::find(
            &transport,
            &home,
            &settings.oidc,
            organization.or(default.as_ref()),
        )?;
        journal.detail(format_args!(
            "logged in to `{}` with the access token from {}",
            transport.backend.url, account.origin
        ));
        Ok(Self {
            transport,
            account,
            default,
        })
    }

    /// A stored environment. Asks for the organisation where neither the name nor a setting says it.
    pub fn stored(&self, name: &Name) -> Result<Stored<'_>> {
        let organization = match &name.organization {
            Some(organization) => Organization::parse(organization, "the environment")?,
            None => self.organization()?,
        };
        Ok(Stored {
            cloud: self,
            name: name.clone(),
            organization,
        })
    }

    /// A definition that is not stored, to be evaluated in Pulumi Cloud. `shown_as` is what a person
    /// calls it.
    pub fn anonymous(
        &self,
        definition: Zeroizing<String>,
        shown_as: impl Into<String>,
    ) -> Result<Anonymous<'_>> {
        Ok(Anonymous {
            cloud: self,
            organization: self.organization()?,
            definition,
            shown_as: shown_as.into(),
        })
    }

    /// The organisation of names that have none: that of the settings, of the CLI's configuration,
    /// of the server; else the user's own.
    fn organization(&self) -> Result<Organization> {
        if let Some(organization) = &self.default {
            return Ok(organization.clone());
        }
        let answer = self.get(
            "the default organisation",
            "/api/user/organizations/default",
        )?;
        let named = match answer.status {
            200 => {
                let json = self.json(&answer)?;
                // The API's description and its implementation differ in the first letter.
                let name = ["gitHubLogin", "GitHubLogin"]
                    .iter()
                    .find_map(|name| json.property(name)?.as_str());
                name.filter(|name| !name.is_empty()).map(str::to_owned)
            }
            // The user is in no organisation, or the server is too old to know of it.
            400 | 404 => None,
            _ => return Err(self.refused(&answer)),
        };
        let name = match named.or_else(|| self.account.username.clone()) {
            Some(name) => name,
            None => self.user()?.login,
        };
        let origin = format!("`{}`", self.transport.backend.host());
        let organization = Organization::parse(&name, origin)?;
        self.transport
            .journal
            .step(format_args!("the organisation is `{organization}`"));
        Ok(organization)
    }

    /// Opens a session and reads it. `open` is the path to post to, `read` the one below which the
    /// session is read; `explain` words a denial.
    fn open(
        &self,
        open: &str,
        read: &str,
        definition: &[u8],
        explain: impl Fn(&Refusal) -> Error,
    ) -> Result<Opening> {
        // The credentials in the session cannot be older than this.
        let started = self.transport.http.host().clock().now();
        let answer = self.transport.send(Call {
            purpose: "opening the environment",
            method: Method::Post,
            path: &format!("{open}?{SESSION}"),
            token: Some(&self.account.token),
            body: definition,
        })?;
        if !matches!(answer.status, 200 | 201) {
            let refusal = self.refusal(&answer);
            if refusal.status == 400 && refusal.diagnostics.iter().any(Diagnostic::is_error) {
                return Ok(without_values(refusal.diagnostics));
            }
            return Err(explain(&refusal));
        }
        let json = self.json(&answer)?;
        let diagnostics = json.property("diagnostics").map(read_diagnostics);
        let diagnostics = diagnostics.unwrap_or_default();
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Ok(without_values(diagnostics));
        }
        let id = json.property("id").and_then(Value::as_str);
        let id = id.filter(|id| (1..=LONGEST_ID).contains(&id.len()));
        let id = Zeroizing::new(
            id.ok_or_else(|| self.unexpected("it names no session"))?
                .to_owned(),
        );

        let escaped = Zeroizing::new(utf8_percent_encode(&id, RESERVED).to_string());
        let path = Zeroizing::new(format!("{read}/{}", *escaped));
        let answer = self.get("reading the session", &path)?;
        match answer.status {
            200 => {}
            404 | 410 => {
                let refusal = Refusal::read(&answer, &[self.account.token.expose(), &id]);
                let message = "the session ended before it could be read";
                return Err(refusal.with_cause(
                    Error::new(Kind::Unavailable, message).with_hint("try again in a moment"),
                ));
            }
            401 | 403 => return Err(self.refused(&answer)),
            _ => {
                let refusal = Refusal::read(&answer, &[self.account.token.expose(), &id]);
                return Err(refusal.in_general(&self.transport.backend.host()));
            }
        }
        let session = session::read(answer.body.expose())
            .map_err(|reason| self.unexpected(&format!("it {reason}")))?;
        let keys = session.key_durations.into_iter();
        Ok(Opening {
            environment: session.environment,
            diagnostics,
            sources: Sources::default(),
            keys: keys
                .map(|(access_key_id, duration)| KeyExpiry {
                    access_key_id,
                    expires_at: started.plus(duration),
                })
                .collect(),
            identity_tokens: session.identity_tokens,
        })
    }

    /// Checks a definition; `path` is the one to post to.
    fn check(
        &self,
        path: &str,
        definition: &[u8],
        explain: impl Fn(&Refusal) -> Error,
    ) -> Result<Checked> {
        let answer = self.transport.send(Call {
            purpose: "checking the environment",
            method: Method::Post,
            path: &format!("{path}?showSecrets=false"),
            token: Some(&self.account.token),
            body: definition,
        })?;
        let diagnostics = match answer.status {
            200 => {
                let diagnostics = session::diagnostics(answer.body.expose());
                diagnostics.map_err(|reason| self.unexpected(&format!("it {reason}")))?
            }
            _ => {
                let refusal = self.refusal(&answer);
                if refusal.status != 400 || refusal.diagnostics.is_empty() {
                    return Err(explain(&refusal));
                }
                refusal.diagnostics
            }
        };
        Ok(Checked {
            diagnostics,
            sources: Sources::default(),
        })
    }

    fn get(&self, purpose: &str, path: &str) -> Result<Response> {
        self.transport.send(Call {
            purpose,
            method: Method::Get,
            path,
            token: Some(&self.account.token),
            body: &[],
        })
    }

    fn json(&self, answer: &Response) -> Result<Value> {
        json::parse(answer.body.expose(), NESTING)
            .map_err(|error| self.unexpected(&format!("it is not JSON: {error}")))
    }

    fn unexpected(&self, reason: &str) -> Error {
        not_pulumi_cloud(&self.transport.backend.host(), reason)
    }

    fn refusal(&self, answer: &Response) -> Refusal {
        Refusal::read(answer, &[self.account.token.expose()])
    }

    /// The error for a refusal that has nothing to do with what was asked for.
    fn refused(&self, answer: &Response) -> Error {
        self.general(&self.refusal(answer))
    }

    fn general(&self, refusal: &Refusal) -> Error {
        let host = self.transport.backend.host();
        let origin = &self.account.origin;
        match refusal.status {
            401 => refusal.with_cause(
                Error::new(
                    Kind::Denied,
                    format!("`{host}` does not accept the access token from {origin}"),
                )
                .with_hint(origin.remedy()),
            ),
            403 => refusal.with_cause(
                Error::new(
                    Kind::Denied,
                    format!("`{host}` denies this to the access token from {origin}"),
                )
                .with_hint("log in as a user who has the permission"),
            ),
            _ => refusal.in_general(&host),
        }
    }

    /// Who the token belongs to. One more request: only after a denial, and where the organisation
    /// is not known otherwise.
    fn user(&self) -> Result<User> {
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

impl fmt::Debug for Cloud<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cloud")
            .field("backend", &self.transport.backend)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Who a token belongs to.
struct User {
    login: String,
    token_organization: Option<String>,
    token_team: Option<String>,
    organizations: Vec<String>,
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

/// An environment that is stored in Pulumi Cloud.
#[derive(Debug)]
pub struct Stored<'c> {
    cloud: &'c Cloud<'c>,
    name: Name,
    organization: Organization,
}

impl Opener for Stored<'_> {
    fn open(&self) -> Result<Opening> {
        let open = format!("{}/open", self.name.versioned_path(&self.organization));
        let read = format!("{}/open", self.name.path(&self.organization));
        self.cloud
            .open(&open, &read, &[], |refusal| self.denied(refusal))
    }

    fn check(&self) -> Result<Checked> {
        let path = format!("{}/check", self.name.versioned_path(&self.organization));
        self.cloud.check(&path, &[], |refusal| self.denied(refusal))
    }
}

impl Stored<'_> {
    /// Decrypts ciphertexts of this environment's definition, each the text that stands below
    /// `fn::secret: {ciphertext: …}`; the plaintexts come in the same order.
    pub fn decrypt(&self, ciphertexts: &[&str]) -> Result<Vec<Secret<String>>> {
        let list = ciphertexts.iter().map(|text| Value::from(*text)).collect();
        let list = Value::new(Data::Array(list));
        let body = Value::new(Data::Object([("ciphertexts".to_owned(), list)].into()));
        let body = json::compact(&body, Secrets::Revealed);
        let path = format!("{}/decrypt-secrets", self.name.path(&self.organization));
        let answer = self.cloud.transport.send(Call {
            purpose: "decrypting secrets",
            method: Method::Post,
            path: &path,
            token: Some(&self.cloud.account.token),
            body: body.as_bytes(),
        })?;
        if answer.status != 200 {
            return Err(self.denied(&self.cloud.refusal(&answer)));
        }
        let json = self.cloud.json(&answer)?;
        let texts = match json.property("plaintexts").map(|list| &list.data) {
            Some(Data::Array(items)) => items
                .iter()
                .map(|item| Some(Secret::from(item.as_str()?)))
                .collect::<Option<Vec<_>>>(),
            _ => None,
        };
        texts
            .filter(|texts| texts.len() == ciphertexts.len())
            .ok_or_else(|| {
                self.cloud
                    .unexpected("it does not hold one plaintext for each ciphertext")
            })
    }

    /// The error for a refusal: who is refused, and what would help. It asks Pulumi Cloud up to two
    /// more questions, whose failure changes nothing but the words.
    fn denied(&self, refusal: &Refusal) -> Error {
        if !matches!(refusal.status, 403 | 404 | 409) {
            return self.cloud.general(refusal);
        }
        let full = self.name.full(&self.organization);
        let user = self.cloud.user().ok();
        if self.needs_approval() {
            let whom = user.map_or_else(String::new, |user| format!(" for {user}"));
            let message = format!("opening `{full}` needs an approval{whom}");
            let error = Error::new(Kind::Denied, message).with_hint(
                "request to open the environment in Pulumi Cloud, and try again once it is approved",
            );
            return refusal.with_cause(error);
        }
        let origin = &self.cloud.account.origin;
        let whom = user.as_ref().map_or_else(
            || format!("the access token from {origin}"),
            |user| format!("{user} (access token from {origin})"),
        );
        let error = match refusal.status {
            403 => Error::new(Kind::Denied, format!("{whom} may not open `{full}`")).with_hint(
                format!(
                    "ask an administrator of `{}` for the permission to open it",
                    self.organization
                ),
            ),
            404 => Error::configuration(format!(
                "there is no environment `{full}`, or {whom} has no access to it"
            ))
            .with_hint(self.name_hint(user.as_ref())),
            _ => return refusal.in_general(&self.cloud.transport.backend.host()),
        };
        refusal.with_cause(error)
    }

    fn name_hint(&self, user: Option<&User>) -> String {
        let organization = &self.organization;
        match user {
            Some(user)
                if !user.organizations.is_empty()
                    && !user
                        .organizations
                        .iter()
                        .any(|it| it == organization.as_str()) =>
            {
                let theirs: Vec<_> = user
                    .organizations
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect();
                format!(
                    "check the organisation: `{}` is a member of {}, not of `{organization}`",
                    user.login,
                    theirs.join(", ")
                )
            }
            _ => {
                "check the name, or ask for access; `pulumi env ls` lists what there is".to_owned()
            }
        }
    }

    /// Whether the environment's opening waits for an approval.
    fn needs_approval(&self) -> bool {
        let path = format!("{}/metadata", self.name.path(&self.organization));
        let asked = self.cloud.get("whether an approval is needed", &path);
        let Some(answer) = asked.ok().filter(|answer| answer.status == 200) else {
            return false;
        };
        let json = self.cloud.json(&answer).ok();
        let needed = json
            .as_ref()
            .and_then(|json| json.property("openRequestNeeded"));
        needed.is_some_and(|needed| needed.data == Data::Bool(true))
    }
}

/// A definition that is evaluated in Pulumi Cloud, but not stored there.
pub struct Anonymous<'c> {
    cloud: &'c Cloud<'c>,
    organization: Organization,
    definition: Zeroizing<String>,
    shown_as: String,
}

impl Anonymous<'_> {
    fn path(&self) -> String {
        format!("/api/esc/environments/{}/yaml", self.organization)
    }

    /// The error for a refusal.
    fn denied(&self, refusal: &Refusal) -> Error {
        let organization = &self.organization;
        match refusal.status {
            403 | 404 => {
                let whom = self.cloud.user().ok().map_or_else(
                    || format!("the access token from {}", self.cloud.account.origin),
                    |user| user.to_string(),
                );
                let message = format!(
                    "there is no organisation `{organization}`, or {whom} may not open \
                     environments in it"
                );
                let kind = if refusal.status == 403 {
                    Kind::Denied
                } else {
                    Kind::Configuration
                };
                let hint = "check `--organization` and PULUMI_DEFAULT_ORGANIZATION";
                refusal.with_cause(Error::new(kind, message).with_hint(hint))
            }
            _ => self.cloud.general(refusal),
        }
    }

    /// The definition's text for its diagnostics, which carry the names that the server gives.
    fn add_source(&self, diagnostics: &[Diagnostic], sources: &mut Sources) {
        for range in diagnostics.iter().filter_map(|it| it.range.as_ref()) {
            // Imports have names of their own, with a project.
            if !range.environment.contains('/') {
                sources.add(&range.environment, &self.shown_as, self.definition.clone());
            }
        }
    }
}

impl Opener for Anonymous<'_> {
    fn open(&self) -> Result<Opening> {
        let path = format!("{}/open", self.path());
        let definition = self.definition.as_bytes();
        let mut opening = self
            .cloud
            .open(&path, &path, definition, |refusal| self.denied(refusal))?;
        self.add_source(&opening.diagnostics, &mut opening.sources);
        Ok(opening)
    }

    fn check(&self) -> Result<Checked> {
        let path = format!("{}/check", self.path());
        let definition = self.definition.as_bytes();
        let mut checked = self
            .cloud
            .check(&path, definition, |refusal| self.denied(refusal))?;
        self.add_source(&checked.diagnostics, &mut checked.sources);
        Ok(checked)
    }
}

impl fmt::Debug for Anonymous<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Anonymous")
            .field("organization", &self.organization)
            .field("shown_as", &self.shown_as)
            .finish_non_exhaustive()
    }
}

/// An environment that has errors.
fn without_values(diagnostics: Vec<Diagnostic>) -> Opening {
    Opening {
        environment: Environment {
            values: Value::new(Data::Object([].into())),
        },
        diagnostics,
        sources: Sources::default(),
        keys: Vec::new(),
        identity_tokens: Vec::<PropertyPath>::new(),
    }
}
