//! `convert-kubeconfig`: converts users of other EKS credential plugins to this plugin.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::collections::BTreeSet;

use std::ffi::{OsStr, OsString};

use clap::Args;
use kubeconfig::{Changes, EntryChange, MergedKubeconfig};

use super::flags::{GetTokenFlags, KubeconfigFlags, OpenFlags, environment_or_variable, heading};
use super::{check, edit_kubeconfig, output};
use crate::aws::endpoint::Region;
use crate::config::ClusterProvider;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::ApiVersion;
use crate::kubernetes::eks_token_command::{EksTokenCommand, ExecPlugin};
use crate::kubernetes::plugin_user::{COMMAND, PluginUser};
use crate::log::{Log, Message};

pub(super) const ABOUT: &str =
    "Convert kubeconfig users from aws or aws-iam-authenticator to kubectl-esc";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment to authenticate with: a name in Pulumi Cloud or a definition file
    ///
    /// Names are such as acme/platform/prod, files such as ./env.yaml. [env:
    /// KUBECTL_ESC_ENVIRONMENT]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    /// Convert only the user of this context
    ///
    /// [default: all users, if they have the same AWS profile and role]
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    context: Option<String>,

    /// Convert all users, even if they have different AWS profiles or roles
    #[arg(long, conflicts_with = "context", help_heading = heading::KUBECONFIG)]
    all: bool,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Property path of the AWS credentials in the environment, such as aws.creds
    #[arg(long, value_name = "PATH", help_heading = heading::AWS)]
    credentials: Option<String>,

    /// How long to use credentials of unknown expiry, such as 1h
    #[arg(long, value_name = "DURATION", help_heading = heading::AWS)]
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
    let environment = environment_or_variable(arguments.environment.as_ref(), host)?;
    let request = arguments.open.request(&environment, host)?;
    check::require_valid(&request, context.with_timeout(request.timeout))?;
    let mut notes = Vec::new();
    edit_kubeconfig::apply(flags, &request, host, |kubeconfig| {
        let mut conversion = Conversion {
            arguments,
            environment: &environment,
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
    environment: &'a OsStr,
    host: &'a Host,
    kubeconfig: &'a MergedKubeconfig,
    /// Notes for the user, printed after the files are written.
    notes: &'a mut Vec<String>,
}

impl Conversion<'_> {
    fn convert_all(&mut self, log: &Log<'_>) -> Result<Changes> {
        let mut commands = Vec::new();
        let mut has_others = false;
        for user in self.kubeconfig.users() {
            match user.exec.as_ref().map(ExecPlugin::identify) {
                Some(ExecPlugin::Eks(command)) => commands.push((user.name, command)),
                Some(ExecPlugin::KubectlEsc) => has_others = true,
                Some(ExecPlugin::UnsupportedEks(reason)) => {
                    has_others = true;
                    let note = format!("user `{}`: not converted: {reason}", user.name);
                    self.notes.push(note);
                }
                Some(ExecPlugin::Other) | None => log.debug(format_args!(
                    "user `{}`: not converted: not for EKS",
                    user.name
                )),
            }
        }
        if commands.is_empty() && !has_others {
            return Err(self.no_eks_user());
        }
        if !self.arguments.all {
            check_same_identity(&commands)?;
        }
        let mut changes = Changes::default();
        for (user, command) in &commands {
            changes
                .entries
                .push(self.converted_user(user, user, command)?);
        }
        Ok(changes)
    }

    fn no_eks_user(&self) -> Error {
        let files = self.kubeconfig.files();
        let missing: Vec<_> = files
            .filter(|(_, exists)| !exists)
            .map(|(path, _)| format!("`{}` does not exist", path.display()))
            .collect();
        let mut message = "no user of the kubeconfig runs `aws eks get-token` or \
                           `aws-iam-authenticator token`"
            .to_owned();
        if !missing.is_empty() {
            message = format!("{message}: {}", missing.join(", "));
        }
        Error::configuration(message)
            .with_hint("create an entry with `kubectl-esc update-kubeconfig`")
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
            let provider = ClusterProvider::Eks;
            edit_kubeconfig::check_user(self.kubeconfig, new_user, provider)?;
            edit_kubeconfig::check_context(self.kubeconfig, new_context, new_user, provider)?;
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
        if !command.without_effect.is_empty() {
            let variables = command.without_effect.join("`, `");
            self.notes.push(format!(
                "user `{name}`: removed variables that kubectl-esc does not need: `{variables}`"
            ));
        }
        let flags = GetTokenFlags {
            environment: Some(self.environment.to_owned()),
            provider: None,
            cluster_name: Some(command.cluster_name.clone()),
            region,
            role_arn: command.role_arn.clone(),
            external_id: command.external_id.clone(),
            session_name: command.session_name.clone(),
            credentials: self.arguments.credentials.clone(),
            web_identity: None,
            credential_lifetime: self.arguments.credential_lifetime.clone(),
            azure_authority_host: None,
            api_version: (command.api_version != ApiVersion::default())
                .then(|| command.api_version.short_name().to_owned()),
            open: self.arguments.open.clone(),
        };
        let user = PluginUser {
            command: COMMAND.to_owned(),
            args: flags.to_arguments(self.host)?,
            env: Some(command.env.clone()),
            api_version: command.api_version,
        };
        self.notes.extend(edit_kubeconfig::warnings(&user));
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

/// Rejects users with different AWS profiles or roles: one environment would replace them all.
fn check_same_identity(commands: &[(String, EksTokenCommand)]) -> Result<()> {
    let identity = |command: &EksTokenCommand| (command.profile.clone(), command.role_arn.clone());
    let identities: BTreeSet<_> = commands
        .iter()
        .map(|(_, command)| identity(command))
        .collect();
    if identities.len() < 2 {
        return Ok(());
    }
    let describe = |(user, command): &(String, EksTokenCommand)| {
        let profile = command.profile.as_deref().unwrap_or("none");
        let role = command.role_arn.as_deref().unwrap_or("none");
        format!("  user `{user}`: AWS profile {profile}, role {role}\n")
    };
    let error = Error::configuration("the users have different AWS profiles or roles")
        .with_details(commands.iter().map(describe).collect::<String>());
    Err(error
        .with_hint("convert one user at a time with `--context NAME`, or all of them with `--all`"))
}
