//! The AKS credential plugin `kubelogin get-token`. The OpenID Connect plugin of the same name is another
//! program.

use crate::azure::authority::AuthorityHost;
use crate::azure::token_endpoint::AKS_SERVER_APPLICATION;
use crate::config::ClusterProvider;
use crate::exec_plugins::TokenCommand;
use crate::exec_plugins::arguments::{FlagSpec, parse_arguments};
use kubeconfig::Exec;

const FLAGS: &[FlagSpec] = &[
    FlagSpec::switch("alsologtostderr"),
    FlagSpec::switch("disable-environment-override"),
    FlagSpec::switch("disable-instance-discovery"),
    FlagSpec::switch("legacy"),
    FlagSpec::switch("logtostderr"),
    FlagSpec::switch("pop-enabled"),
    FlagSpec::switch("use-azurerm-env-vars"),
    FlagSpec::with_value("authority-host", None),
    FlagSpec::with_value("azure-config-dir", None),
    FlagSpec::with_value("azure-pipelines-service-connection-id", None),
    FlagSpec::with_value("cache-dir", None),
    FlagSpec::with_value("client-certificate", None),
    FlagSpec::with_value("client-certificate-password", None),
    FlagSpec::with_value("client-id", None),
    FlagSpec::with_value("client-secret", None),
    FlagSpec::with_value("environment", Some('e')),
    FlagSpec::with_value("federated-token-file", None),
    FlagSpec::with_value("identity-resource-id", None),
    FlagSpec::with_value("login", Some('l')),
    FlagSpec::with_value("login-hint", None),
    FlagSpec::with_value("password", None),
    FlagSpec::with_value("pop-claims", None),
    FlagSpec::with_value("redirect-url", None),
    FlagSpec::with_value("server-id", None),
    FlagSpec::with_value("tenant-id", Some('t')),
    FlagSpec::with_value("timeout", None),
    FlagSpec::with_value("token-cache-dir", None),
    FlagSpec::with_value("username", None),
    FlagSpec::with_value("v", Some('v')),
];

/// Returns `None` for other commands, and the reason if the command is not supported.
pub(super) fn parse(exec: &Exec) -> Result<Option<TokenCommand>, String> {
    let is_oidc = |argument: &String| argument.starts_with("--oidc-");
    if super::program_name(&exec.command) != "kubelogin" || exec.args.iter().any(is_oidc) {
        return Ok(None);
    }
    let arguments: Vec<&str> = exec.args.iter().map(String::as_str).collect();
    let (words, flags) = parse_arguments(&arguments, FLAGS, false)?;
    if words != ["get-token"] {
        return Ok(None);
    }
    let mut parser = Parser {
        command: TokenCommand::new(ClusterProvider::Aks, exec),
        settings: Settings::default(),
    };
    for (flag, value) in &flags {
        parser.read_flag(flag, value)?;
    }
    // kubelogin prefers variables to flags.
    for (name, value) in &exec.env {
        if !value.is_empty() {
            parser.read_variable(name, value);
        }
    }
    parser.finish().map(Some)
}

/// What the last flag or variable says.
#[derive(Default)]
struct Settings {
    login: Option<String>,
    server_id: Option<String>,
    client_id: Option<String>,
    tenant_id: Option<String>,
    environment: Option<String>,
    authority_host: Option<String>,
    federated_token_file: Option<String>,
}

struct Parser {
    command: TokenCommand,
    settings: Settings,
}

impl Parser {
    fn read_flag(&mut self, flag: &str, value: &str) -> Result<(), String> {
        let Self { command, settings } = self;
        let setting = match flag {
            "login" => &mut settings.login,
            "server-id" => &mut settings.server_id,
            "client-id" => &mut settings.client_id,
            "tenant-id" => &mut settings.tenant_id,
            "environment" => &mut settings.environment,
            "authority-host" => &mut settings.authority_host,
            "federated-token-file" => &mut settings.federated_token_file,
            "pop-enabled" if value != "false" => {
                return Err("`--pop-enabled`: kubectl-esc gets no PoP tokens".to_owned());
            }
            "legacy" if value != "false" => {
                return Err("`--legacy`: kubectl-esc gets no tokens for `spn:…`".to_owned());
            }
            "client-secret" | "client-certificate" | "disable-instance-discovery" => {
                command.drop_flag(flag);
                return Ok(());
            }
            // The other flags affect only other logins, the cache and logs.
            _ => return Ok(()),
        };
        *setting = Some(value.to_owned());
        Ok(())
    }

    fn read_variable(&mut self, name: &str, value: &str) {
        let Self { command, settings } = self;
        let setting = match name {
            "AAD_LOGIN_METHOD" => &mut settings.login,
            "AZURE_CLIENT_ID" | "AAD_SERVICE_PRINCIPAL_CLIENT_ID" | "ARM_CLIENT_ID" => {
                &mut settings.client_id
            }
            "AZURE_TENANT_ID" | "ARM_TENANT_ID" => &mut settings.tenant_id,
            // They work here too.
            "AZURE_AUTHORITY_HOST" => {
                settings.authority_host = None;
                settings.environment = None;
                command.env.push((name.to_owned(), value.to_owned()));
                return;
            }
            "AZURE_FEDERATED_TOKEN_FILE" => &mut settings.federated_token_file,
            "AZURE_CONFIG_DIR" | "AZURE_CLI_TIMEOUT" | "AZURE_ENVIRONMENT_FILEPATH" => {
                command.without_effect.push(name.to_owned());
                return;
            }
            _ if ["AAD_", "ARM_", "AZURE_"]
                .iter()
                .any(|prefix| name.starts_with(prefix)) =>
            {
                command.drop_variable(name);
                return;
            }
            _ => {
                command.env.push((name.to_owned(), value.to_owned()));
                return;
            }
        };
        *setting = Some(value.to_owned());
    }

    fn finish(self) -> Result<TokenCommand, String> {
        let Self {
            mut command,
            settings,
        } = self;
        check_login(settings.login.as_deref())?;
        match settings.server_id.as_deref() {
            Some(AKS_SERVER_APPLICATION) => {}
            Some(other) => {
                return Err(format!(
                    "`--server-id` is `{other}`, not the application of AKS"
                ));
            }
            None => return Err("it has no `--server-id`".to_owned()),
        }
        command.azure_authority_host = match (settings.authority_host, settings.environment) {
            (Some(host), _) => {
                let problem = |_| "`--authority-host` is not a usable URL".to_owned();
                Some(AuthorityHost::parse(&host).map_err(problem)?)
            }
            (None, Some(environment)) => {
                let unknown = || format!("`--environment` is `{environment}`, not a known cloud");
                Some(AuthorityHost::of_environment(&environment).ok_or_else(unknown)?)
            }
            (None, None) => None,
        }
        .filter(|host| *host != AuthorityHost::default())
        .map(|host| host.as_str().to_owned());
        if let Some(file) = settings.federated_token_file
            && settings.login.as_deref() == Some(WORKLOAD_IDENTITY)
        {
            let variable = "AZURE_FEDERATED_TOKEN_FILE".to_owned();
            command.env.push((variable, file));
        }
        let ids = [
            ("application", settings.client_id),
            ("tenant", settings.tenant_id),
        ];
        let ids = ids.map(|(what, id)| (what, id.unwrap_or_else(|| "none".to_owned())));
        let known = ids.iter().filter(|(_, id)| id != "none");
        let known = known.map(|(what, id)| format!("{what} `{id}`"));
        command.dropped.splice(0..0, known);
        command.identity = ids.map(|(what, id)| format!("{what} {id}")).join(", ");
        Ok(command)
    }
}

const WORKLOAD_IDENTITY: &str = "workloadidentity";

/// Rejects login modes for which azure-login has no equivalent.
fn check_login(login: Option<&str>) -> Result<(), String> {
    let login = login.unwrap_or("devicecode");
    let reason = match login {
        WORKLOAD_IDENTITY | "spn" => return Ok(()),
        "devicecode" | "interactive" | "ropc" => "a person signs in",
        "azurecli" | "azd" => "the token is that of another program's login",
        "msi" => "the machine has a managed identity",
        "azurepipelines" => "Azure Pipelines has a service connection",
        _ => "the mode is unknown",
    };
    Err(format!(
        "its login mode is `{login}` ({reason}), not `{WORKLOAD_IDENTITY}` or `spn`"
    ))
}
