//! Gives the provider of stack outputs the backend in use, and Pulumi Cloud.

use std::sync::{Mutex, PoisonError};

use crate::authenticate::open;
use crate::config::request::OpenRequest;
use crate::error::Result;
use crate::host::Host;
use crate::http::HttpClient;
use crate::log::Log;
use crate::providers::{Backends, OtherBackend};
use crate::pulumi_cloud::{Cloud, PulumiHome, Stack, StateBackend};
use crate::pulumi_state::StackName;
use crate::secret::{Secret, Text};

/// The backends of this machine. Nothing is read, nor is a login looked for, before a stack is asked
/// for.
pub(super) struct StackBackends<'a> {
    request: &'a OpenRequest,
    host: &'a Host,
    http: &'a HttpClient,
    log: &'a Log<'a>,
    logins: Mutex<Vec<Login<'a>>>,
}

/// A login for the stacks whose names have the same organisation, or none: it may be good for one
/// organisation alone.
struct Login<'a> {
    named: Option<String>,
    cloud: Cloud<'a>,
    /// The organisation of names that have none, once it is known.
    organization: Option<String>,
}

impl<'a> StackBackends<'a> {
    pub(super) fn new(
        request: &'a OpenRequest,
        host: &'a Host,
        http: &'a HttpClient,
        log: &'a Log<'a>,
    ) -> Self {
        Self {
            request,
            host,
            http,
            log,
            logins: Mutex::default(),
        }
    }

    fn with_stack<T>(
        &self,
        name: &StackName,
        work: impl FnOnce(&Stack<'_>) -> Result<T>,
    ) -> Result<T> {
        // A panic while it was held cannot have left it half changed.
        let logins = self.logins.lock();
        let mut logins = logins.unwrap_or_else(PoisonError::into_inner);
        let organization = name.organization.as_deref();
        let known = logins
            .iter()
            .position(|login| login.named.as_deref() == organization);
        let known = if let Some(known) = known {
            known
        } else {
            let cloud = open::log_in(self.request, self.host, self.http, self.log, organization)?;
            logins.push(Login {
                named: name.organization.clone(),
                cloud,
                organization: name.organization.clone(),
            });
            logins.len() - 1
        };
        let login = &mut logins[known];
        let organization = login.organization.as_deref();
        let stack = login
            .cloud
            .stack(organization, &name.project, &name.stack)?;
        login.organization = Some(stack.organization().to_owned());
        work(&stack)
    }
}

impl Backends for StackBackends<'_> {
    fn other(&self) -> Result<Option<OtherBackend>> {
        let home = PulumiHome::new(self.host, self.request.deadline);
        Ok(match StateBackend::find(self.host, &home)? {
            StateBackend::Cloud => None,
            StateBackend::Files { url, named_by } => {
                self.log.debug(format_args!(
                    "the stacks are in the backend that {named_by} names"
                ));
                Some(OtherBackend { url, named_by })
            }
        })
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is one for a single lifetime"
    )]
    fn export(&self, stack: &StackName) -> Result<Secret<Vec<u8>>> {
        self.with_stack(stack, |stack| stack.export())
    }

    fn decrypt(&self, stack: &StackName, ciphertexts: &[String]) -> Result<Vec<Text>> {
        self.with_stack(stack, |stack| stack.decrypt(ciphertexts))
    }
}
