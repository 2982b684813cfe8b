//! Other programs that print EKS tokens, if the suite with real parts has built them.

use std::path::PathBuf;

use stand_ins::proxy::Proxy;
use stand_ins::sts::RealNames;
use stand_ins::sts::configuration::{EXTERNAL_ID, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY};

use crate::measure::Program;
use crate::services::Services;

/// Another program that prints tokens.
pub(crate) struct Peer {
    pub(crate) program: Program,
    /// Servers that would count its requests to STS.
    _servers: Option<(RealNames, Proxy)>,
}

pub(crate) fn installed(services: &Services) -> Vec<Peer> {
    let mut peers = Vec::new();
    match find_part("aws-iam-authenticator-", "aws-iam-authenticator") {
        Some(program) => peers.extend(authenticator(services, program)),
        None => missing("aws-iam-authenticator token"),
    }
    match find_part("python-", "bin/aws") {
        Some(program) => peers.push(aws(services, program)),
        None => missing("aws eks get-token"),
    }
    peers
}

/// With the keys of a user: its cheapest call, without network and cache.
fn aws(services: &Services, program: PathBuf) -> Peer {
    let mut command = services.command(program);
    command
        .args(["eks", "get-token", "--cluster-name", "prod"])
        .args(["--region", "eu-west-1"])
        .env("AWS_ACCESS_KEY_ID", USER_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", USER_SECRET_KEY);
    Peer {
        program: Program::new("`aws eks get-token`, static credentials", &command),
        _servers: None,
    }
}

/// With a profile that assumes a role. It caches expiring credentials of a profile, but neither the keys
/// of a user nor the credentials for `--role`.
fn authenticator(services: &Services, program: PathBuf) -> Option<Peer> {
    let home = services.path("authenticator");
    std::fs::create_dir_all(home.join(".aws")).expect("a folder");
    let profiles = format!(
        "[profile admin]\nregion = eu-west-1\nrole_arn = {SECOND_ROLE}\n\
         external_id = {EXTERNAL_ID}\nsource_profile = alice\n\n\
         [profile alice]\naws_access_key_id = {USER_KEY_ID}\n\
         aws_secret_access_key = {USER_SECRET_KEY}\n"
    );
    std::fs::write(home.join(".aws/config"), profiles).expect("a file");

    let real_names = services.sts.real_names(&services.authority);
    let proxy = Proxy::start(real_names.route());
    let mut command = services.command(program);
    command
        .args(["token", "--cache", "-i", "prod"])
        .env("HOME", home)
        .env("AWS_PROFILE", "admin")
        .env("SSL_CERT_FILE", services.path("authority.pem"))
        .env("HTTPS_PROXY", proxy.url());
    let program = Program::new(
        "`aws-iam-authenticator token --cache`, cached credentials",
        &command,
    );
    let before = services.requests();
    program.run();
    let first = services.requests();
    program.run();
    let reason = if first == before {
        "its first call did not call STS"
    } else if services.requests() > first {
        "it did not use its cache"
    } else {
        let servers = Some((real_names, proxy));
        return Some(Peer {
            program,
            _servers: servers,
        });
    };
    eprintln!("skipping {}: {reason}", program.name);
    None
}

fn missing(name: &str) {
    eprintln!("skipping {name}: build it with `tests/real/run --parts`");
}

/// Finds a program in the cache folder of the suite with real parts.
fn find_part(folder: &str, file: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark reads the variables of its machine"
    )]
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("KUBECTL_ESC_REAL_CACHE").or_else(|| {
        let caches = variable("XDG_CACHE_HOME");
        let caches = caches.or_else(|| Some(variable("HOME")?.join(".cache")));
        Some(caches?.join("kubectl-esc-real"))
    })?;
    let mut paths: Vec<_> = std::fs::read_dir(cache)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let is_being_built = path.extension().is_some_and(|extension| extension == "new");
            !is_being_built && name.is_some_and(|name| name.starts_with(folder))
        })
        .map(|path| path.join(file))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths.pop()
}
