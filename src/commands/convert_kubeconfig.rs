//! `convert-kubeconfig`: converts users of other credential plugins to this plugin.

#![expect(clippy::doc_markdown, reason = "help text has no markup")]

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::Args;
use kubeconfig::{Changes, EntryChange, Exec, MergedKubeconfig};

use super::flags::{GetTokenFlags, KubeconfigFlags, OpenFlags, environment_or_variable, heading};
use super::{check, edit_kubeconfig, output};
use crate::aws::endpoint::Region;
use crate::config::ClusterProvider;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec_plugins::{ExecPlugin, TokenCommand};
use crate::host::Host;
use crate::kubernetes::ApiVersion;
use crate::kubernetes::plugin_user::{COMMAND, PluginUser};
use crate::log::{Log, Message};

pub(super) const ABOUT: &str =
    "Convert kubeconfig users of other EKS, GKE and AKS credential plugins to kubectl-esc";

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
    /// [default: all users, if those of each provider have the same identity]
    #[arg(long, value_name = "NAME", help_heading = heading::KUBECONFIG)]
    context: Option<String>,

    /// Convert all users, even if they have different AWS profiles, roles, accounts or applications
    #[arg(long, conflicts_with = "context", help_heading = heading::KUBECONFIG)]
    all: bool,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Property path of the credentials in the environment, such as aws.creds
    #[arg(long, value_name = "PATH", help_heading = heading::CREDENTIALS)]
    credentials: Option<String>,

    /// How long to use credentials of unknown expiry, such as 1h
    #[arg(long, value_name = "DURATION", help_heading = heading::CREDENTIALS)]
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
                Some(ExecPlugin::Convertible(command)) => commands.push((user.name, *command)),
                Some(ExecPlugin::KubectlEsc) => has_others = true,
                Some(ExecPlugin::Unsupported(_, reason)) => {
                    has_others = true;
                    let note = format!("user `{}`: not converted: {reason}", user.name);
                    self.notes.push(note);
                }
                Some(ExecPlugin::Other) | None => log.debug(format_args!(
                    "user `{}`: not converted: no known credential plugin",
                    user.name
                )),
            }
        }
        if commands.is_empty() && !has_others {
            return Err(self.no_user());
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

    fn no_user(&self) -> Error {
        let files = self.kubeconfig.files();
        let missing: Vec<_> = files
            .filter(|(_, exists)| !exists)
            .map(|(path, _)| format!("`{}` does not exist", path.display()))
            .collect();
        let mut message = "no user of the kubeconfig runs `aws eks get-token`, \
                           `aws-iam-authenticator token`, `gke-gcloud-auth-plugin` or `kubelogin \
                           get-token`"
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
        let mut provider = ClusterProvider::Eks;
        if let Some(command) = self.command_to_convert(&context.user, new_user)? {
            let change = self.converted_user(&context.user, new_user, &command)?;
            changes.entries.push(change);
            provider = command.provider;
        } else if let Some(exec) = self.exec_of(&context.user) {
            provider = edit_kubeconfig::own_provider(&exec).unwrap_or(provider);
        }
        if new_user != context.user || new_context != name {
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

    fn exec_of(&self, user: &str) -> Option<Exec> {
        self.kubeconfig.user(user).and_then(|user| user.exec)
    }

    /// The command of a user. `None` if it already is this plugin under the new name.
    fn command_to_convert(&self, user: &str, new_user: &str) -> Result<Option<TokenCommand>> {
        let problem = match self.exec_of(user).as_ref().map(ExecPlugin::identify) {
            Some(ExecPlugin::Convertible(command)) => return Ok(Some(*command)),
            Some(ExecPlugin::KubectlEsc) if user == new_user => return Ok(None),
            Some(ExecPlugin::KubectlEsc) => "it already runs kubectl-esc".to_owned(),
            Some(ExecPlugin::Unsupported(_, reason)) => reason,
            Some(ExecPlugin::Other) | None => {
                "it runs no known credential plugin for EKS, GKE or AKS".to_owned()
            }
        };
        Err(
            Error::configuration(format!("cannot convert user `{user}`: {problem}"))
                .with_hint("create an entry with `kubectl-esc update-kubeconfig`"),
        )
    }

    /// Whether the kubeconfig has users for clusters of several providers. Then each needs `--provider`,
    /// because the environment probably has several logins.
    fn has_several_providers(&self) -> bool {
        let users = self.kubeconfig.users();
        let provider = |exec: &Exec| match ExecPlugin::identify(exec) {
            ExecPlugin::KubectlEsc => edit_kubeconfig::own_provider(exec),
            ExecPlugin::Convertible(command) => Some(command.provider),
            ExecPlugin::Unsupported(..) | ExecPlugin::Other => None,
        };
        let execs = users.iter().filter_map(|user| user.exec.as_ref());
        let mut providers = execs.filter_map(provider);
        let first = providers.next();
        providers.any(|provider| Some(provider) != first)
    }

    /// The change that makes the entry `new_name` authenticate to the cluster of user `name`.
    fn converted_user(
        &mut self,
        name: &str,
        new_name: &str,
        command: &TokenCommand,
    ) -> Result<EntryChange> {
        let is_eks = command.provider == ClusterProvider::Eks;
        let mut region = command.region.clone();
        if is_eks && region.is_none() {
            region = self.region_of(name);
            if region.is_none() {
                self.notes.push(format!(
                    "user `{name}`: unknown region; set `eks.region` in the environment"
                ));
            }
        }
        self.report_losses(name, command);
        let writes_provider = !is_eks || self.has_several_providers();
        let flags = GetTokenFlags {
            environment: Some(self.environment.to_owned()),
            provider: writes_provider.then(|| command.provider.to_string()),
            cluster_name: command.cluster_name.clone(),
            region,
            role_arn: command.role_arn.clone(),
            external_id: command.external_id.clone(),
            session_name: command.session_name.clone(),
            credentials: self.arguments.credentials.clone(),
            web_identity: None,
            credential_lifetime: self.arguments.credential_lifetime.clone(),
            azure_authority_host: command.azure_authority_host.clone(),
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

    fn report_losses(&mut self, name: &str, command: &TokenCommand) {
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

/// Rejects users of a provider with different identities: one environment would replace them all.
fn check_same_identity(commands: &[(String, TokenCommand)]) -> Result<()> {
    for (provider, what) in [
        (ClusterProvider::Eks, "AWS profiles or roles"),
        (ClusterProvider::Gke, "Google Cloud accounts"),
        (ClusterProvider::Aks, "Azure applications or tenants"),
    ] {
        let of_provider = || {
            commands
                .iter()
                .filter(|(_, command)| command.provider == provider)
        };
        let identities: BTreeSet<_> = of_provider()
            .map(|(_, command)| &command.identity)
            .collect();
        if identities.len() < 2 {
            continue;
        }
        let describe = |(user, command): &(String, TokenCommand)| {
            format!("  user `{user}`: {}\n", command.identity)
        };
        return Err(
            Error::configuration(format!("the users have different {what}"))
                .with_details(of_provider().map(describe).collect::<String>())
                .with_hint(
                    "convert one user at a time with `--context NAME`, or all of them with `--all`",
                ),
        );
    }
    Ok(())
}
