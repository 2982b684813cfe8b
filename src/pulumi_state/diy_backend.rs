//! A backend on disk: what Pulumi calls DIY, with a URL `file://…`.
//!
//! The layout is that of pulumi/pulumi, `pkg/backend/diy/{backend,meta,state,store}.go`. Below the
//! URL's path, `.pulumi/meta.yaml` holds the layout's version: with 1 a stack is in
//! `.pulumi/stacks/PROJECT/STACK.json`, with 0 in `.pulumi/stacks/STACK.json`. Without the file the
//! version is 0 where there are stacks of that layout. A state may be packed, as `….json.gz`; where it
//! is there in several forms, the newest counts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::file_tracker::FileTracker;
use crate::file_tracker::is_not_found;
use crate::host::Host;
use crate::pulumi_state::file::{self, MAX_SMALL_FILE_BYTES, MAX_STATE_BYTES};
use crate::pulumi_state::stack_name::{StackName, is_valid_part};
use crate::pulumi_state::state::{self, State};

/// The organisation that every stack of such a backend is in.
const ORGANIZATION: &str = "organization";

/// The endings of a state's file. Of files of the same age the last one counts.
const ENDINGS: [&str; 3] = [".json", ".json.gz", ".json.zst"];

/// How the contents of packed files begin.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The most names that a message lists.
const MAX_NAMES: usize = 10;

/// The most entries of a folder that are looked at for them.
const MAX_ENTRIES: usize = 10_000;

/// A backend on disk.
pub(crate) struct DiyBackend {
    /// The folder `.pulumi`.
    path: PathBuf,
    layout: Layout,
    /// Where the files that are read are noted.
    files: FileTracker,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Layout {
    /// Stacks in the folders of their projects.
    Projects,
    /// All stacks in one folder.
    Legacy,
}

#[derive(Deserialize)]
struct Meta {
    version: u64,
}

impl DiyBackend {
    /// The backend at the path of a URL `file://…`, without the scheme.
    pub(crate) fn open(path: &str, host: &Host, files: FileTracker) -> Result<Self> {
        let path = resolve(path, host)?.join(".pulumi");
        let layout = layout(&path, &files)?;
        Ok(Self {
            path,
            layout,
            files,
        })
    }

    /// Reads the state of a stack.
    pub(crate) fn state(&self, name: &StackName) -> Result<State> {
        let other = name.organization.as_ref();
        if let Some(other) = other.filter(|organization| *organization != ORGANIZATION) {
            return Err(Error::configuration(format!(
                "there is no organisation `{other}` in `{}`",
                self.path.display()
            ))
            .with_hint(format!(
                "write the stack as {}/{}: a backend on disk has no organisations",
                name.project, name.stack
            )));
        }
        let stacks = self.path.join("stacks");
        let folder = match self.layout {
            Layout::Projects => stacks.join(&name.project),
            Layout::Legacy => stacks,
        };
        let Some((path, content)) = newest(&folder, &name.stack, &self.files)? else {
            return Err(self.absent(name));
        };
        let content = if content.starts_with(GZIP) {
            file::gunzip(&content, MAX_STATE_BYTES)
                .map_err(|error| unreadable(&path).caused_by(error))?
        } else if content.starts_with(ZSTD) {
            return Err(unreadable(&path)
                .caused_by("it is packed with Zstandard")
                .with_hint(
                    "unset PULUMI_DIY_BACKEND_ZSTD and update the stack: kubectl-esc reads gzip and \
                     what is not packed",
                ));
        } else {
            content
        };
        let state =
            state::read_checkpoint(&content).map_err(|why| unreadable(&path).caused_by(why))?;
        // Only the stack's resources tell the project there.
        if self.layout == Layout::Legacy
            && let Some(project) = state.project.as_ref().filter(|it| **it != name.project)
        {
            let (stack, wanted) = (&name.stack, &name.project);
            return Err(Error::configuration(format!(
                "the stack `{stack}` in `{}` is of the project `{project}`, not of `{wanted}`",
                self.path.display()
            ))
            .with_hint(format!("write the stack as {project}/{stack}")));
        }
        Ok(state)
    }

    fn absent(&self, name: &StackName) -> Error {
        let StackName { project, stack, .. } = name;
        let error = Error::configuration(format!(
            "there is no stack `{project}/{stack}` in `{}`",
            self.path.display()
        ));
        let mut names = self.names(name);
        if names.is_empty() {
            return error.with_hint(
                "there are no stacks at all: check PULUMI_BACKEND_URL and `pulumi login`",
            );
        }
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        error.with_hint(if more > 0 {
            format!("what is there: {names} and {more} more")
        } else {
            format!("what is there: {names}")
        })
    }

    /// The names of what is there: those that share a part with what was wanted first.
    fn names(&self, wanted: &StackName) -> Vec<String> {
        let stacks = self.path.join("stacks");
        let mut names = Vec::new();
        match self.layout {
            Layout::Legacy => names.extend(
                stacks_in(&stacks)
                    .into_iter()
                    .map(|stack| (stack != wanted.stack, stack)),
            ),
            Layout::Projects => {
                for project in entries(&stacks)
                    .into_iter()
                    .filter(|name| is_valid_part(name))
                {
                    for stack in stacks_in(&stacks.join(&project)) {
                        let is_far = project != wanted.project && stack != wanted.stack;
                        names.push((is_far, format!("{project}/{stack}")));
                    }
                }
            }
        }
        names.sort();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

/// The path that a URL means: with `~`, without the query, decoded.
fn resolve(path: &str, host: &Host) -> Result<PathBuf> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8_lossy();
    // `file:///C:/state` on Windows.
    let path = match path.strip_prefix('/') {
        Some(rest) if cfg!(windows) && rest.as_bytes().get(1) == Some(&b':') => rest,
        _ => &path,
    };
    host.expand(Path::new(path))
}

fn layout(path: &Path, files: &FileTracker) -> Result<Layout> {
    let meta = path.join("meta.yaml");
    let unusable = || {
        Error::configuration(format!("cannot read `{}`", meta.display()))
            .with_hint("check that the Pulumi CLI can use the backend: `pulumi stack ls`")
    };
    let content = file::read(&meta, MAX_SMALL_FILE_BYTES, files)
        .map_err(|error| unusable().caused_by(error))?;
    let Some(content) = content else {
        return Ok(if stacks_in(&path.join("stacks")).is_empty() {
            Layout::Projects
        } else {
            Layout::Legacy
        });
    };
    let meta: Meta = serde_yaml::from_slice(&content)
        .map_err(|_| unusable().caused_by("it holds no version of the layout"))?;
    match meta.version {
        0 => Ok(Layout::Legacy),
        1 => Ok(Layout::Projects),
        version => Err(unusable().caused_by(format!(
            "it is of version {version}, and versions up to 1 are known"
        ))),
    }
}

/// The newest of the files that hold the state of a stack, and its content.
fn newest(
    folder: &Path,
    stack: &str,
    files: &FileTracker,
) -> Result<Option<(PathBuf, Zeroizing<Vec<u8>>)>> {
    let mut found: Option<(SystemTime, PathBuf)> = None;
    for ending in ENDINGS {
        let path = folder.join(format!("{stack}{ending}"));
        let modified = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) => modified,
            Err(error) if is_not_found(&error) => {
                // One that comes into being would be the newest.
                files.record(&path, None);
                continue;
            }
            Err(error) => return Err(unreadable(&path).caused_by(error)),
        };
        if found.as_ref().is_none_or(|(best, _)| modified >= *best) {
            found = Some((modified, path));
        }
    }
    let Some((_, path)) = found else {
        return Ok(None);
    };
    let content = file::read(&path, MAX_STATE_BYTES, files)
        .map_err(|error| unreadable(&path).caused_by(error))?;
    Ok(content.map(|content| (path, content)))
}

/// The names of the stacks whose files are in a folder, sorted.
fn stacks_in(folder: &Path) -> Vec<String> {
    let files = entries(folder).into_iter();
    let mut stacks: Vec<_> = files
        .filter_map(|file| {
            let mut endings = ENDINGS.iter();
            let stack = endings.find_map(|ending| file.strip_suffix(ending))?;
            is_valid_part(stack).then(|| stack.to_owned())
        })
        .collect();
    stacks.sort();
    stacks.dedup();
    stacks
}

/// The names in a folder; none where it cannot be read.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .take(MAX_ENTRIES)
        .filter_map(|entry: io::Result<_>| entry.ok()?.file_name().into_string().ok())
        .collect()
}

fn unreadable(path: &Path) -> Error {
    Error::configuration(format!("cannot read the state in `{}`", path.display()))
        .with_hint("check the file, and that the Pulumi CLI can read it: `pulumi stack output`")
}
