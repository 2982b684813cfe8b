//! Follows the guides for users word for word: the code blocks of a section are the files and commands of the
//! test, and the services are stand-ins.
//!
//! The programs of the clouds (`aws`, `az`, `gcloud`), `pulumi` and `cargo` cannot be run here: scripts take
//! their place, which record their arguments and print what the test says. So what a guide tells these
//! programs to set up is what the stand-ins are configured with.

mod aks;
mod amazon;
mod book;
mod eks;
mod gke;
mod readme;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_yaml::Value;
use stand_ins::api_server::ApiServer;
use stand_ins::oidc::GitHubActions;
use stand_ins::pulumi_cloud::configuration::Configuration;

use crate::support::aws::project_file;
use crate::support::kubectl::oldest_and_newest;
use crate::support::plugin::{Output, Plugin, program, test_variable};

/// What `kubectl get namespaces` prints.
const NAMESPACES: &str = "\
NAME          STATUS   AGE
default       Active   1d
kube-system   Active   1d
";

/// The programs that a script takes the place of.
const REPLACED: [&str; 5] = ["aws", "az", "cargo", "gcloud", "pulumi"];

/// A guide, or sections of one.
#[derive(Clone)]
struct Guide(String);

/// A code block.
struct Block {
    language: String,
    text: String,
    /// The last line of the text above it.
    before: String,
}

impl Guide {
    fn read(path: &str) -> Self {
        Self(project_file(path))
    }

    /// The sections with these headings, with all below them.
    #[track_caller]
    fn sections(&self, headings: &[&str]) -> Self {
        let sections = headings.iter().map(|heading| self.section(heading));
        Self(sections.collect::<String>())
    }

    #[track_caller]
    fn section(&self, heading: &str) -> String {
        let depth = |line: &str| line.chars().take_while(|c| *c == '#').count();
        let mut is_code = false;
        let mut is_inside = None;
        let mut text = String::new();
        for line in self.0.split_inclusive('\n') {
            is_code ^= line.starts_with("```");
            let depth = if is_code { 0 } else { depth(line) };
            match is_inside {
                None if depth > 0 && line.trim_matches(['#', ' ', '\n']) == heading => {
                    is_inside = Some(depth);
                }
                Some(outer) if depth > 0 && depth <= outer => break,
                _ => (),
            }
            if is_inside.is_some() {
                text.push_str(line);
            }
        }
        assert!(is_inside.is_some(), "no section `{heading}`");
        text
    }

    /// What precedes the first section.
    fn introduction(&self) -> Self {
        Self(self.0.split("\n## ").next().unwrap().to_owned())
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut is_code = false;
        let mut before = String::new();
        for line in self.0.split_inclusive('\n') {
            if let Some(language) = line.strip_prefix("```") {
                is_code = !is_code;
                if is_code {
                    blocks.push(Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                        before: before.clone(),
                    });
                }
            } else if is_code {
                blocks.last_mut().unwrap().text.push_str(line);
            } else if line != "\n" {
                line.clone_into(&mut before);
            }
        }
        blocks
    }

    /// The commands, as one script that stops at the first failure.
    fn commands(&self) -> String {
        let blocks = self.blocks().into_iter();
        let commands = blocks.filter(|block| block.language == "sh");
        let commands: String = commands.map(|block| block.text).collect();
        assert!(!commands.is_empty(), "no commands in {}", self.0);
        format!("set -eu\n{commands}")
    }

    /// The files: blocks whose first line is a comment with the path, and JSON documents after "as `PATH`".
    fn files(&self) -> Vec<(String, String)> {
        let file = |block: Block| {
            let path = match block.language.as_str() {
                "yaml" => block.text.lines().next()?.strip_prefix("# ")?,
                "json" => block.before.split_once("as `")?.1.split_once('`')?.0,
                _ => return None,
            };
            Some((path.to_owned(), block.text))
        };
        self.blocks().into_iter().filter_map(file).collect()
    }

    #[track_caller]
    fn file(&self, path: &str) -> String {
        let mut files = self.files().into_iter();
        let file = files.find(|(name, _)| name == path);
        file.unwrap_or_else(|| panic!("no file `{path}`")).1
    }

    /// Stores the environments that the commands create in Pulumi Cloud, and no others.
    fn create_environments(&self, configuration: &mut Configuration) {
        configuration.environments.clear();
        for line in self.commands().lines() {
            if let Some(line) = line.strip_prefix("pulumi env init acme/") {
                let (name, file) = line.split_once(" --file ").unwrap();
                let (project, name) = name.split_once('/').unwrap();
                let definition = self.file(file);
                *configuration = configuration
                    .clone()
                    .environment(project, name, &definition);
            }
        }
    }

    /// The commands of a workflow for GitHub Actions with its only job.
    #[track_caller]
    fn workflow(&self, path: &str) -> String {
        let workflow: Value = serde_yaml::from_str(&self.file(path)).unwrap();
        assert_eq!(workflow["permissions"]["id-token"], "write");
        let jobs = workflow["jobs"].as_mapping().unwrap();
        assert_eq!(jobs.len(), 1);
        let job = jobs.values().next().unwrap();
        let mut script = vec!["set -eu".to_owned()];
        for (name, value) in job["env"].as_mapping().into_iter().flatten() {
            let (name, value) = (name.as_str().unwrap(), value.as_str().unwrap());
            script.push(format!("export {name}='{value}'"));
        }
        for step in job["steps"].as_sequence().unwrap() {
            match step["run"].as_str() {
                Some(run) => script.push(format!("(\n{run}\n)")),
                None => assert_eq!(step["uses"], "actions/checkout@v4"),
            }
        }
        script.join("\n")
    }
}

/// The machine of a user.
struct Machine {
    plugin: Plugin,
}

impl Machine {
    /// A machine with the files of a guide, and these programs: `answers` are the branches of a shell's `case`
    /// for a replaced program with its arguments. `None` without kubectl.
    fn new(plugin: Plugin, guide: &Guide, answers: &str) -> Option<Self> {
        let kubectl = oldest_and_newest().pop()?;
        let plugin = guide
            .files()
            .into_iter()
            .fold(plugin, |plugin, (path, text)| plugin.file(path, text));
        let replacement = format!(
            "#!/bin/sh\n{{ printf '%s\\n' \"${{0##*/}}\" \"$@\"; echo; }} >>\"$RECORDED_CALLS\"\n\
             case \"${{0##*/}} $*\" in\n{answers}\nesac\n"
        );
        // For clusters whose names do not exist. Commands of administrators are only checked.
        let wrapper = format!(
            "#!/bin/sh\ncase $1 in\n\
             get | auth) exec {0} ${{API_SERVER:+--server \"$API_SERVER\" --certificate-authority ca.crt}} \"$@\" ;;\n\
             create) exec {0} \"$@\" --dry-run=client ;;\n\
             *) exec {0} \"$@\" ;;\nesac\n",
            kubectl.path.display()
        );
        let mut plugin = plugin.file("bin/kubectl", wrapper);
        for name in REPLACED {
            plugin = plugin.file(format!("bin/{name}"), &replacement);
        }
        let folder = plugin.path("bin");
        for entry in fs::read_dir(&folder).unwrap() {
            fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let binary = program().canonicalize().unwrap();
        symlink(binary, folder.join("kubectl-esc")).unwrap();
        let mut path = folder.into_os_string();
        path.push(":");
        path.push(test_variable("PATH").unwrap_or_default());
        let calls = plugin.path("calls");
        let plugin = plugin.env("PATH", path).env("RECORDED_CALLS", calls);
        Some(Self { plugin })
    }

    /// The API server of the cluster, whatever its name.
    fn with_api_server(self, server: &ApiServer) -> Self {
        let plugin = self.plugin.file("ca.crt", server.authority().pem());
        let plugin = plugin.env("API_SERVER", server.url());
        Self { plugin }
    }

    /// The machine as a job of GitHub Actions.
    fn with_job(self, actions: &GitHubActions) -> Self {
        let token = GitHubActions::REQUEST_TOKEN;
        let plugin = self
            .plugin
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url())
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token);
        Self { plugin }
    }

    /// Runs a script, which has to succeed.
    #[track_caller]
    fn run(&self, script: &str) -> Output {
        let output = self.plugin.run_in_script(script);
        assert_eq!(output.code, 0, "{script}\n{output:#?}");
        output
    }

    /// Asserts that a login with an identity token for this subject is refused, and that the message shows it.
    #[track_caller]
    fn assert_refused(self, definition: &str, subject: &str) {
        let plugin = self.plugin.args(["get-token", definition, "--no-cache"]);
        let output = plugin.run();
        assert_eq!(output.code, 4, "{output:?}");
        let claim = format!("sub `{subject}`");
        assert!(output.stderr.contains(&claim), "{output:?}");
    }

    /// The calls of replaced programs: their name and arguments.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.plugin.path("calls")).unwrap_or_default();
        let calls = text.split_terminator("\n\n");
        calls
            .map(|call| call.lines().map(str::to_owned).collect())
            .collect()
    }

    /// The kubeconfig that the commands wrote.
    fn kubeconfig(&self) -> Value {
        let text = fs::read_to_string(self.plugin.path("home/.kube/config")).unwrap();
        serde_yaml::from_str(&text).unwrap()
    }
}

/// The value of a flag in a call.
#[track_caller]
fn flag<'a>(call: &'a [String], name: &str) -> &'a str {
    let at = call.iter().position(|argument| argument == name);
    at.and_then(|at| call.get(at + 1))
        .unwrap_or_else(|| panic!("no `{name}` in {call:?}"))
}

/// The example kubeconfig with this name.
fn example(name: &str) -> Value {
    let path = Path::new("examples/kubeconfigs").join(name);
    serde_yaml::from_str(&project_file(path.to_str().unwrap())).unwrap()
}

/// The Markdown files for users.
fn documentation() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let names = pages.map(|page| format!("docs/{}", page.file_name().unwrap().display()));
    names.chain(["README.md".to_owned()]).collect()
}

#[test]
fn every_definition_in_the_documentation_is_valid() {
    let mut definitions = 0;
    for page in documentation() {
        for block in Guide::read(&page).blocks() {
            if !matches!(block.language.as_str(), "yaml" | "json") {
                continue;
            }
            let value: Value = serde_yaml::from_str(&block.text)
                .unwrap_or_else(|error| panic!("{page}: {error}\n{}", block.text));
            if value.get("values").is_some() {
                let plugin = Plugin::new().file("env.yaml", &block.text);
                let output = plugin.args(["check", "env.yaml"]).run();
                assert_eq!(output.code, 0, "{page}: {output:#?}");
                definitions += 1;
            }
        }
    }
    assert!(definitions >= 10, "{definitions} definitions");
}
