//! The login, and the calls that stored environments and others have in common.

use std::fmt;

use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

use crate::clock::Deadline;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::{HttpClient, Method, RESERVED, Response};
use crate::log::Log;
use crate::opener::KeyExpiry;
use crate::opener::{Checked, Opening};
use crate::pulumi_cloud::account::{Account, Oidc};
use crate::pulumi_cloud::anonymous::Anonymous;
use crate::pulumi_cloud::backend::Backend;
use crate::pulumi_cloud::failure::{Refusal, not_pulumi_cloud, read_diagnostics};
use crate::pulumi_cloud::name::{Name, Organization};
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::pulumi_cloud::session;
use crate::pulumi_cloud::stored::Stored;
use crate::pulumi_cloud::transport::{Call, LARGEST_ANSWER, Transport};
use esc::format::json;
use esc::{Data, Diagnostic, Environment, PropertyPath, Sources, Value};

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
    pub(super) transport: Transport<'a>,
    pub(super) account: Account,
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
        log: &'a Log<'a>,
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
            log,
        };
        let account = Account::find(
            &transport,
            &home,
            &settings.oidc,
            organization.or(default.as_ref()),
        )?;
        log.debug(format_args!(
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

    /// The name with its organisation, which is asked for where neither the name nor a setting says
    /// it.
    pub fn full_name(&self, name: &Name) -> Result<Name> {
        let organization = match &name.organization {
            Some(organization) => organization.clone(),
            None => self.organization()?.as_str().to_owned(),
        };
        Ok(Name {
            organization: Some(organization),
            ..name.clone()
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
    pub(super) fn organization(&self) -> Result<Organization> {
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
            .log
            .info(format_args!("the organisation is `{organization}`"));
        Ok(organization)
    }

    /// Opens a session and reads it. `open` is the path to post to, `read` the one below which the
    /// session is read; `explain` words a denial.
    pub(super) fn open(
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
            limit: LARGEST_ANSWER,
            repeatable: false,
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
                    // By the server's clock, which has told the time meanwhile.
                    expires_at: started
                        .shifted(self.transport.http.clock_offset())
                        .plus(duration),
                })
                .collect(),
            identity_tokens: session.identity_tokens,
            files: Vec::new(),
        })
    }

    /// Checks a definition; `path` is the one to post to.
    pub(super) fn check(
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
            limit: LARGEST_ANSWER,
            repeatable: false,
        })?;
        let diagnostics = if answer.status == 200 {
            let diagnostics = session::diagnostics(answer.body.expose());
            diagnostics.map_err(|reason| self.unexpected(&format!("it {reason}")))?
        } else {
            let refusal = self.refusal(&answer);
            if refusal.status != 400 || refusal.diagnostics.is_empty() {
                return Err(explain(&refusal));
            }
            refusal.diagnostics
        };
        Ok(Checked {
            diagnostics,
            sources: Sources::default(),
        })
    }

    pub(super) fn get(&self, purpose: &str, path: &str) -> Result<Response> {
        self.transport.send(Call {
            purpose,
            method: Method::Get,
            path,
            token: Some(&self.account.token),
            body: &[],
            limit: LARGEST_ANSWER,
            repeatable: false,
        })
    }

    pub(super) fn json(&self, answer: &Response) -> Result<Value> {
        json::parse(answer.body.expose(), NESTING)
            .map_err(|error| self.unexpected(&format!("it is not JSON: {error}")))
    }

    pub(super) fn unexpected(&self, reason: &str) -> Error {
        not_pulumi_cloud(&self.transport.backend.host(), reason)
    }

    pub(super) fn refusal(&self, answer: &Response) -> Refusal {
        Refusal::read(answer, &[self.account.token.expose()])
    }

    /// The error for a refusal that has nothing to do with what was asked for.
    pub(super) fn refused(&self, answer: &Response) -> Error {
        self.general(&self.refusal(answer))
    }

    pub(super) fn general(&self, refusal: &Refusal) -> Error {
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
        files: Vec::new(),
    }
}
