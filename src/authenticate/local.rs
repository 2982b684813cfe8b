//! Opens a local definition with the evaluator.

use std::path::{Path, PathBuf};

use crate::authenticate::decryption::StoredSecrets;
use crate::aws::aws_login::{self, AwsLogin};
use crate::aws::web_identity;
use crate::configuration::request::OpenRequest;
use crate::environment::{Checked, FilesRead, Opener, Opening};
use crate::error::{Error, Kind, Result};
use crate::evaluator::directory::{self, Directory};
use crate::evaluator::provider::{Provider, Providers};
use crate::evaluator::{Definition, Evaluation, Evaluator};
use crate::host::Host;
use crate::http::HttpClient;

/// A local definition, and all that its evaluation needs.
pub(super) struct Local<'a> {
    definition: Definition,
    importer: Directory,
    aws_login: AwsLogin,
    files: FilesRead,
    secrets: Option<&'a StoredSecrets<'a>>,
}

impl<'a> Local<'a> {
    pub(super) fn new(
        request: &OpenRequest,
        path: &Path,
        host: &Host,
        http: &HttpClient,
        secrets: Option<&'a StoredSecrets<'a>>,
    ) -> Result<Self> {
        let definition = directory::read_definition(path)?;
        let files = FilesRead::default();
        files.note(path, Some(definition.text.as_bytes()));
        let root = request
            .root
            .clone()
            .or_else(|| path.parent().map(PathBuf::from))
            .unwrap_or_default();
        let settings = aws_login::Settings {
            region: request.region.clone(),
            identity: identity(request),
            deadline: request.deadline,
        };
        Ok(Self {
            definition,
            importer: Directory::new(root).noting(files.clone()),
            aws_login: AwsLogin::new(host, http, settings),
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
pub(super) fn identity(request: &OpenRequest) -> web_identity::Choice {
    web_identity::Choice {
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
    fn provider(&self, name: &str) -> Result<&dyn Provider> {
        if name == "aws-login" {
            return Ok(&self.aws_login);
        }
        Err(
            Error::new(Kind::Definition, format!("unknown provider \"{name}\"")).with_hint(
                "`aws-login` is the provider that works locally; the others run in Pulumi Cloud",
            ),
        )
    }
}
