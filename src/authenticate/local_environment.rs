//! Opens a local definition with the evaluator.

use std::path::{Path, PathBuf};

use crate::authenticate::file_importer::{self, Directory};
use crate::authenticate::remote_decrypter::StoredSecrets;
use crate::authenticate::stack_backends::StackBackends;
use crate::aws::web_identity::WebIdentitySettings;
use crate::config::request::OpenRequest;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::files_read::FilesRead;
use crate::opener::{Checked, Opener, Opening};
use crate::providers::PulumiStacks;
use crate::providers::aws_login::{AwsLogin, AwsLoginSettings};
use esc::evaluator::{Definition, Evaluation, Evaluator};
use esc::{HostResult, Provider, Providers};

/// A local definition, and all that its evaluation needs.
pub(super) struct Local<'a> {
    definition: Definition,
    importer: Directory,
    aws_login: AwsLogin<'a>,
    stacks: PulumiStacks<'a>,
    files: FilesRead,
    secrets: Option<&'a StoredSecrets<'a>>,
}

impl<'a> Local<'a> {
    pub(super) fn new(
        request: &OpenRequest,
        path: &Path,
        context: Context<'a>,
        stacks: &'a StackBackends<'a>,
        secrets: Option<&'a StoredSecrets<'a>>,
    ) -> Result<Self> {
        let definition = file_importer::read_definition(path)?;
        let files = FilesRead::default();
        files.note(path, Some(definition.text.as_bytes()));
        let root = request
            .root
            .clone()
            .or_else(|| path.parent().map(PathBuf::from))
            .unwrap_or_default();
        let settings = AwsLoginSettings {
            region: request.region.clone(),
            web_identity: identity(request),
        };
        Ok(Self {
            definition,
            importer: Directory::new(root).noting(files.clone()),
            aws_login: AwsLogin::new(context, settings),
            stacks: PulumiStacks::new(context.host, stacks).noting(files.clone()),
            files,
            secrets,
        })
    }

    fn evaluator(&self) -> Evaluator<'_> {
        let evaluator = Evaluator::new(&self.importer, self);
        match self.secrets {
            Some(secrets) => evaluator.with_decrypter(secrets),
            None => evaluator,
        }
    }
}

/// What the request says about the identity token for AWS.
pub(super) fn identity(request: &OpenRequest) -> WebIdentitySettings {
    WebIdentitySettings {
        file: request.web_identity_token_file.clone(),
        variable: request.web_identity_token_env.clone(),
        audience: request.web_identity_audience.clone(),
    }
}

impl Opener for Local<'_> {
    fn open(&self) -> Result<Opening> {
        let Evaluation {
            environment,
            diagnostics,
            sources,
        } = self.evaluator().open(self.definition.clone());
        Ok(Opening {
            environment,
            diagnostics,
            sources,
            keys: self.aws_login.keys(),
            identity_tokens: Vec::new(),
            files: self.files.list(),
        })
    }

    fn check(&self) -> Result<Checked> {
        let Evaluation {
            diagnostics,
            sources,
            ..
        } = self.evaluator().check(self.definition.clone());
        Ok(Checked {
            diagnostics,
            sources,
        })
    }
}

impl Providers for Local<'_> {
    fn provider(&self, name: &str) -> HostResult<&dyn Provider> {
        match name {
            "aws-login" => Ok(&self.aws_login),
            "pulumi-stacks" => Ok(&self.stacks),
            _ => Err(
                Error::new(Kind::Definition, format!("unknown provider \"{name}\"")).with_hint(
                    "`aws-login` and `pulumi-stacks` work locally; the others run in Pulumi Cloud",
                ).into(),
            ),
        }
    }
}
