//! Finds the backend that holds a stack, and reads stacks from Pulumi Cloud.

use std::sync::{Mutex, PoisonError};

use crate::authenticate::pulumi_login::log_in;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::providers::{Backends, DiyBackendUrl};
use crate::pulumi_cloud::{Cloud, CloudStack, PulumiHome, StateBackend};
use crate::pulumi_state::StackName;
use crate::secret::{Secret, Text};

/// The stack backends of this machine. Nothing is read, and no login is looked up, before a stack is
/// needed.
pub(super) struct CloudStackBackends<'a> {
    request: &'a OpenRequest,
    context: Context<'a>,
    logins: Mutex<Vec<OrganizationLogin<'a>>>,
}

/// A login for the stacks of one organization, or for stack names without one: an access token may
/// be limited to an organization.
struct OrganizationLogin<'a> {
    /// The organization in the stack names.
    named: Option<String>,
    cloud: Cloud<'a>,
    /// The organization itself, once it is known.
    organization: Option<String>,
}

impl<'a> CloudStackBackends<'a> {
    pub(super) fn new(request: &'a OpenRequest, context: Context<'a>) -> Self {
        Self {
            request,
            context,
            logins: Mutex::default(),
        }
    }

    fn with_stack<T>(
        &self,
        name: &StackName,
        work: impl FnOnce(&CloudStack<'_>) -> Result<T>,
    ) -> Result<T> {
        // A panic cannot leave the list half changed.
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named = |login: &OrganizationLogin<'_>| login.named == name.organization;
        if !logins.iter().any(is_named) {
            logins.push(OrganizationLogin {
                named: name.organization.clone(),
                cloud: log_in(self.request, self.context, name.organization.as_deref())?,
                organization: name.organization.clone(),
            });
        }
        let login = logins.iter_mut().find(|login| is_named(login));
        // invariant: it was added above if it was missing.
        let login = login.ok_or_else(|| Error::new(Kind::Internal, "a login is missing"))?;
        let organization = login.organization.as_deref();
        let stack = CloudStack::new(&login.cloud, organization, &name.project, &name.stack)?;
        login.organization = Some(stack.organization().to_owned());
        work(&stack)
    }
}

impl Backends for CloudStackBackends<'_> {
    fn diy_backend(&self) -> Result<Option<DiyBackendUrl>> {
        let home = PulumiHome::new(self.context.host, self.context.deadline);
        Ok(match StateBackend::find(self.context.host, &home)? {
            StateBackend::Cloud => None,
            StateBackend::Files { url, named_by } => {
                self.context.log.debug(format_args!(
                    "reading stacks from the backend that {named_by} names"
                ));
                Some(DiyBackendUrl { url, named_by })
            }
        })
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is for a single lifetime"
    )]
    fn export(&self, stack: &StackName) -> Result<Secret<Vec<u8>>> {
        self.with_stack(stack, |stack| stack.export())
    }

    fn decrypt(&self, stack: &StackName, ciphertexts: &[String]) -> Result<Vec<Text>> {
        self.with_stack(stack, |stack| stack.decrypt(ciphertexts))
    }
}
