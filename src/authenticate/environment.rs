//! Opens and checks environments, on this machine or in Pulumi Cloud.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "unlike the closures, the methods are not generic over the lifetime of an opener"
)]

use crate::authenticate::file_importer;
use crate::authenticate::local_environment::LocalEnvironment;
use crate::authenticate::pulumi_login::log_in;
use crate::authenticate::remote_decrypter::RemoteDecrypter;
use crate::authenticate::reported_failure;
use crate::authenticate::stack_backends::CloudStackBackends;
use crate::clock::Timestamp;
use crate::config::{OpenRequest, Origin, Reference};
use crate::context::Context;
use crate::error::{Error, Kind, Result, counted};
use crate::opener::{Checked, Opener, Opening};
use crate::pulumi_cloud::{AnonymousEnvironment, Cloud, EnvironmentName, StoredEnvironment};
use esc::{Diagnostic, Environment, Sources, Style};
use kubeconfig::Kubeconfig;

/// An environment that was opened without errors.
#[derive(Debug)]
pub struct OpenedEnvironment {
    pub(super) opening: Opening,
    /// When opening started, on this machine's clock.
    pub(super) started_at: Timestamp,
}

/// The login to Pulumi Cloud that opens an environment.
pub(super) enum LoginStep<'a> {
    Started,
    Done(&'a Cloud<'a>),
}

/// Opens an environment.
///
/// # Errors
///
/// `Definition` if the environment has errors: such an environment is never used in part. The
/// diagnostics are the details of the error, rendered with their positions. If a provider failed, its
/// failure decides the kind and the hint. Other kinds if Pulumi Cloud cannot be called.
pub fn open(request: &OpenRequest, context: Context<'_>) -> Result<OpenedEnvironment> {
    open_observed(request, context, &mut |_| ())
}

/// Opens an environment like [`open`]. Calls `observe` before and after the login to Pulumi Cloud, if
/// there is one.
pub(super) fn open_observed(
    request: &OpenRequest,
    context: Context<'_>,
    observe: &mut dyn FnMut(LoginStep<'_>),
) -> Result<OpenedEnvironment> {
    context.log.info(format_args!(
        "opening the environment `{}`",
        request.environment
    ));
    let started_at = context.now();
    let mut opening = with_opener("open", request, context, observe, |opener| opener.open())?;
    if request.is_in_cloud() {
        // The evaluator of a local definition has reported them with their positions.
        let ignored = opening.environment.ignored_entries();
        opening.diagnostics.extend(ignored);
    }
    if opening.diagnostics.iter().any(Diagnostic::is_error) {
        let Opening {
            mut diagnostics,
            sources,
            ..
        } = opening;
        if request.is_in_cloud() {
            reported_failure::add(&mut diagnostics, context);
        }
        return Err(definition_error(
            &request.environment,
            diagnostics,
            &sources,
        ));
    }
    if opening.diagnostics.is_empty() {
        // A large definition need not stay in memory while its values are written.
        opening.sources = Sources::default();
    }
    Ok(OpenedEnvironment {
        opening,
        started_at,
    })
}

/// Checks an environment without calling its providers. Problems in the definition are not an error:
/// they are among the diagnostics.
pub fn check(request: &OpenRequest, context: Context<'_>) -> Result<Checked> {
    with_opener("check", request, context, &mut |_| (), |opener| {
        opener.check()
    })
}

impl OpenedEnvironment {
    /// The values.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.opening.environment
    }

    /// The warnings, rendered with their positions; empty if there are none.
    #[must_use]
    pub fn warnings(&self) -> String {
        let Opening {
            diagnostics,
            sources,
            ..
        } = &self.opening;
        sources.render(diagnostics, Style::Plain)
    }

    /// When opening started, on AWS's clock, as far as it is known by now.
    pub(super) fn started_at_aws(&self, context: Context<'_>) -> Timestamp {
        self.started_at.shifted(context.http.aws_clock_offset())
    }
}

/// The API servers in the kubeconfig that the environment renders.
pub(super) fn api_servers(environment: &Environment) -> Vec<String> {
    let files = environment.files();
    let file = files.iter().find(|file| file.name == "KUBECONFIG");
    let text = file.and_then(|file| file.text.as_str());
    let kubeconfig = text.and_then(|text| Kubeconfig::parse(text).ok());
    let servers = kubeconfig.iter().flat_map(Kubeconfig::servers);
    servers.map(str::to_owned).collect()
}

/// Calls `work` with the opener for the environment. `verb` is what messages call the task.
fn with_opener<T>(
    verb: &str,
    request: &OpenRequest,
    context: Context<'_>,
    observe: &mut dyn FnMut(LoginStep<'_>),
    work: impl FnOnce(Box<dyn Opener + '_>) -> Result<T>,
) -> Result<T> {
    let mut log_in = |organization: Option<&str>| {
        observe(LoginStep::Started);
        let cloud = log_in(request, context, organization)?;
        observe(LoginStep::Done(&cloud));
        Ok(cloud)
    };
    let path = match &request.environment {
        Reference::Cloud(name) => {
            reject_local_flags(name, request)?;
            let name = EnvironmentName::parse(name)?;
            return log_in(name.organization.as_deref())
                .and_then(|cloud| work(Box::new(StoredEnvironment::new(&cloud, &name)?)))
                .map_err(|error| within_task(error, verb, request));
        }
        Reference::Local(path) => path,
    };
    if request.remote {
        let definition = file_importer::read_definition(path, None, context.deadline)?;
        return log_in(None)
            .and_then(|cloud| {
                let (text, shown_as) = (definition.text, definition.shown_as);
                work(Box::new(AnonymousEnvironment::new(&cloud, text, shown_as)?))
            })
            .map_err(|error| within_task(error, verb, request));
    }
    let decrypter = match &request.secrets_of {
        Some(name) => {
            let name = name
                .clone()
                .parse(|name| EnvironmentName::parse(name))?
                .value;
            Some(RemoteDecrypter::new(name, request, context))
        }
        None => None,
    };
    let stacks = CloudStackBackends::new(request, context);
    work(Box::new(LocalEnvironment::new(
        request,
        path,
        context,
        &stacks,
        decrypter.as_ref(),
    )?))
}

/// Rejects flags that only make sense for a local definition. The variable of `--secrets-of` may be
/// meant for other calls.
fn reject_local_flags(name: &str, request: &OpenRequest) -> Result<()> {
    let secrets_of = request.secrets_of.as_ref();
    let flag = if secrets_of.is_some_and(|setting| matches!(setting.origin, Origin::Flag(_))) {
        "--secrets-of"
    } else if request.remote {
        "--remote"
    } else {
        return Ok(());
    };
    Err(Error::configuration(format!(
        "`{name}` is already in Pulumi Cloud: `{flag}` is for local definitions"
    ))
    .with_hint(format!("remove `{flag}`")))
}

pub(super) fn within_task(error: Error, verb: &str, request: &OpenRequest) -> Error {
    error.within(format_args!(
        "cannot {verb} the environment `{}`",
        request.environment
    ))
}

/// The error for a definition with errors.
fn definition_error(
    reference: &Reference,
    mut diagnostics: Vec<Diagnostic>,
    sources: &Sources,
) -> Error {
    let errors = count_errors(&diagnostics);
    let message = format!("cannot open the environment `{reference}`");
    // A provider's failure becomes the error itself; its diagnostic only shows the position.
    let failure = diagnostics.iter_mut().find_map(|diagnostic| {
        let failure = diagnostic.failure.take()?;
        "failed here".clone_into(&mut diagnostic.summary);
        Some(Error::from_failure(&*failure))
    });
    if let Some(failure) = failure {
        let rendered = sources.render(&diagnostics, Style::Plain);
        return failure.within(message).with_details(rendered);
    }
    // The hint of a single error becomes that of the whole.
    let mut failed = diagnostics.iter_mut().filter(|it| it.is_error());
    let hint = match (failed.next(), failed.next()) {
        (Some(only), None) => only.hint.take(),
        _ => None,
    };
    let hint = hint.unwrap_or_else(|| {
        format!(
            "fix the definition; `kubectl-esc check {reference}` validates it without opening it"
        )
    });
    Error::new(Kind::Definition, format!("{message}: {errors}"))
        .with_details(sources.render(&diagnostics, Style::Plain))
        .with_hint(hint)
}

/// "its definition has 2 errors".
pub(crate) fn count_errors(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    format!("its definition has {}", counted(errors, "error"))
}
