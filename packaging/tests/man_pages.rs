//! The man pages: one for each command, with all its flags and examples.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn write_pages(folder: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_man-pages"))
        .args([folder.as_os_str(), "2026-12-01".as_ref()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The names of the pages for a command and its subcommands, each with the texts that it has to contain.
fn expected_pages(command: &clap::Command, name: &str) -> Vec<(String, Vec<String>)> {
    let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let mut texts: Vec<_> = flags
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        .collect();
    let closing = command.get_after_long_help().unwrap().to_string();
    let examples = closing.lines().filter_map(|line| line.strip_prefix("  "));
    texts.extend(examples.map(|line| line.trim_start_matches("# ").to_owned()));
    let subcommands: Vec<_> = command
        .get_subcommands()
        .filter(|subcommand| subcommand.get_name() != "help")
        .map(|subcommand| (format!("{name}-{}", subcommand.get_name()), subcommand))
        .collect();
    texts.extend(subcommands.iter().map(|(name, _)| format!("{name}(1)")));
    let mut pages = vec![(name.to_owned(), texts)];
    for (name, subcommand) in subcommands {
        pages.extend(expected_pages(subcommand, &name));
    }
    pages
}

#[test]
fn every_command_has_a_page_with_its_flags_examples_and_subcommands() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path());
    let files = fs::read_dir(folder.path()).unwrap();
    let files: BTreeSet<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected = expected_pages(&kubectl_esc::commands::command_line(), "kubectl-esc");
    let names: BTreeSet<_> = expected
        .iter()
        .map(|(name, _)| format!("{name}.1"))
        .collect();
    assert_eq!(files, names);
    assert!(
        names.contains("kubectl-esc-get-token.1") && names.contains("kubectl-esc-cache-list.1")
    );
    for (name, texts) in expected {
        let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        // Without the escapes and line breaks of roff.
        let page = page.replace('\n', " ").replace("\\*(Aq", "'");
        let page = page.replace("\\&", "").replace("\\-", "-");
        for text in texts {
            assert!(page.contains(&text), "{name}: {text}");
        }
    }
}

#[test]
fn pages_name_the_version_and_the_date() {
    let folder = tempfile::tempdir().unwrap();
    write_pages(folder.path());
    let page = fs::read_to_string(folder.path().join("kubectl-esc-run.1")).unwrap();
    let title = format!(
        ".TH KUBECTL-ESC-RUN 1 2026-12-01 \"kubectl-esc {}\" \"User Commands\"",
        env!("CARGO_PKG_VERSION")
    );
    assert!(page.lines().any(|line| line == title), "{page}");
}
