//! Runs the real kubectl, in each version that is installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::plugin::{self, Output};

/// After this time kubectl counts as hung.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// An installed kubectl.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kubectl {
    /// The program.
    pub path: PathBuf,
    /// The version, such as `v1.33.1`.
    pub version: String,
    number: (u32, u32),
}

/// Finds every kubectl, oldest first: the one on PATH, and `kubectl.1.NN` beside the file that it links to.
/// Google's dispatcher, which only runs another version, does not count.
pub fn installed() -> Vec<Kubectl> {
    let name = format!("kubectl{}", std::env::consts::EXE_SUFFIX);
    let path = plugin::test_variable("PATH").unwrap_or_default();
    let first = std::env::split_paths(&path)
        .map(|folder| folder.join(&name))
        .find(|candidate| candidate.is_file());
    let Some(first) = first else {
        return Vec::new();
    };
    let mut candidates = vec![first.clone()];
    let real = first.canonicalize().unwrap_or(first);
    for entry in real.parent().map(std::fs::read_dir).into_iter().flatten() {
        candidates.extend(entry.flatten().map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let minor = name.strip_prefix("kubectl.1.").unwrap_or_default();
            let minor = minor.strip_suffix(std::env::consts::EXE_SUFFIX);
            minor.is_some_and(|minor| minor.parse::<u32>().is_ok())
        }));
    }
    let mut installed: Vec<_> = candidates
        .iter()
        .filter_map(|path| Kubectl::at(path))
        .collect();
    installed.sort_by_key(|kubectl| kubectl.number);
    installed.dedup_by_key(|kubectl| kubectl.number);
    installed
}

/// Returns the oldest and the newest kubectl, or the only one. If there is none, prints a message and
/// returns an empty list, or fails the test if `KUBECTL_ESC_REQUIRE` contains `kubectl`.
#[track_caller]
pub fn oldest_and_newest() -> Vec<Kubectl> {
    let mut versions = installed();
    if versions.is_empty() {
        let required = plugin::test_variable("KUBECTL_ESC_REQUIRE").unwrap_or_default();
        let required = required.to_string_lossy().into_owned();
        let words = required.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(
            !words.into_iter().any(|word| word == "kubectl"),
            "KUBECTL_ESC_REQUIRE contains `kubectl`, but there is none on PATH"
        );
        println!("skipped: no kubectl on PATH");
        return versions;
    }
    if versions.len() > 2 {
        versions.drain(1..versions.len() - 1);
    }
    let names: Vec<_> = versions
        .iter()
        .map(|kubectl| kubectl.version.as_str())
        .collect();
    println!("kubectl: {}", names.join(" and "));
    versions
}

impl Kubectl {
    fn at(path: &Path) -> Option<Self> {
        let mut command = Command::new(path);
        command.args(["version", "--client", "--output=json"]);
        let home = tempfile::tempdir().ok()?;
        command.env_clear().envs(base_environment(home.path()));
        let output = plugin::run(command, TIME_LIMIT);
        let version: Value = serde_json::from_str(&output.stdout).ok()?;
        let version = version["clientVersion"]["gitVersion"].as_str()?;
        let mut numbers = version.strip_prefix("v1.")?.split(['.', '-', '+']);
        let mut number = || numbers.next()?.parse().ok();
        let number = (number()?, number()?);
        (!version.ends_with("-dispatcher")).then(|| Self {
            path: path.to_owned(),
            version: version.to_owned(),
            number,
        })
    }

    /// Runs kubectl with this home directory and kubeconfig, only these variables, and the folder of the
    /// built binary as PATH. kubectl keeps its caches in the home directory: a new one is a cold start.
    #[track_caller]
    pub fn run(
        &self,
        home: &Path,
        kubeconfig: &Path,
        variables: &[(&str, String)],
        arguments: &[&str],
    ) -> Output {
        let plugin = Path::new(env!("CARGO_BIN_EXE_kubectl-esc"));
        let folder = plugin.parent().expect("the folder of the binary");
        let mut command = Command::new(&self.path);
        command
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            .env_clear()
            .envs(base_environment(home))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("PATH", folder);
        plugin::run(command, TIME_LIMIT)
    }
}

fn base_environment(home: &Path) -> Vec<(&'static str, OsString)> {
    let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let mut variables = vec![(name, home.as_os_str().to_owned())];
    if let Some(root) = plugin::test_variable("SystemRoot").filter(|_| cfg!(windows)) {
        variables.push(("SystemRoot", root));
    }
    variables
}
