//! The ciphertexts of a stored environment, through the library.

use std::time::Duration;

use kubectl_esc::Context;
use kubectl_esc::clock::{Clock, Deadline};
use kubectl_esc::error::Kind;
use kubectl_esc::host::Host;
use kubectl_esc::http::HttpClient;
use kubectl_esc::log::Log;
use kubectl_esc::pulumi_cloud::{
    Cloud, EnvironmentName, LoginSettings, OidcSettings, Organization, StoredEnvironment,
};
use stand_ins::pulumi_cloud::configuration::TOKEN;

use super::PulumiCloudFixture;

#[test]
fn ciphertexts_are_decrypted_in_order() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let host = Host::with(
        [
            ("PULUMI_BACKEND_URL", pulumi_cloud.url()),
            ("PULUMI_ACCESS_TOKEN", TOKEN.to_owned()),
        ],
        Clock::system(),
    );
    let settings = LoginSettings {
        organization: None,
        oidc: OidcSettings::default(),
    };
    let acme = Organization::parse("acme", "the test").unwrap();
    let log = Log::disabled();
    let http = HttpClient::new(&host);
    let context = Context {
        host: &host,
        http: &http,
        log: &log,
        deadline: Deadline::after(Duration::from_secs(40)),
    };
    let cloud = Cloud::log_in(context, &settings, Some(&acme)).unwrap();
    let name = EnvironmentName::parse("acme/platform/prod").unwrap();
    let stored = StoredEnvironment::new(&cloud, &name).unwrap();
    let encrypt = |plaintext: &str| {
        let pulumi_cloud = &pulumi_cloud.stand_in;
        pulumi_cloud.encrypt("acme", "platform", "prod", plaintext)
    };
    let (one, two) = (encrypt("hunter2"), encrypt("<hunter3>"));
    let plaintexts = stored.decrypt(&[&two, &one]).unwrap();
    let plaintexts: Vec<_> = plaintexts
        .iter()
        .map(|text| text.expose().as_str())
        .collect();
    assert_eq!(plaintexts, ["<hunter3>", "hunter2"]);
    assert_eq!(pulumi_cloud.stand_in.operations(), ["decrypt secrets"]);

    let error = stored.decrypt(&["hunter2"]).unwrap_err();
    assert_eq!(error.kind(), Kind::Configuration, "{error:?}");
    let other = EnvironmentName::parse("acme/platform/none").unwrap();
    let other = StoredEnvironment::new(&cloud, &other).unwrap();
    let error = other.decrypt(&[&one]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the environment `acme/platform/none` does not exist"),
        "{message}"
    );
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[test]
fn local_copy_of_a_stored_environment_is_opened() {
    let pulumi_cloud = PulumiCloudFixture::new();
    let encrypt = |plaintext: &str| {
        let cloud = &pulumi_cloud.stand_in;
        cloud.encrypt("acme", "platform", "prod", plaintext)
    };
    let definition = format!(
        "values:\n  a: {{fn::secret: {{ciphertext: {}}}}}\n  b: {{fn::secret: {{ciphertext: {}}}}}\n",
        encrypt("hunter2"),
        encrypt("hunter3"),
    );
    let open = |arguments: &[&str]| {
        pulumi_cloud
            .plugin()
            .file("env.yaml", &definition)
            .args(["open", "env.yaml"])
            .args(arguments)
    };
    open(&["--secrets-of", "acme/platform/prod"]).run().assert(
        "{\n  \"a\": \"hunter2\",\n  \"b\": \"hunter3\"\n}\n",
        "",
        0,
    );
    pulumi_cloud.assert_calls(&["decrypt secrets", "decrypt secrets"]);
    // The organization of a short name is requested once.
    let output = open(&["a", "--secrets-of", "platform/prod", "--redact"]).run();
    output.assert("\"[secret]\"\n", "", 0);
    let operations = pulumi_cloud.stand_in.operations();
    assert_eq!(
        operations[2..],
        ["default organization", "decrypt secrets", "decrypt secrets"]
    );
    // Nothing else says which environment has the key.
    let output = open(&[]).run();
    assert_eq!(output.code, 3, "{output:?}");
    let output = open(&["--secrets-of", "acme/platform/none"]).run();
    assert_eq!(output.code, 4, "{output:?}");
    let start = "kubectl-esc: cannot open the environment `env.yaml`: decrypting: the \
                 environment `acme/platform/none` does not exist";
    assert!(output.stderr.starts_with(start), "{}", output.stderr);
    // Only the first of the two ciphertexts was sent.
    let operations = pulumi_cloud.stand_in.operations();
    assert_eq!(
        operations[5..],
        ["decrypt secrets", "current user", "metadata"]
    );
    assert!(
        output.stderr.contains("--> env.yaml:2:"),
        "{}",
        output.stderr
    );
    let output = pulumi_cloud
        .plugin()
        .args(["open", "acme/platform/prod", "--secrets-of", "x"])
        .run();
    output.assert_fails(
        "kubectl-esc: `acme/platform/prod` is already in Pulumi Cloud: `--secrets-of` is for local definitions
  hint: remove `--secrets-of`
",
        2,
    );
}
