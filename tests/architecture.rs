//! Checks what Cargo cannot: the order of the modules in `src`, where `unsafe` is allowed, and that
//! dependencies are documented.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the source fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library from the bottom up, each with the modules it may depend on.
const RULES: &[(&str, &[&str])] = &[
    ("closed_stdout", &[]),
    ("bounded_read", &["clock", "error"]),
    ("error", &[]),
    ("secret", &[]),
    ("log", &[]),
    ("clock", &[]),
    ("digest", &[]),
    ("host", &["clock", "error", "process_table"]),
    ("process_table", &[]),
    ("context", &["clock", "error", "host", "http", "log"]),
    ("file_lock", &["clock", "error"]),
    ("file_tracker", &["bounded_read", "digest"]),
    ("environment_search", &["error", "http"]),
    ("opener", &["clock", "error", "file_tracker", "secret"]),
    (
        "http",
        &["bounded_read", "clock", "error", "host", "secret"],
    ),
    (
        "identity_token",
        &[
            "bounded_read",
            "context",
            "clock",
            "error",
            "host",
            "http",
            "secret",
        ],
    ),
    (
        "cache",
        &[
            "bounded_read",
            "clock",
            "digest",
            "error",
            "file_lock",
            "file_tracker",
            "private_files",
            "secret",
        ],
    ),
    (
        "config",
        &["clock", "error", "host", "kubernetes::ApiVersion", "secret"],
    ),
    (
        "kubernetes",
        &[
            "bounded_read",
            "context",
            "clock",
            "error",
            "host",
            "http",
            "private_files",
            "secret",
        ],
    ),
    ("private_files", &[]),
    (
        "process",
        &[
            "clock",
            "error",
            "file_lock",
            "host",
            "private_files",
            "secret",
        ],
    ),
    (
        "aws",
        &[
            "context",
            "clock",
            "environment_search",
            "error",
            "host",
            "http",
            "identity_token",
            "log",
            "opener",
            "secret",
        ],
    ),
    ("oauth", &["clock", "context", "error", "http", "secret"]),
    (
        "azure",
        &[
            "clock",
            "context",
            "environment_search",
            "error",
            "http",
            "identity_token",
            "oauth",
            "secret",
        ],
    ),
    (
        "gcp",
        &[
            "context",
            "clock",
            "environment_search",
            "error",
            "host",
            "http",
            "identity_token",
            "oauth",
            "secret",
        ],
    ),
    (
        "pulumi_state",
        &[
            "bounded_read",
            "clock",
            "error",
            "file_tracker",
            "host",
            "secret",
        ],
    ),
    (
        "pulumi_cloud",
        &[
            "bounded_read",
            "context",
            "clock",
            "error",
            "file_lock",
            "file_tracker",
            "host",
            "http",
            "identity_token",
            "log",
            "opener",
            "private_files",
            "secret",
        ],
    ),
    (
        "providers",
        &[
            "context",
            "aws",
            "azure",
            "clock",
            "error",
            "file_tracker",
            "gcp",
            "host",
            "http",
            "identity_token",
            "oauth",
            "opener",
            "pulumi_state",
            "secret",
        ],
    ),
    (
        "authenticate",
        &[
            "bounded_read",
            "context",
            "aws",
            "azure",
            "cache",
            "clock",
            "config",
            "digest",
            "environment_search",
            "error",
            "file_lock",
            "file_tracker",
            "gcp",
            "host",
            "http",
            "identity_token",
            "kubernetes",
            "log",
            "oauth",
            "opener",
            "providers",
            "pulumi_cloud",
            "pulumi_state",
            "secret",
        ],
    ),
    ("exec_plugins", &["azure", "config", "kubernetes"]),
    (
        "commands",
        &[
            "bounded_read",
            "context",
            "authenticate",
            "aws::arn",
            "aws::eks_token",
            "aws::endpoint",
            "azure::authority",
            "cache",
            "clock",
            "config",
            "error",
            "exec_plugins",
            "gcp::gke",
            "host",
            "http::HttpClient",
            "kubernetes",
            "log",
            "opener",
            "process",
            "secret",
        ],
    ),
    (
        "fuzzing",
        &[
            "aws",
            "azure",
            "clock",
            "context",
            "error",
            "gcp",
            "host",
            "http",
            "identity_token",
            "process",
            "pulumi_state",
            "secret",
        ],
    ),
    ("lib", &[]),
];

#[test]
fn modules_depend_only_on_modules_below_them() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut violations = Vec::new();
    let rules: BTreeMap<_, _> = RULES.iter().copied().collect();
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).unwrap();
        let module = path
            .iter()
            .next()
            .unwrap()
            .to_str()
            .unwrap()
            .trim_end_matches(".rs");
        if module == "main" {
            continue;
        }
        let Some(allowed) = rules.get(module) else {
            violations.push(format!("{}: `{module}` has no rule", path.display()));
            continue;
        };
        for dependency in dependencies(&fs::read_to_string(&file).unwrap()) {
            let is_within = |module: &str| {
                dependency == module || dependency.starts_with(&format!("{module}::"))
            };
            if !is_within(module) && !allowed.iter().any(|allowed| is_within(allowed)) {
                violations.push(format!(
                    "{}: must not depend on `{dependency}`",
                    path.display()
                ));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn only_these_files_contain_unsafe_code() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unsafe_files: Vec<_> = rust_files(&package.join("src"))
        .into_iter()
        .filter(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.contains("unsafe_code") || text.contains("unsafe {")
        })
        .map(|file| file.strip_prefix(package).unwrap().to_owned())
        .collect();
    unsafe_files.sort();
    let allowed = [
        "src/closed_stdout.rs",
        "src/http/dns/static_glibc.rs",
        "src/process/ignored_signals.rs",
        "src/process/private_dir/lock.rs",
        "src/process_table.rs",
    ];
    assert_eq!(unsafe_files, allowed.map(PathBuf::from));
}

#[test]
fn direct_dependencies_are_documented() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(package.join(path)).unwrap();
    let text = read("docs/dependencies.md");
    let first_cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let documented: BTreeSet<_> = first_cells
        .flat_map(|cell| cell.split([',', ' ', '(']))
        .collect();
    for manifest in ["", "crates/esc/", "crates/kubeconfig/", "crates/yaml/"] {
        let manifest = read(&format!("{manifest}Cargo.toml"));
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let is_linked = section.ends_with("dependencies]") && !section.contains("dev-");
            if let Some((name, source)) = line.split_once(" = ").filter(|_| is_linked) {
                let is_ours = source.contains("path = ") || source.contains("workspace = true");
                assert!(is_ours || documented.contains(name), "{name}");
            }
        }
    }
}

#[test]
fn crate_paths_are_found_in_source() {
    let text = "use crate::a::{B, c::D};\nuse crate::{e::F, g};\nlet h = crate::i();\npub(crate) x";
    let paths: Vec<_> = dependencies(text).into_iter().collect();
    assert_eq!(paths, ["a", "e::F", "g", "i"]);
}

/// Returns the paths that follow `crate::` in the text, each up to its first brace. Of
/// `crate::{a::B, c}` it returns `a::B` and `c`.
fn dependencies(text: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (start, prefix) in text.match_indices("crate::") {
        let rest = &text[start + prefix.len()..];
        let parts = match rest.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap()
                .split(',')
                .map(str::trim)
                .collect(),
            None => vec![rest],
        };
        for part in parts {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let path = part[..end.unwrap_or(part.len())].trim_end_matches(':');
            if !path.is_empty() {
                paths.insert(path.to_owned());
            }
        }
    }
    paths
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
