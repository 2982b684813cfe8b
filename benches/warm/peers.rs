//! Programs of others that give such tokens, where the suite with real parts has built them.

use std::path::PathBuf;

use crate::measure::Program;
use crate::scene::Scene;
use crate::support::proxy::Proxy;
use crate::support::sts::configuration::{EXTERNAL_ID, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY};

pub(crate) fn at_hand(scene: &Scene) -> Vec<Program> {
    let mut programs = Vec::new();
    match part("python-", "bin/aws") {
        Some(aws) => {
            let mut command = scene.command(aws);
            command
                .args(["eks", "get-token", "--cluster-name", "prod"])
                .args(["--region", "eu-west-1"])
                .env("AWS_ACCESS_KEY_ID", USER_KEY_ID)
                .env("AWS_SECRET_ACCESS_KEY", USER_SECRET_KEY);
            programs.push(Program::new("`aws eks get-token`", &command));
        }
        None => missing("aws eks get-token"),
    }
    match part("aws-iam-authenticator-", "aws-iam-authenticator") {
        Some(program) => programs.extend(authenticator(scene, program)),
        None => missing("aws-iam-authenticator token"),
    }
    programs
}

/// It caches the credentials of a role only: the first call assumes one, as the next ones would.
fn authenticator(scene: &Scene, program: PathBuf) -> Option<Program> {
    let real_names = scene.sts.real_names(&scene.authority);
    let proxy = Proxy::start(real_names.route());
    let mut command = scene.command(program);
    command
        .args(["token", "--cache", "-i", "prod", "--region", "eu-west-1"])
        .args(["--role", SECOND_ROLE, "--external-id", EXTERNAL_ID])
        .env("AWS_ACCESS_KEY_ID", USER_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", USER_SECRET_KEY)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("SSL_CERT_FILE", scene.path("authority.pem"))
        .env("HTTPS_PROXY", proxy.url());
    let program = Program::new("`aws-iam-authenticator token --cache`", &command);
    program.run();
    let requests = scene.requests();
    program.run();
    if scene.requests() == requests {
        return Some(program);
    }
    eprintln!("left out: aws-iam-authenticator token (it did not use its cache)");
    None
}

fn missing(name: &str) {
    eprintln!("left out: {name} (`tests/real/run --parts` builds it)");
}

/// A part that the suite keeps in its cache folder.
fn part(folder: &str, file: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "this is no part of the library")]
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("KUBECTL_ESC_REAL_CACHE").or_else(|| {
        let caches = variable("XDG_CACHE_HOME");
        let caches = caches.or_else(|| Some(variable("HOME")?.join(".cache")));
        Some(caches?.join("kubectl-esc-real"))
    })?;
    let mut found: Vec<_> = std::fs::read_dir(cache)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            // Those that end so are being built.
            let is_whole = path.extension().is_none_or(|ending| ending != "new");
            is_whole && name.is_some_and(|name| name.starts_with(folder))
        })
        .map(|path| path.join(file))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}
