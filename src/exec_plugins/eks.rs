//! The EKS credential plugins `aws eks get-token` and `aws-iam-authenticator token`, also when run through
//! `aws-vault exec`.
//!
//! Knows the flags of the AWS CLI, versions 1 and 2, which may be abbreviated to an unambiguous prefix,
//! and those of aws-iam-authenticator.

use crate::config::ClusterProvider;
use crate::exec_plugins::arguments::{FlagSpec, parse_arguments};
use crate::exec_plugins::{TokenCommand, non_empty, program_name};
use kubeconfig::Exec;

/// Returns `None` for other commands, and the reason if the command is not supported.
pub(super) fn parse(exec: &Exec) -> Result<Option<TokenCommand>, String> {
    let arguments: Vec<&str> = exec.args.iter().map(String::as_str).collect();
    let mut parser = Parser {
        command: TokenCommand::new(ClusterProvider::Eks, exec),
        profile: None,
    };
    if !parser.read_program(&exec.command, &arguments)? {
        return Ok(None);
    }
    parser.read_variables(&exec.env);
    let Parser {
        mut command,
        profile,
    } = parser;
    if command.cluster_name.is_none() {
        return Err("it does not name a cluster".to_owned());
    }
    command.identity = format!(
        "AWS profile {}, role {}",
        profile.as_deref().unwrap_or("none"),
        command.role_arn.as_deref().unwrap_or("none")
    );
    Ok(Some(command))
}

struct Parser {
    command: TokenCommand,
    /// The AWS profile, which this plugin does not use.
    profile: Option<String>,
}

impl Parser {
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
                "cluster-id" | "cluster-name" => self.command.cluster_name = non_empty(value),
                "region" => self.command.region = non_empty(value),
                "role-arn" => self.command.role_arn = non_empty(value),
                "profile" => self.drop_profile(value),
                "ca-bundle" | "endpoint-url" | "no-sign-request" | "no-verify-ssl" => {
                    self.command.drop_flag(flag);
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
                "cluster-id" => self.command.cluster_name = non_empty(value),
                "region" => self.command.region = non_empty(value),
                "role" => self.command.role_arn = non_empty(value),
                "external-id" => self.command.external_id = non_empty(value),
                "session-name" => self.command.session_name = non_empty(value),
                "config" => self.command.drop_flag(flag),
                "forward-session-name" if value != "false" => self.command.drop_flag(flag),
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
            None => self
                .command
                .dropped
                .push("AWS profile of `aws-vault`".to_owned()),
        }
        Ok(true)
    }

    fn drop_profile(&mut self, profile: &str) {
        self.profile.get_or_insert_with(|| profile.to_owned());
        let dropped = format!("AWS profile `{profile}`");
        if !self.command.dropped.contains(&dropped) {
            self.command.dropped.push(dropped);
        }
    }

    /// Reads the variables. Flags take precedence.
    fn read_variables(&mut self, variables: &[(String, String)]) {
        let mut default_region = None;
        for (name, value) in variables {
            match name.as_str() {
                _ if value.is_empty() => {}
                "AWS_PROFILE" | "AWS_DEFAULT_PROFILE" => self.drop_profile(value),
                "AWS_REGION" => {
                    self.command.region.get_or_insert_with(|| value.clone());
                }
                "AWS_DEFAULT_REGION" => default_region = Some(value.clone()),
                "DEFAULT_ROLE" => {
                    self.command.role_arn.get_or_insert_with(|| value.clone());
                }
                "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID" => {
                    self.command
                        .cluster_name
                        .get_or_insert_with(|| value.clone());
                }
                "AWS_ACCESS_KEY_ID"
                | "AWS_SECRET_ACCESS_KEY"
                | "AWS_SESSION_TOKEN"
                | "AWS_SECURITY_TOKEN"
                | "AWS_CONFIG_FILE"
                | "AWS_SHARED_CREDENTIALS_FILE"
                | "AWS_ROLE_ARN"
                | "AWS_ROLE_SESSION_NAME" => {
                    self.command.drop_variable(name);
                }
                "AWS_STS_REGIONAL_ENDPOINTS" if value == "legacy" => {
                    self.command
                        .dropped
                        .push(format!("variable `{name}=legacy`"));
                }
                // The plugin always calls STS in the region, and has no pager, prompt or metadata service.
                "AWS_STS_REGIONAL_ENDPOINTS"
                | "AWS_SDK_LOAD_CONFIG"
                | "AWS_EC2_METADATA_DISABLED"
                | "AWS_DEFAULT_OUTPUT"
                | "AWS_PAGER"
                | "AWS_CLI_AUTO_PROMPT"
                | "AWS_IAM_AUTHENTICATOR_CACHE_FILE"
                | "AWS_IAM_AUTHENTICATOR_LOG_VERBOSITY" => {
                    self.command.without_effect.push(name.clone());
                }
                _ => self.command.env.push((name.clone(), value.clone())),
            }
        }
        self.command.region = self.command.region.take().or(default_region);
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
