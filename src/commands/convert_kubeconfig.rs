//! `convert-kubeconfig`: has users log in with this plugin that did so with another program.

use clap::Args;

use super::flags::{GetTokenFlags, KubeconfigFlags, OpenFlags};
use super::{kubeconfig, output};
use crate::aws::endpoint::Region;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::kubernetes::eks_login::{EksLogin, Login};
use crate::kubernetes::kubeconfig::{
    Changes, Context as KubeconfigContext, Merged, PluginUser, User, Wanted, context_entry,
};
use crate::log::{Log, Message};

pub(super) const ABOUT: &str = "Have the users of the kubeconfig that run aws or aws-iam-authenticator log in with this plugin";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    /// Environment that they are to log in with: a local definition such as ./env.yaml, or the name
    /// of one in Pulumi Cloud
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,

    /// Convert the user of this context alone [default: every user]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    #[command(flatten)]
    kubeconfig: KubeconfigFlags,

    /// Path of the AWS credentials in the environment, such as aws.creds
    #[arg(long, value_name = "PATH")]
    credentials: Option<String>,

    /// How long the environment's credentials are good for, where the environment does not tell,
    /// such as 1h
    #[arg(long, value_name = "DURATION")]
    credential_lifetime: Option<String>,

    #[command(flatten)]
    open: OpenFlags,
}

pub(super) fn run(arguments: &Arguments, context: Context<'_>) -> Result<()> {
    let flags = &arguments.kubeconfig;
    let names_one = flags.alias.is_some() || flags.user_alias.is_some() || flags.set_current;
    if names_one && arguments.context.is_none() {
        return Err(Error::configuration(
            "`--alias`, `--user-alias` and `--set-current` are about one context, and none is named",
        )
        .with_hint("name it with `--context`"));
    }
    kubeconfig::check_names(flags)?;
    let Context { host, log, .. } = context;
    let request = arguments.open.request(&arguments.environment, host)?;
    let mut notes = Vec::new();
    kubeconfig::apply(flags, &request, host, |merged| {
        let conversion = Conversion {
            arguments,
            host,
            merged,
        };
        match &arguments.context {
            Some(name) => conversion.of_context(name, &mut notes),
            None => conversion.of_all(&mut notes, log),
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
    merged: &'a Merged,
}

impl Conversion<'_> {
    fn of_all(&self, notes: &mut Vec<String>, log: &Log<'_>) -> Result<Changes> {
        let mut changes = Changes::default();
        let mut known = 0;
        for user in self.merged.users() {
            match user.exec.as_ref().map(Login::of) {
                Some(Login::Eks(login)) => {
                    known += 1;
                    let wanted = self.converted(&user.name, &user.name, &login, notes)?;
                    changes.entries.push(wanted);
                }
                Some(Login::Plugin) => known += 1,
                Some(Login::Unclear(reason)) => {
                    known += 1;
                    notes.push(format!("the user `{}` stays as it is: {reason}", user.name));
                }
                Some(Login::Other) | None => log.debug(format_args!(
                    "the user `{}` does not log in to EKS and stays as it is",
                    user.name
                )),
            }
        }
        if known == 0 {
            return Err(Error::configuration(
                "no user of the kubeconfig logs in with `aws eks get-token` or \
                 `aws-iam-authenticator token`",
            )
            .with_hint("`kubectl-esc update-kubeconfig` writes a new entry"));
        }
        Ok(changes)
    }

    fn of_context(&self, name: &str, notes: &mut Vec<String>) -> Result<Changes> {
        let Some(context) = self.merged.context(name) else {
            return Err(self.merged.no_context(name));
        };
        let flags = &self.arguments.kubeconfig;
        let new_context = flags.alias.as_deref().unwrap_or(name);
        let new_user = flags.user_alias.as_deref().or(flags.alias.as_deref());
        let new_user = new_user.unwrap_or(&context.user);
        let user = self.merged.user(&context.user);
        let login = user.as_ref().and_then(|user: &User| user.exec.as_ref());
        let mut changes = Changes::default();
        match login.map(Login::of) {
            Some(Login::Eks(login)) => {
                let wanted = self.converted(&context.user, new_user, &login, notes)?;
                changes.entries.push(wanted);
            }
            Some(Login::Plugin) if new_user == context.user => {}
            other => {
                let reason = match other {
                    Some(Login::Unclear(reason)) => reason,
                    Some(Login::Plugin) => "it logs in with this plugin already".to_owned(),
                    _ => "it runs neither `aws eks get-token` nor `aws-iam-authenticator token`"
                        .to_owned(),
                };
                return Err(Error::configuration(format!(
                    "the user `{}` cannot be converted: {reason}",
                    context.user
                ))
                .with_hint("`kubectl-esc update-kubeconfig` writes a new entry"));
            }
        }
        if new_user != context.user || new_context != name {
            kubeconfig::check_user(self.merged, new_user)?;
            kubeconfig::check_context(self.merged, new_context, new_user)?;
            changes.entries.push(context_entry(
                new_context,
                &context.cluster,
                new_user,
                context.namespace.as_deref().filter(|_| new_context != name),
            ));
        }
        if flags.set_current {
            changes.current_context = Some(new_context.to_owned());
        }
        Ok(changes)
    }

    /// The entry of the user `new` that logs in as the user `old` did.
    fn converted(
        &self,
        old: &str,
        new: &str,
        login: &EksLogin,
        notes: &mut Vec<String>,
    ) -> Result<Wanted> {
        let region = login.region.clone().or_else(|| self.region_of(old));
        if region.is_none() {
            notes.push(format!(
                "the region of the user `{old}` is not known: the environment has to say it"
            ));
        }
        if !login.lost.is_empty() {
            notes.push(format!(
                "of the user `{old}`, this is left out: {}; the credentials are those of the \
                 environment",
                login.lost.join(", ")
            ));
        }
        let flags = GetTokenFlags {
            environment: Some(self.arguments.environment.clone()),
            cluster_name: Some(login.cluster_name.clone()),
            region,
            role_arn: login.role_arn.clone(),
            external_id: login.external_id.clone(),
            session_name: login.session_name.clone(),
            credentials: self.arguments.credentials.clone(),
            web_identity: None,
            credential_lifetime: self.arguments.credential_lifetime.clone(),
            open: self.arguments.open.clone(),
        };
        let user = PluginUser {
            args: flags.to_arguments(self.host)?,
            env: Some(login.env.clone()),
        };
        Ok(user.entry(new))
    }

    /// The region of the clusters that the user logs in to, where their addresses agree on one.
    fn region_of(&self, user: &str) -> Option<String> {
        let contexts = self.merged.contexts();
        let servers = contexts
            .iter()
            .filter(|context: &&KubeconfigContext| context.user == user)
            .filter_map(|context| self.merged.server(&context.cluster));
        let mut regions: Vec<_> = servers.map(Region::of_api_server).collect();
        regions.dedup();
        match regions.as_slice() {
            [Some(region)] => Some(region.to_string()),
            _ => None,
        }
    }
}
