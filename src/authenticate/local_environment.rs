//! Opens a local definition with the evaluator.

use std::path::{Path, PathBuf};

use crate::authenticate::file_importer::{self, FileImporter};
use crate::authenticate::local_context::LocalContext;
use crate::authenticate::remote_decrypter::RemoteDecrypter;
use crate::authenticate::stack_backends::CloudStackBackends;
use crate::config::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::file_tracker::FileTracker;
use crate::host::Host;
use crate::identity_token::{IdentityTokenSettings, IdentityTokenSource};
use crate::opener::{Checked, Opener, Opening};
use crate::providers::PulumiStacks;
use crate::providers::aws_login::{AwsLogin, AwsLoginSettings};
use crate::providers::azure_login::AzureLogin;
use crate::providers::gcp_login::GcpLogin;
use crate::{aws, azure};
use esc::{Definition, Evaluation, Evaluator, HostResult, Provider, Providers, nearest_name};

/// A local definition, and what its evaluation needs.
pub(super) struct LocalEnvironment<'a> {
    definition: Definition,
    host: EvaluatorHost<'a>,
}

/// What the evaluator calls.
struct EvaluatorHost<'a> {
    importer: FileImporter,
    context: LocalContext<'a>,
    aws_login: AwsLogin<'a>,
    azure_login: AzureLogin<'a>,
    gcp_login: GcpLogin<'a>,
    pulumi_stacks: PulumiStacks<'a>,
    files: FileTracker,
    decrypter: Option<&'a RemoteDecrypter<'a>>,
}

impl<'a> LocalEnvironment<'a> {
    pub(super) fn new(
        request: &'a OpenRequest,
        path: &Path,
        context: Context<'a>,
        stacks: &'a CloudStackBackends<'a>,
        decrypter: Option<&'a RemoteDecrypter<'a>>,
    ) -> Result<Self> {
        let definition =
            file_importer::read_definition(path, request.root.as_deref(), context.deadline)?;
        let files = FileTracker::default();
        files.record(path, Some(definition.text.as_bytes()));
        let root = request
            .root
            .clone()
            .or_else(|| path.parent().map(PathBuf::from))
            .unwrap_or_default();
        let settings = AwsLoginSettings {
            region: request.region.clone(),
            identity_token: identity_token(request),
        };
        let host = EvaluatorHost {
            importer: FileImporter::new(root).recording(files.clone()),
            context: LocalContext::new(request, context),
            aws_login: AwsLogin::new(context, settings),
            azure_login: AzureLogin::new(context, identity_token(request)),
            gcp_login: GcpLogin::new(context, identity_token(request)),
            pulumi_stacks: PulumiStacks::new(context.host, stacks).tracking(files.clone()),
            files,
            decrypter,
        };
        Ok(Self { definition, host })
    }
}

impl EvaluatorHost<'_> {
    fn evaluator(&self) -> Evaluator<'_> {
        let evaluator = Evaluator::new(&self.importer, self)
            .with_context_source(&self.context)
            .with_warnings_of_ignored_entries();
        match self.decrypter {
            Some(decrypter) => evaluator.with_decrypter(decrypter),
            None => evaluator,
        }
    }
}

/// The request's settings for the identity token that login providers exchange.
fn identity_token(request: &OpenRequest) -> IdentityTokenSettings {
    IdentityTokenSettings {
        file: request.web_identity_token_file.clone(),
        variable: request.web_identity_token_env.clone(),
        audience: request.web_identity_audience.clone(),
    }
}

/// Fails if the evaluator itself failed: no definition is to blame for that.
fn started(evaluation: Evaluation) -> Result<Evaluation> {
    let mut unlocated = evaluation
        .diagnostics
        .iter()
        .filter(|it| it.range.is_none());
    match unlocated.find_map(|it| it.failure.as_deref()) {
        Some(failure) => Err(Error::from_failure(failure)),
        None => Ok(evaluation),
    }
}

/// Every identity token that login providers may exchange, whichever of them a definition opens.
pub(super) fn identity_token_sources(
    request: &OpenRequest,
    host: &Host,
) -> Vec<IdentityTokenSource> {
    let recipients = [
        &aws::IDENTITY_TOKEN_RECIPIENT,
        &azure::IDENTITY_TOKEN_RECIPIENT,
    ];
    identity_token(request).sources(&recipients, host)
}

impl Opener for LocalEnvironment<'_> {
    fn open(self: Box<Self>) -> Result<Opening> {
        let Self { definition, host } = *self;
        let Evaluation {
            environment,
            diagnostics,
            sources,
        } = started(host.evaluator().open(definition))?;
        Ok(Opening {
            environment,
            diagnostics,
            sources,
            keys: host.aws_login.keys(),
            // gcp-login states the expiry of its tokens here.
            tokens: Vec::new(),
            identity_token: None,
            files: host.files.digests(),
        })
    }

    fn check(self: Box<Self>) -> Result<Checked> {
        let Self { definition, host } = *self;
        let Evaluation {
            diagnostics,
            sources,
            ..
        } = started(host.evaluator().check(definition))?;
        Ok(Checked {
            diagnostics,
            sources,
        })
    }
}

impl Providers for EvaluatorHost<'_> {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        match name {
            "aws-login" => Ok(&self.aws_login),
            "azure-login" => Ok(&self.azure_login),
            "gcp-login" => Ok(&self.gcp_login),
            "pulumi-stacks" => Ok(&self.pulumi_stacks),
            _ => Err(
                Error::new(Kind::Definition, format!("unknown provider \"{name}\""))
                    .with_hint(unknown_provider_hint(name))
                    .into(),
            ),
        }
    }
}

/// The providers of Pulumi Cloud, for suggestions: it may have more.
const PROVIDERS: [&str; 21] = [
    "1password-secrets",
    "aws-login",
    "aws-parameter-store",
    "aws-secrets",
    "azure-login",
    "azure-secrets",
    "debug-oidc-claims",
    "doppler-login",
    "doppler-secrets",
    "external",
    "gcp-login",
    "gcp-secrets",
    "gh-login",
    "infisical-login",
    "infisical-secrets",
    "oidc",
    "pulumi-stacks",
    "snowflake-login",
    "terraform-state",
    "vault-login",
    "vault-secrets",
];

fn unknown_provider_hint(name: &str) -> String {
    let is_known = PROVIDERS.contains(&name);
    match nearest_name(name, PROVIDERS).filter(|_| !is_known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => {
            "only `aws-login`, `azure-login`, `gcp-login` and `pulumi-stacks` work locally; use \
                 `--remote` to evaluate the definition in Pulumi Cloud"
                .to_owned()
        }
    }
}
