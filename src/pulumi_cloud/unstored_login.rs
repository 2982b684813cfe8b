//! Refreshed logins that could not be stored. Their refresh tokens are spent, so they are kept for the
//! rest of the process, whatever it reads from the credentials file later.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::secret::Secret;

static LOGINS: Mutex<Vec<UnstoredLogin>> = Mutex::new(Vec::new());

/// A refreshed login at a backend that the credentials file does not hold.
struct UnstoredLogin {
    path: PathBuf,
    backend_url: String,
    access_token: Secret<String>,
    problem: String,
}

/// Keeps a login, and returns the problem in one line.
pub(super) fn keep(
    path: &Path,
    backend_url: &str,
    access_token: &Secret<String>,
    problem: &Error,
) -> String {
    let cause = problem.causes().next();
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let problem = format!(
        "cannot store the refreshed login: {problem}{cause}; run `pulumi login` to store a new one"
    );
    logins().push(UnstoredLogin {
        path: path.to_owned(),
        backend_url: backend_url.to_owned(),
        access_token: access_token.clone(),
        problem: problem.clone(),
    });
    problem
}

/// The access token of a login that was kept.
pub(super) fn access_token(path: &Path, backend_url: &str) -> Option<Secret<String>> {
    let logins = logins();
    let mut logins = logins.iter();
    let login = logins.find(|login| login.path == path && login.backend_url == backend_url)?;
    Some(login.access_token.clone())
}

/// Why a refreshed login could not be stored, if there is one.
#[must_use]
pub fn storing_problem() -> Option<String> {
    logins().first().map(|login| login.problem.clone())
}

/// A panic cannot leave the list half changed.
fn logins() -> MutexGuard<'static, Vec<UnstoredLogin>> {
    LOGINS.lock().unwrap_or_else(PoisonError::into_inner)
}
