//! Parses the `exec` entries of other EKS credential plugins: `aws eks get-token` and
//! `aws-iam-authenticator token`, also when run through `aws-vault exec`.
//!
//! Knows the flags of the AWS CLI, versions 1 and 2, which may be abbreviated to an unambiguous prefix,
//! and those of aws-iam-authenticator.

use std::fmt;

use crate::kubernetes::exec_info::ApiVersion;
use crate::kubernetes::plugin_user::COMMAND;
use kubeconfig::Exec;

/// The credential plugin that a kubeconfig user runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ExecPlugin {
    /// This plugin.
    KubectlEsc,
    /// Another plugin for EKS.
    Eks(EksTokenCommand),
    /// Another plugin for EKS whose arguments cannot be converted, and the reason.
    UnsupportedEks(String),
    /// A plugin that is not for EKS.
    Other,
}

impl ExecPlugin {
    /// Identifies the plugin by its command and arguments.
    #[must_use]
    pub(crate) fn identify(exec: &Exec) -> Self {
        let program = program_name(&exec.command);
        let is_kubectl_plugin =
            program == "kubectl" && exec.args.first().is_some_and(|arg| arg == "esc");
        if program == COMMAND || is_kubectl_plugin {
            return Self::KubectlEsc;
        }
        match EksTokenCommand::parse(exec) {
            Ok(Some(command)) => Self::Eks(command),
            Ok(None) => Self::Other,
            Err(reason) => Self::UnsupportedEks(reason),
        }
    }
}

/// The file name of a program, without `.exe`.
fn program_name(command: &str) -> &str {
    let name = command.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem_length = name.len().saturating_sub(4);
    match name.get(stem_length..) {
        Some(extension) if extension.eq_ignore_ascii_case(".exe") => &name[..stem_length],
        _ => name,
    }
}

/// A command that prints an EKS token.
#[derive(Clone, Default, Eq, PartialEq)]
pub(crate) struct EksTokenCommand {
    /// The cluster's name; its ID if it runs on AWS Outposts.
    pub cluster_name: String,
    /// The region.
    pub region: Option<String>,
    /// The ARN of the role to assume.
    pub role_arn: Option<String>,
    /// The external ID for that role.
    pub external_id: Option<String>,
    /// The session name for that role.
    pub session_name: Option<String>,
    /// The AWS profile, which this plugin does not use.
    pub profile: Option<String>,
    /// The environment variables that this plugin supports too.
    pub env: Vec<(String, String)>,
    /// The version of the exec protocol; v1 where this plugin does not support the entry's version.
    pub api_version: ApiVersion,
    /// Descriptions of the settings that this plugin does not have, such as "AWS profile `ops`". They
    /// do not include the values of variables, which may be secret.
    pub dropped: Vec<String>,
    /// The names of the environment variables that have no effect on this plugin.
    pub without_effect: Vec<String>,
}

/// Omits the variables, which may be secret.
impl fmt::Debug for EksTokenCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EksTokenCommand")
            .field("cluster_name", &self.cluster_name)
            .field("region", &self.region)
            .field("role_arn", &self.role_arn)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl EksTokenCommand {
    /// Returns `None` for other commands, and the reason if the command is not supported.
    fn parse(exec: &Exec) -> Result<Option<Self>, String> {
        let arguments: Vec<&str> = exec.args.iter().map(String::as_str).collect();
        let mut command = Self::default();
        if !command.read_program(&exec.command, &arguments)? {
            return Ok(None);
        }
        command.read_variables(&exec.env);
        let api_version = exec.api_version.as_deref();
        command.api_version = api_version
            .and_then(ApiVersion::from_name)
            .unwrap_or_default();
        if command.cluster_name.is_empty() {
            return Err("it does not name a cluster".to_owned());
        }
        Ok(Some(command))
    }

    /// Reads the arguments. Returns false if the command does not print an EKS token.
    fn read_program(&mut self, command: &str, arguments: &[&str]) -> Result<bool, String> {
        match program_name(command) {
            "aws" => self.read_aws_cli(arguments),
            "aws-iam-authenticator" | "heptio-authenticator-aws" => {
                self.read_iam_authenticator(arguments)
            }
            "aws-vault" => self.read_aws_vault(arguments),
            _ => Ok(false),
        }
    }

    /// Reads `aws eks get-token`.
    fn read_aws_cli(&mut self, arguments: &[&str]) -> Result<bool, String> {
        let (words, flags) = parse_arguments(arguments, AWS_CLI_FLAGS, true)?;
        if words != ["eks", "get-token"] {
            return Ok(false);
        }
        for (flag, value) in flags {
            match flag {
                "cluster-id" | "cluster-name" => value.clone_into(&mut self.cluster_name),
                "region" => self.region = non_empty(value),
                "role-arn" => self.role_arn = non_empty(value),
                "profile" => self.drop_profile(value),
                "ca-bundle" | "endpoint-url" | "no-sign-request" | "no-verify-ssl" => {
                    self.drop_flag(flag);
                }
                // The other flags affect only the output.
                _ => {}
            }
        }
        Ok(true)
    }

    /// Reads `aws-iam-authenticator token`.
    fn read_iam_authenticator(&mut self, arguments: &[&str]) -> Result<bool, String> {
        let (words, flags) = parse_arguments(arguments, IAM_AUTHENTICATOR_FLAGS, false)?;
        if words != ["token"] {
            return Ok(false);
        }
        for (flag, value) in flags {
            match flag {
                "cluster-id" => value.clone_into(&mut self.cluster_name),
                "region" => self.region = non_empty(value),
                "role" => self.role_arn = non_empty(value),
                "external-id" => self.external_id = non_empty(value),
                "session-name" => self.session_name = non_empty(value),
                "config" => self.drop_flag(flag),
                "forward-session-name" if value != "false" => self.drop_flag(flag),
                "token-only" if value != "false" => {
                    return Err("`--token-only` prints no ExecCredential".to_owned());
                }
                // The other flags affect only logs and its cache.
                _ => {}
            }
        }
        Ok(true)
    }

    /// Reads `aws-vault exec PROFILE -- COMMAND…`.
    fn read_aws_vault(&mut self, arguments: &[&str]) -> Result<bool, String> {
        let mut parts = arguments.splitn(2, |argument| *argument == "--");
        let (Some(vault_arguments), Some([command, arguments @ ..])) = (parts.next(), parts.next())
        else {
            return Ok(false);
        };
        if !vault_arguments.contains(&"exec") || !self.read_program(command, arguments)? {
            return Ok(false);
        }
        // The first word after `exec` may be a flag's value, but usually is the profile. It is used
        // only in a message.
        let after_exec = vault_arguments.iter().skip_while(|word| **word != "exec");
        match after_exec.skip(1).find(|word| !word.starts_with('-')) {
            Some(profile) => self.drop_profile(profile),
            None => self.dropped.push("AWS profile of `aws-vault`".to_owned()),
        }
        Ok(true)
    }

    fn drop_profile(&mut self, profile: &str) {
        self.profile.get_or_insert_with(|| profile.to_owned());
        let dropped = format!("AWS profile `{profile}`");
        if !self.dropped.contains(&dropped) {
            self.dropped.push(dropped);
        }
    }

    fn drop_flag(&mut self, flag: &str) {
        self.dropped.push(format!("flag `--{flag}`"));
    }

    /// Reads the variables. Flags take precedence.
    fn read_variables(&mut self, variables: &[(String, String)]) {
        let mut default_region = None;
        for (name, value) in variables {
            match name.as_str() {
                _ if value.is_empty() => {}
                "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" => self.drop_profile(value),
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
                | "AWS_ROLE_SESSION_NAME" => self.dropped.push(format!("variable `{name}`")),
                "AWS_STS_REGIONAL_ENDPOINTS" if value == "legacy" => {
                    self.dropped.push(format!("variable `{name}=legacy`"));
                }
                // The plugin always calls STS in the region, and has no pager, prompt or metadata service.
                "AWS_STS_REGIONAL_ENDPOINTS"
                | "AWS_SDK_LOAD_CONFIG"
                | "AWS_EC2_METADATA_DISABLED"
                | "AWS_DEFAULT_OUTPUT"
                | "AWS_PAGER"
                | "AWS_CLI_AUTO_PROMPT"
                | "AWS_IAM_AUTHENTICATOR_CACHE_FILE"
                | "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY" => self.without_effect.push(name.clone()),
                _ => self.env.push((name.clone(), value.clone())),
            }
        }
        self.region = self.region.take().or(default_region);
    }
}

fn non_empty(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

/// A flag of another program.
struct FlagSpec {
    name: &'static str,
    short: Option<char>,
    has_value: bool,
}

impl FlagSpec {
    const fn switch(name: &'static str) -> Self {
        Self {
            name,
            short: None,
            has_value: false,
        }
    }

    const fn with_value(name: &'static str, short: Option<char>) -> Self {
        Self {
            name,
            short,
            has_value: true,
        }
    }
}

const AWS_CLI_FLAGS: &[FlagSpec] = &[
    FlagSpec::switch("cli-auto-prompt"),
    FlagSpec::switch("debug"),
    FlagSpec::switch("no-cli-auto-prompt"),
    FlagSpec::switch("no-cli-pager"),
    FlagSpec::switch("no-paginate"),
    FlagSpec::switch("no-sign-request"),
    FlagSpec::switch("no-verify-ssl"),
    FlagSpec::switch("version"),
    FlagSpec::with_value("ca-bundle", None),
    FlagSpec::with_value("cli-binary-format", None),
    FlagSpec::with_value("cli-connect-timeout", None),
    FlagSpec::with_value("cli-read-timeout", None),
    FlagSpec::with_value("cluster-id", None),
    FlagSpec::with_value("cluster-name", None),
    FlagSpec::with_value("color", None),
    FlagSpec::with_value("endpoint-url", None),
    FlagSpec::with_value("output", None),
    FlagSpec::with_value("profile", None),
    FlagSpec::with_value("query", None),
    FlagSpec::with_value("region", None),
    FlagSpec::with_value("role-arn", None),
];

const IAM_AUTHENTICATOR_FLAGS: &[FlagSpec] = &[
    FlagSpec::switch("cache"),
    FlagSpec::switch("forward-session-name"),
    FlagSpec::switch("token-only"),
    FlagSpec::with_value("cluster-id", Some('i')),
    FlagSpec::with_value("config", Some('c')),
    FlagSpec::with_value("external-id", Some('e')),
    FlagSpec::with_value("feature-gates", None),
    FlagSpec::with_value("log-format", Some('l')),
    FlagSpec::with_value("log-verbosity", Some('v')),
    FlagSpec::with_value("region", None),
    FlagSpec::with_value("role", Some('r')),
    FlagSpec::with_value("session-name", Some('s')),
];

/// Positional arguments, and flags with their values. The value of a switch is usually empty.
type ParsedArguments<'a> = (Vec<&'a str>, Vec<(&'static str, &'a str)>);

/// Separates positional arguments from flags, which may be written as `--flag value`, `--flag=value`,
/// `-f value`, `-fvalue` or `-f=value`. With `allow_prefixes`, `--fl` is accepted too if no other flag
/// starts with it.
fn parse_arguments<'a>(
    arguments: &[&'a str],
    specs: &'static [FlagSpec],
    allow_prefixes: bool,
) -> Result<ParsedArguments<'a>, String> {
    let (mut words, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter().copied();
    while let Some(argument) = arguments.next() {
        let (spec, inline_value) = if let Some(flag) = argument.strip_prefix("--") {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            (find_long(name, specs, allow_prefixes)?, value)
        } else if let Some(short) = argument
            .strip_prefix('-')
            .and_then(|flag| flag.chars().next())
        {
            let spec = specs.iter().find(|spec| spec.short == Some(short));
            let spec = spec.ok_or_else(|| format!("unknown flag `-{short}`"))?;
            let value = &argument[1 + short.len_utf8()..];
            let inline_value =
                (!value.is_empty()).then(|| value.strip_prefix('=').unwrap_or(value));
            (spec, inline_value)
        } else {
            words.push(argument);
            continue;
        };
        let value = match inline_value {
            Some(value) => value,
            None if spec.has_value => arguments
                .next()
                .ok_or_else(|| format!("flag `--{}` has no value", spec.name))?,
            None => "",
        };
        flags.push((spec.name, value));
    }
    Ok((words, flags))
}

fn find_long(
    name: &str,
    specs: &'static [FlagSpec],
    allow_prefixes: bool,
) -> Result<&'static FlagSpec, String> {
    if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
        return Ok(spec);
    }
    let is_match =
        |spec: &&FlagSpec| allow_prefixes && !name.is_empty() && spec.name.starts_with(name);
    let mut matches = specs.iter().filter(is_match);
    match (matches.next(), matches.next()) {
        (Some(spec), None) => Ok(spec),
        (Some(_), Some(_)) => Err(format!("ambiguous flag `--{name}`")),
        (None, _) => Err(format!("unknown flag `--{name}`")),
    }
}

#[cfg(test)]
mod tests;
