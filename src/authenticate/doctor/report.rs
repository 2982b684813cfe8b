//! The steps of a diagnosis and their results.

use crate::config::ClusterProvider;
use crate::error::Error;

/// The name of a step, and the step whose result it needs.
type StepName = (&'static str, Option<&'static str>);

/// The steps for EKS in their order.
const EKS_STEPS: &[StepName] = &[
    ("kubeconfig", None),
    ("login", Some("kubeconfig")),
    ("environment", Some("login")),
    ("credentials", Some("cluster")),
    ("cluster", Some("environment")),
    ("token", Some("credentials")),
    ("aws-sts", Some("token")),
    ("api-server", Some("token")),
    ("clock", Some("aws-sts")),
    ("cache", None),
];

const GKE_STEPS: &[StepName] = &[
    ("kubeconfig", None),
    ("login", Some("kubeconfig")),
    ("environment", Some("login")),
    ("provider", Some("environment")),
    ("credentials", Some("provider")),
    ("token", Some("credentials")),
    ("api-server", Some("token")),
    ("cache", None),
];

const AKS_STEPS: &[StepName] = &[
    ("kubeconfig", None),
    ("login", Some("kubeconfig")),
    ("environment", Some("login")),
    ("provider", Some("environment")),
    ("credentials", Some("provider")),
    ("authority", Some("credentials")),
    ("token", Some("authority")),
    ("api-server", Some("token")),
    ("cache", None),
];

/// The result of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It found no problem.
    Ok,
    /// It works, but may not everywhere or for long.
    Warning,
    /// It found a problem that breaks authentication.
    Failed,
    /// It did not run.
    Skipped,
}

impl Status {
    /// The status in one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A step of a diagnosis.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// Its result.
    pub status: Status,
    /// The evidence, or the reason. May have several lines.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code of a failure; otherwise 0.
    pub exit_code: u8,
}

impl Step {
    fn new(name: &'static str, status: Status, detail: impl Into<String>) -> Self {
        Self {
            name,
            status,
            detail: detail.into(),
            hint: None,
            exit_code: 0,
        }
    }

    /// A step without a problem.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, detail)
    }

    /// A step that works with a problem.
    pub fn warning(name: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(name, Status::Warning, detail)
        }
    }

    /// A step that failed.
    #[must_use]
    pub fn failed(name: &'static str, error: &Error) -> Self {
        Self {
            hint: error.hint().map(str::to_owned),
            exit_code: error.kind().exit_code(),
            ..Self::new(name, Status::Failed, describe(error))
        }
    }

    /// A step that did not run.
    pub fn skipped(name: &'static str, reason: impl Into<String>) -> Self {
        Self::new(name, Status::Skipped, reason)
    }
}

/// The error with its details and causes.
pub(super) fn describe(error: &Error) -> String {
    let mut lines = vec![error.to_string()];
    lines.extend(error.details().map(|details| details.trim_end().to_owned()));
    lines.extend(error.causes().map(|cause| format!("caused by: {cause}")));
    lines.join("\n")
}

/// The steps of a diagnosis, in any order.
#[derive(Clone, Debug, Default)]
pub struct Report {
    steps: Vec<Step>,
    /// The provider whose steps are listed; EKS as long as it is unknown.
    provider: Option<ClusterProvider>,
}

impl Report {
    /// Adds a step.
    pub fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Lists the steps for clusters of this provider.
    pub(super) fn set_provider(&mut self, provider: ClusterProvider) {
        self.provider = Some(provider);
    }

    fn step_names(&self) -> &'static [StepName] {
        match self.provider {
            None | Some(ClusterProvider::Eks) => EKS_STEPS,
            Some(ClusterProvider::Gke) => GKE_STEPS,
            Some(ClusterProvider::Aks) => AKS_STEPS,
        }
    }

    pub(super) fn ok(&mut self, name: &'static str, detail: impl Into<String>) {
        self.add(Step::ok(name, detail));
    }

    pub(super) fn warn(
        &mut self,
        name: &'static str,
        detail: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Step::warning(name, detail, hint));
    }

    pub(super) fn fail(&mut self, name: &'static str, error: &Error) {
        self.add(Step::failed(name, error));
    }

    pub(super) fn skip(&mut self, name: &'static str, reason: impl Into<String>) {
        self.add(Step::skipped(name, reason));
    }

    /// Whether this step failed.
    #[must_use]
    pub fn has_failed(&self, name: &str) -> bool {
        self.find(name)
            .is_some_and(|step| step.status == Status::Failed)
    }

    fn find(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// All steps in their order. Those that are missing were skipped, because a step failed whose
    /// result they need.
    #[must_use]
    pub fn into_steps(self) -> Vec<Step> {
        let step = |&(name, _): &StepName| match self.find(name) {
            Some(step) => step.clone(),
            None => Step::skipped(name, format!("needs the result of `{}`", self.cause(name))),
        };
        self.step_names().iter().map(step).collect()
    }

    /// The failed step that this one depends on.
    fn cause(&self, name: &'static str) -> &'static str {
        let needs = |name: &&'static str| {
            let mut steps = self.step_names().iter();
            steps
                .find(|(step, _)| step == name)
                .and_then(|(_, needs)| *needs)
        };
        let mut causes = std::iter::successors(needs(&name), needs);
        let mut failed = self.step_names().iter().map(|(name, _)| *name);
        causes
            .find(|cause| self.has_failed(cause))
            .or_else(|| failed.find(|name| self.has_failed(name)))
            .unwrap_or(name)
    }
}
