//! Users that log in to EKS with another program: `aws eks get-token` or `aws-iam-authenticator
//! token`, also below `aws-vault exec`.
//!
//! The flags are those of the AWS CLI, versions 1 and 2, which takes every unambiguous start of a
//! flag's name, and those of aws-iam-authenticator.

use crate::kubernetes::plugin_user::COMMAND;
use kubeconfig::Exec;

/// What a user's login program is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Login {
    /// This plugin.
    Plugin,
    /// Another program for EKS.
    Eks(EksLogin),
    /// Another program for EKS, called in a way that cannot be taken over: the reason.
    Unclear(String),
    /// Something else.
    Other,
}

/// What the call of another program says.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct EksLogin {
    /// The cluster's name, or its id where it runs on an Outpost.
    pub cluster_name: String,
    /// The region.
    pub region: Option<String>,
    /// The role to assume.
    pub role_arn: Option<String>,
    /// The external id for the role.
    pub external_id: Option<String>,
    /// The name of the role's session.
    pub session_name: Option<String>,
    /// The variables that this plugin understands as well.
    pub env: Vec<(String, String)>,
    /// What has no counterpart, in words; no values of variables.
    pub lost: Vec<String>,
}

/// Variables may hold secrets.
impl std::fmt::Debug for EksLogin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EksLogin")
            .field("cluster_name", &self.cluster_name)
            .field("region", &self.region)
            .field("role_arn", &self.role_arn)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// Reads a user's `exec`.
    #[must_use]
    pub fn of(exec: &Exec) -> Self {
        let arguments: Vec<&str> = exec.args.iter().map(String::as_str).collect();
        if program(&exec.command) == COMMAND
            || (program(&exec.command) == "kubectl" && arguments.first() == Some(&"esc"))
        {
            return Self::Plugin;
        }
        let mut login = EksLogin::default();
        match login.read(&exec.command, &arguments) {
            Ok(true) => {}
            Ok(false) => return Self::Other,
            Err(reason) => return Self::Unclear(reason),
        }
        login.read_variables(&exec.env);
        if login.cluster_name.is_empty() {
            return Self::Unclear("it names no cluster".to_owned());
        }
        Self::Eks(login)
    }
}

/// The name of a program without its folder and, on Windows, its ending.
fn program(command: &str) -> &str {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let ending = name.len().saturating_sub(4);
    match name.get(ending..) {
        Some(exe) if exe.eq_ignore_ascii_case(".exe") => &name[..ending],
        _ => name,
    }
}

impl EksLogin {
    /// Reads a call; says whether it is one of those that are known.
    fn read(&mut self, command: &str, arguments: &[&str]) -> Result<bool, String> {
        match program(command) {
            "aws" => self.read_aws(arguments),
            "aws-iam-authenticator" | "heptio-authenticator-aws" => {
                self.read_authenticator(arguments)
            }
            "aws-vault" => self.read_vault(arguments),
            _ => Ok(false),
        }
    }

    /// `aws eks get-token`.
    fn read_aws(&mut self, arguments: &[&str]) -> Result<bool, String> {
        const SWITCHES: [&str; 8] = [
            "debug",
            "no-verify-ssl",
            "no-paginate",
            "no-sign-request",
            "no-cli-pager",
            "cli-auto-prompt",
            "no-cli-auto-prompt",
            "version",
        ];
        const VALUES: [&str; 13] = [
            "ca-bundle",
            "cli-binary-format",
            "cli-connect-timeout",
            "cli-read-timeout",
            "cluster-id",
            "cluster-name",
            "color",
            "endpoint-url",
            "output",
            "profile",
            "query",
            "region",
            "role-arn",
        ];
        let known: Vec<_> = SWITCHES
            .iter()
            .map(|name| Flag::switch(name))
            .chain(VALUES.iter().map(|name| Flag::value(name)))
            .collect();
        let (words, flags) = parse(arguments, &known, true)?;
        if words != ["eks", "get-token"] {
            return Ok(false);
        }
        for (flag, value) in flags {
            match flag {
                "cluster-id" | "cluster-name" => value.clone_into(&mut self.cluster_name),
                "region" => self.region = said(value),
                "role-arn" => self.role_arn = said(value),
                "profile" => self.lose_profile(value),
                "ca-bundle" | "endpoint-url" | "no-sign-request" | "no-verify-ssl" => {
                    self.lost.push(format!("the flag `--{flag}`"));
                }
                // The rest is about the form of the output.
                _ => {}
            }
        }
        Ok(true)
    }

    /// `aws-iam-authenticator token`.
    fn read_authenticator(&mut self, arguments: &[&str]) -> Result<bool, String> {
        let known = [
            Flag::short('i', "cluster-id"),
            Flag::short('c', "config"),
            Flag::short('l', "log-format"),
            Flag::short('v', "log-verbosity"),
            Flag::value("feature-gates"),
            Flag::short('r', "role"),
            Flag::short('e', "external-id"),
            Flag::short('s', "session-name"),
            Flag::value("region"),
            Flag::switch("forward-session-name"),
            Flag::switch("cache"),
            Flag::switch("token-only"),
        ];
        let (words, flags) = parse(arguments, &known, false)?;
        if words != ["token"] {
            return Ok(false);
        }
        for (flag, value) in flags {
            match flag {
                "cluster-id" => value.clone_into(&mut self.cluster_name),
                "region" => self.region = said(value),
                "role" => self.role_arn = said(value),
                "external-id" => self.external_id = said(value),
                "session-name" => self.session_name = said(value),
                "config" => self.lost.push("the flag `--config`".to_owned()),
                "forward-session-name" if value != "false" => {
                    self.lost
                        .push("the flag `--forward-session-name`".to_owned());
                }
                "token-only" if value != "false" => {
                    return Err("it prints no ExecCredential (`--token-only`)".to_owned());
                }
                // Logging and its own cache.
                _ => {}
            }
        }
        Ok(true)
    }

    /// `aws-vault exec PROFILE -- PROGRAM…`.
    fn read_vault(&mut self, arguments: &[&str]) -> Result<bool, String> {
        let Some(end) = arguments.iter().position(|argument| *argument == "--") else {
            return Ok(false);
        };
        let (own, rest) = (&arguments[..end], &arguments[end + 1..]);
        let Some((command, rest)) = rest.split_first() else {
            return Ok(false);
        };
        if !own.contains(&"exec") || !self.read(command, rest)? {
            return Ok(false);
        }
        // Its flags may take values of any form; the first word after `exec` is the profile in
        // most calls, and it is named for the reader's sake alone.
        let mut words = own.iter().skip_while(|word| **word != "exec").skip(1);
        match words.find(|word| !word.starts_with('-')) {
            Some(profile) => self.lose_profile(profile),
            None => self.lost.push("the AWS profile of `aws-vault`".to_owned()),
        }
        Ok(true)
    }

    fn lose_profile(&mut self, profile: &str) {
        let lost = format!("the AWS profile `{profile}`");
        if !self.lost.contains(&lost) {
            self.lost.push(lost);
        }
    }

    fn read_variables(&mut self, variables: &[(String, String)]) {
        let mut default_region = None;
        for (name, value) in variables {
            match name.as_str() {
                _ if value.is_empty() => {}
                "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" => self.lose_profile(value),
                "AWS_REGION" => {
                    self.region.get_or_insert_with(|| value.clone());
                }
                "AWS_DEFAULT_REGION" => default_region = Some(value.clone()),
                "DEFAULT_ROLE" => {
                    self.role_arn.get_or_insert_with(|| value.clone());
                }
                "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID" => {
                    if self.cluster_name.is_empty() {
                        self.cluster_name.clone_from(value);
                    }
                }
                "AWS_ACCESS_KEY_ID"
                | "AWS_SECRET_ACCESS_KEY"
                | "AWS_SESSION_TOKEN"
                | "AWS_SECURITY_TOKEN"
                | "AWS_CONFIG_FILE"
                | "AWS_SHARED_CREDENTIALS_FILE"
                | "AWS_ROLE_ARN"
                | "AWS_ROLE_SESSION_NAME" => {
                    self.lost.push(format!("the variable `{name}`"));
                }
                // Of no effect here: STS is always the region's, and nothing else is looked at.
                "AWS_STS_REGIONAL_ENDPOINTS"
                | "AWS_SDK_LOAD_CONFIG"
                | "AWS_EC2_METADATA_DISABLED"
                | "AWS_DEFAULT_OUTPUT"
                | "AWS_PAGER"
                | "AWS_CLI_AUTO_PROMPT"
                | "AWS_IAM_AUTHENTICATOR_CACHE_FILE"
                | "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY" => {}
                _ => self.env.push((name.clone(), value.clone())),
            }
        }
        self.region = self.region.take().or(default_region);
    }
}

fn said(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// A flag that a program has.
struct Flag<'a> {
    name: &'a str,
    short: Option<char>,
    has_value: bool,
}

impl<'a> Flag<'a> {
    fn switch(name: &'a str) -> Self {
        Self {
            name,
            short: None,
            has_value: false,
        }
    }

    fn value(name: &'a str) -> Self {
        Self {
            name,
            short: None,
            has_value: true,
        }
    }

    fn short(short: char, name: &'a str) -> Self {
        Self {
            name,
            short: Some(short),
            has_value: true,
        }
    }
}

/// Words, and flags with their values; a switch has none.
type Parsed<'a> = (Vec<&'a str>, Vec<(&'a str, &'a str)>);

/// Divides arguments into words and flags: `--flag value`, `--flag=value`, `-f value`, `-fvalue`,
/// `-f=value`. With `shortened`, the start of a flag's name will do where no other begins so.
fn parse<'a>(
    arguments: &[&'a str],
    known: &[Flag<'a>],
    shortened: bool,
) -> Result<Parsed<'a>, String> {
    let (mut words, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter().copied();
    while let Some(argument) = arguments.next() {
        let (flag, value) = if let Some(long) = argument.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            (named(name, known, shortened)?, value)
        } else if let Some(short) = argument.strip_prefix('-').filter(|it| !it.is_empty()) {
            let letter = short.chars().next();
            let flag = known
                .iter()
                .find(|flag| flag.short.is_some() && flag.short == letter);
            let flag = flag.ok_or_else(|| "it has a flag that is not known".to_owned())?;
            let value = short.get(1..).filter(|value| !value.is_empty());
            (
                flag,
                value.map(|value| value.strip_prefix('=').unwrap_or(value)),
            )
        } else {
            words.push(argument);
            continue;
        };
        let value = match value {
            Some(value) => value,
            None if flag.has_value => arguments
                .next()
                .ok_or_else(|| format!("its flag `--{}` has no value", flag.name))?,
            None => "",
        };
        flags.push((flag.name, value));
    }
    Ok((words, flags))
}

fn named<'f, 'a>(
    name: &str,
    known: &'f [Flag<'a>],
    shortened: bool,
) -> Result<&'f Flag<'a>, String> {
    if let Some(flag) = known.iter().find(|flag| flag.name == name) {
        return Ok(flag);
    }
    let mut starting = known
        .iter()
        .filter(|flag| shortened && !name.is_empty() && flag.name.starts_with(name));
    match (starting.next(), starting.next()) {
        (Some(flag), None) => Ok(flag),
        _ => Err("it has a flag that is not known".to_owned()),
    }
}

#[cfg(test)]
mod tests;
