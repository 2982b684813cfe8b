//! What a provider has obtained for logins so far: a definition that opens a login several times needs
//! one request.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Result;

/// Results by login. A lookup waits while another thread requests one.
pub(super) struct Issued<Login, Output>(Mutex<Vec<(Login, Output)>>);

impl<Login: PartialEq, Output: Clone> Issued<Login, Output> {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// The result for this login. If there is none, it is requested and kept.
    pub(super) fn get_or_request(
        &self,
        login: Login,
        request: impl FnOnce(&Login) -> Result<Output>,
    ) -> Result<Output> {
        let mut issued = self.lock();
        if let Some((_, output)) = issued.iter().find(|(known, _)| *known == login) {
            return Ok(output.clone());
        }
        let output = request(&login)?;
        issued.push((login, output.clone()));
        Ok(output)
    }

    /// All results so far.
    pub(super) fn outputs(&self) -> Vec<Output> {
        self.lock()
            .iter()
            .map(|(_, output)| output.clone())
            .collect()
    }

    /// A poisoned lock is usable: no code that holds it leaves the list half changed.
    fn lock(&self) -> MutexGuard<'_, Vec<(Login, Output)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
