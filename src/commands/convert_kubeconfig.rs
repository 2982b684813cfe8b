//! `convert-kubeconfig`: converts users of other EKS credential plugins to this plugin.

use clap::Args;
use kubeconfig::{Changes, EntryChange, MergedKubeconfig};

use super::flags::{GetTokenFlags, KubeconfigFlags, OpenFlags};
use super::{edit_kubeconfig, output};
use crate::aws::endpoint::Region;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::ApiVersion;
use crate::kubernetes::eks_token_command::{EksTokenCommand, ExecPlugin};
use crate::kubernetes::plugin_user::PluginUser;
use crate::log::{Log, Message};

pub(super) const ABOUT: &str =
    "Convert kubeconfig users from aws or aws-iam-authenticator to kubectl-esc";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to authenticate with: a name in Pulumi Cloud such as acme/platform/prod, or a
    /// definition file such as ./env.yaml
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Convert only the user of this context [default: all users]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Property path of the AWS credentials in the environment, such as aws.creds
    #[arg(long, value_name = "PATH")]
    credentials: Option<String>,

    /// How long to use the environment's credentials if their expiry is unknown, such as 1h
    #[arg(long, value_name = "DURATION")]
    credential_lifetime: Option<String>,

    #[command(flatten)]
    open: OpenFlags,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let flags = &arguments.kubeconfig;
    let needs_context = flags.alias.is_some() || flags.user_alias.is_some() || flags.set_current;
    if needs_context && arguments.context.is_none() {
        return Err(Error::configuration(
            "`--alias`, `--user-alias` and `--set-current` require `--context`",
        )
        .with_hint("pass the name of the context to convert with `--context`"));
    }
    edit_kubeconfig::check_names(flags)?;
    let Context { host, log, .. } = context;
    let request = arguments.open.request(&arguments.environment, host)?;
    let mut notes = Vec::new();
    edit_kubeconfig::apply(flags, &request, host, |kubeconfig| {
        let mut conversion = Conversion {
            arguments,
            host,
            kubeconfig,
            notes: &mut notes,
        };
        match &arguments.context {
            Some(name) => conversion.convert_context(name),
            None => conversion.convert_all(log),
        }
    })?;
    for note in notes {
        output::note(Message::Line(&note));
    }
    Ok(())
}

struct Conversion<'a> {
    arguments: &'a Arguments,
    host: &'a Host,
    kubeconfig: &'a MergedKubeconfig,
    /// Notes for the user, printed after the files are written.
    notes: &'a mut Vec<String>,
}

impl Conversion<'_> {
    fn convert_all(&mut self, log: &Log<'_>) -> Result<Changes> {
        let mut changes = Changes::default();
        let mut eks_users = 0;
        for user in self.kubeconfig.users() {
            match user.exec.as_ref().map(ExecPlugin::identify) {
                Some(ExecPlugin::Eks(command)) => {
                    eks_users += 1;
                    let change = self.converted_user(&user.name, &user.name, &command)?;
                    changes.entries.push(change);
                }
                Some(ExecPlugin::KubectlEsc) => eks_users += 1,
                Some(ExecPlugin::UnsupportedEks(reason)) => {
                    eks_users += 1;
                    let note = format!("user `{}`: not converted: {reason}", user.name);
                    self.notes.push(note);
                }
                Some(ExecPlugin::Other) | None => log.debug(format_args!(
                    "user `{}`: not converted: not for EKS",
                    user.name
                )),
            }
        }
        if eks_users == 0 {
            return Err(Error::configuration(
                "no user of the kubeconfig runs `aws eks get-token` or \
                 `aws-iam-authenticator token`",
            )
            .with_hint("create an entry with `kubectl-esc update-kubeconfig`"));
        }
        Ok(changes)
    }

    fn convert_context(&mut self, name: &str) -> Result<Changes> {
        let context = self.kubeconfig.require_context(name)?;
        let flags = &self.arguments.kubeconfig;
        let new_context = flags.alias.as_deref().unwrap_or(name);
        let new_user = flags.user_alias.as_deref().or(flags.alias.as_deref());
        let new_user = new_user.unwrap_or(&context.user);
        let mut changes = Changes::default();
        if let Some(command) = self.command_to_convert(&context.user, new_user)? {
            let change = self.converted_user(&context.user, new_user, &command)?;
            changes.entries.push(change);
        }
        if new_user != context.user || new_context != name {
            edit_kubeconfig::check_user(self.kubeconfig, new_user)?;
            edit_kubeconfig::check_context(self.kubeconfig, new_context, new_user)?;
            let namespace = context.namespace.as_deref();
            changes.entries.push(EntryChange::context(
                new_context,
                &context.cluster,
                new_user,
                namespace.filter(|_| new_context != name),
            ));
        }
        if flags.set_current {
            changes.current_context = Some(new_context.to_owned());
        }
        Ok(changes)
    }

    /// The command of a user. `None` if it already is this plugin under the new name.
    fn command_to_convert(&self, user: &str, new_user: &str) -> Result<Option<EksTokenCommand>> {
        let exec = self.kubeconfig.user(user).and_then(|user| user.exec);
        let problem = match exec.as_ref().map(ExecPlugin::identify) {
            Some(ExecPlugin::Eks(command)) => return Ok(Some(command)),
            Some(ExecPlugin::KubectlEsc) if user == new_user => return Ok(None),
            Some(ExecPlugin::KubectlEsc) => "it already runs kubectl-esc".to_owned(),
            Some(ExecPlugin::UnsupportedEks(reason)) => reason,
            Some(ExecPlugin::Other) | None => {
                "it runs neither `aws eks get-token` nor `aws-iam-authenticator token`".to_owned()
            }
        };
        Err(
            Error::configuration(format!("cannot convert user `{user}`: {problem}"))
                .with_hint("create an entry with `kubectl-esc update-kubeconfig`"),
        )
    }

    /// The change that makes the entry `new_name` authenticate to the cluster of user `name`.
    fn converted_user(
        &mut self,
        name: &str,
        new_name: &str,
        command: &EksTokenCommand,
    ) -> Result<EntryChange> {
        let region = command.region.clone().or_else(|| self.region_of(name));
        if region.is_none() {
            self.notes.push(format!(
                "user `{name}`: unknown region; set `eks.region` in the environment"
            ));
        }
        if !command.dropped.is_empty() {
            self.notes.push(format!(
                "user `{name}`: dropped {}; credentials now come from the environment",
                command.dropped.join(", ")
            ));
        }
        let flags = GetTokenFlags {
            environment: Some(self.arguments.environment.clone()),
            cluster_name: Some(command.cluster_name.clone()),
            region,
            role_arn: command.role_arn.clone(),
            external_id: command.external_id.clone(),
            session_name: command.session_name.clone(),
            credentials: self.arguments.credentials.clone(),
            web_identity: None,
            credential_lifetime: self.arguments.credential_lifetime.clone(),
            api_version: (command.api_version != ApiVersion::default())
                .then(|| command.api_version.short_name().to_owned()),
            open: self.arguments.open.clone(),
        };
        let user = PluginUser {
            args: flags.to_arguments(self.host)?,
            env: Some(command.env.clone()),
            api_version: command.api_version,
        };
        Ok(user.entry(new_name))
    }

    /// The region of the user's clusters, if the API servers' host names agree on one.
    fn region_of(&self, user: &str) -> Option<String> {
        let contexts = self.kubeconfig.contexts();
        let servers = contexts
            .iter()
            .filter(|context: &&kubeconfig::Context| context.user == user)
            .filter_map(|context| self.kubeconfig.server(&context.cluster));
        let mut regions: Vec<_> = servers.map(Region::of_api_server).collect();
        regions.dedup();
        match regions.as_slice() {
            [Some(region)] => Some(region.to_string()),
            _ => None,
        }
    }
}
