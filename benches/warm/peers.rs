//! Programs of others that give such tokens, where the suite with real parts has built them.

use std::path::PathBuf;

use stand_ins::proxy::Proxy;
use stand_ins::sts::RealNames;
use stand_ins::sts::configuration::{EXTERNAL_ID, SECOND_ROLE, USER_KEY_ID, USER_SECRET_KEY};

use crate::measure::Program;
use crate::scene::Scene;

/// Another program that gives tokens.
pub(crate) struct Peer {
    pub(crate) program: Program,
    /// Its way to STS, should it ask: open, so that its requests are counted.
    _way: Option<(RealNames, Proxy)>,
}

pub(crate) fn at_hand(scene: &Scene) -> Vec<Peer> {
    let mut peers = Vec::new();
    match part("aws-iam-authenticator-", "aws-iam-authenticator") {
        Some(program) => peers.extend(authenticator(scene, program)),
        None => missing("aws-iam-authenticator token"),
    }
    match part("python-", "bin/aws") {
        Some(program) => peers.push(aws(scene, program)),
        None => missing("aws eks get-token"),
    }
    peers
}

/// With the keys of a user: the call that costs it least, with no network and no cache to read.
fn aws(scene: &Scene, program: PathBuf) -> Peer {
    let mut command = scene.command(program);
    command
        .args(["eks", "get-token", "--cluster-name", "prod"])
        .args(["--region", "eu-west-1"])
        .env("AWS_ACCESS_KEY_ID", USER_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", USER_SECRET_KEY);
    Peer {
        program: Program::new("`aws eks get-token`, static credentials", &command),
        _way: None,
    }
}

/// With a profile that assumes a role. It caches what its profile gives, where that expires; neither
/// a user's keys nor what it gets for `--role`, so that option asks STS on every call.
fn authenticator(scene: &Scene, program: PathBuf) -> Option<Peer> {
    let home = scene.path("authenticator");
    std::fs::create_dir_all(home.join(".aws")).expect("a folder");
    let profiles = format!(
        "[profile admin]\nregion = eu-west-1\nrole_arn = {SECOND_ROLE}\n\
         external_id = {EXTERNAL_ID}\nsource_profile = alice\n\n\
         [profile alice]\naws_access_key_id = {USER_KEY_ID}\n\
         aws_secret_access_key = {USER_SECRET_KEY}\n"
    );
    std::fs::write(home.join(".aws/config"), profiles).expect("a file");

    let real_names = scene.sts.real_names(&scene.authority);
    let proxy = Proxy::start(real_names.route());
    let mut command = scene.command(program);
    command
        .args(["token", "--cache", "-i", "prod"])
        .env("HOME", home)
        .env("AWS_PROFILE", "admin")
        .env("SSL_CERT_FILE", scene.path("authority.pem"))
        .env("HTTPS_PROXY", proxy.url());
    let program = Program::new(
        "`aws-iam-authenticator token --cache`, cached credentials",
        &command,
    );
    let before = scene.requests();
    program.run();
    let first = scene.requests();
    program.run();
    let why = if first == before {
        "its first call did not ask STS"
    } else if scene.requests() > first {
        "it did not use its cache"
    } else {
        let way = Some((real_names, proxy));
        return Some(Peer { program, _way: way });
    };
    eprintln!("left out: {} ({why})", program.name);
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
