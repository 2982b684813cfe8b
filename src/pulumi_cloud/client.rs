//! A logged-in client: sends authenticated requests and decodes JSON.

use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::Response;
use crate::pulumi_cloud::access_token::AccessToken;
use crate::pulumi_cloud::backend::Backend;
use crate::pulumi_cloud::environment_name::{EnvironmentName, Organization};
use crate::pulumi_cloud::error_response::{ErrorResponse, Resource};
use crate::pulumi_cloud::login::LoginSettings;
use crate::pulumi_cloud::pulumi_home::PulumiHome;
use crate::pulumi_cloud::response_json;
use crate::pulumi_cloud::transport::{ApiRequest, Transport};
use crate::pulumi_cloud::user::{Caller, User};
use esc::Value;

/// How deep the JSON of a response may nest. Sessions have their own limit.
const MAX_NESTING: usize = 128;

/// Pulumi Cloud with a login.
pub struct Cloud<'a> {
    transport: Transport<'a>,
    access_token: AccessToken,
    /// The default organization from the settings or the CLI's configuration.
    default_organization: Option<Organization>,
}

impl<'a> Cloud<'a> {
    /// Finds the backend and gets an access token. `organization` is the one in the environment's
    /// name, if any: an identity token is exchanged for an access token of this organization.
    pub fn log_in(
        context: Context<'a>,
        settings: &LoginSettings,
        organization: Option<&Organization>,
    ) -> Result<Self> {
        let home = PulumiHome::new(context.host, context.deadline);
        let backend = Backend::find(context.host, &home)?;
        let mut default_organization = settings.organization.clone();
        if organization.is_none() && default_organization.is_none() {
            let configured = home.default_organization(&backend.url)?;
            let origin = "`defaultOrg` in the Pulumi CLI's `config.json`";
            default_organization = configured
                .map(|name| Organization::parse(&name, origin))
                .transpose()?;
        }
        let transport = Transport { context, backend };
        let token_organization = organization.or(default_organization.as_ref());
        let access_token = AccessToken::get(&transport, &home, &settings.oidc, token_organization)?;
        context.log.debug(format_args!(
            "logged in to `{}` with the access token from {}",
            transport.backend.url, access_token.source
        ));
        Ok(Self {
            transport,
            access_token,
            default_organization,
        })
    }

    /// Completes a name with the default organization, unless it has one. This may take a request.
    pub fn full_name(&self, name: &EnvironmentName) -> Result<EnvironmentName> {
        match &name.organization {
            Some(_) => Ok(name.clone()),
            None => Ok(name.in_organization(&self.default_organization()?)),
        }
    }

    /// The organization in a name, else the default organization. `origin` describes the name.
    pub(super) fn organization_or_default(
        &self,
        organization: Option<&str>,
        origin: &str,
    ) -> Result<Organization> {
        match organization {
            Some(organization) => Organization::parse(organization, origin),
            None => self.default_organization(),
        }
    }

    /// The default organization from the settings, the CLI's configuration or the server, else the
    /// user's own organization.
    pub(super) fn default_organization(&self) -> Result<Organization> {
        if let Some(organization) = &self.default_organization {
            return Ok(organization.clone());
        }
        let response = self.send(ApiRequest::get(
            "looking up the default organization",
            "/api/user/organizations/default",
        ))?;
        let server_default = match response.status {
            200 => {
                let json = self.json(&response)?;
                // The API's description and its implementation differ in the first letter.
                let name = ["gitHubLogin", "GitHubLogin"]
                    .iter()
                    .find_map(|name| json.property(name)?.as_str());
                name.filter(|name| !name.is_empty()).map(str::to_owned)
            }
            // The user is in no organization, or the server is too old for this request.
            400 | 404 => None,
            _ => return Err(self.error(&self.error_response(&response))),
        };
        let name = match server_default.or_else(|| self.access_token.username.clone()) {
            Some(name) => name,
            None => self.user()?.login,
        };
        let organization = Organization::parse(&name, format!("`{}`", self.host()))?;
        self.context()
            .log
            .info(format_args!("using the organization `{organization}`"));
        Ok(organization)
    }

    /// Looks up who sent a request. If this fails, error messages have less detail.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller {
            user: self.user().ok(),
            token: &self.access_token.source,
        }
    }

    /// Looks up whose login it is, such as "the user `alice`", for at most `limit`.
    pub fn describe_user(&self, limit: Duration) -> Result<String> {
        let Self {
            transport,
            access_token,
            default_organization,
        } = self;
        let context = transport.context;
        let limited = Self {
            transport: Transport {
                context: context.with_deadline(context.deadline.within(limit)),
                backend: transport.backend.clone(),
            },
            access_token: access_token.clone(),
            default_organization: default_organization.clone(),
        };
        limited.user().map(|user| user.to_string())
    }

    fn user(&self) -> Result<User> {
        let response = self.send(ApiRequest::get("looking up the user", "/api/user"))?;
        if response.status != 200 {
            return Err(self.error(&self.error_response(&response)));
        }
        User::read(&self.json(&response)?).ok_or_else(|| self.unexpected("it has no user name"))
    }

    /// Sends a request with the access token and returns the response, whatever its status.
    pub(super) fn send(&self, request: ApiRequest<'_>) -> Result<Response> {
        self.transport
            .send(request, Some(&self.access_token.secret))
    }

    /// Decodes the JSON of a response.
    pub(super) fn json(&self, response: &Response) -> Result<Value> {
        response_json::parse(response.body.expose(), MAX_NESTING, self.context().deadline)
            .map_err(|reason| self.unexpected(format!("it {reason}")))
    }

    /// The error for a response that Pulumi Cloud would not send; see [`Transport::unexpected`].
    pub(super) fn unexpected(&self, reason: impl Into<String>) -> Error {
        self.transport.unexpected(reason)
    }

    /// Reads an error response and redacts the access token.
    pub(super) fn error_response(&self, response: &Response) -> ErrorResponse {
        self.error_response_redacting(response, "")
    }

    /// Reads an error response and redacts the access token and `secret`.
    pub(super) fn error_response_redacting(
        &self,
        response: &Response,
        secret: &str,
    ) -> ErrorResponse {
        let secrets = [self.access_token(), secret];
        ErrorResponse::read(response, &secrets, self.context().deadline)
    }

    /// The error for a response, independent of what was requested.
    pub(super) fn error(&self, response: &ErrorResponse) -> Error {
        response.authenticated_error(&self.host(), &self.access_token.source)
    }

    /// The error for a response to a request for `resource`.
    pub(super) fn resource_error(
        &self,
        response: &ErrorResponse,
        resource: &Resource<'_>,
        organization: &Organization,
    ) -> Error {
        match response.status {
            403 | 404 => response.access_error(resource, organization, &self.caller()),
            _ => self.error(response),
        }
    }

    /// The access token, to redact it.
    pub(super) fn access_token(&self) -> &str {
        self.access_token.secret.expose()
    }

    pub(super) fn context(&self) -> Context<'a> {
        self.transport.context
    }

    fn host(&self) -> String {
        self.transport.backend.host()
    }
}
