//! A backend on disk, with a URL `file://…`: one of Pulumi's DIY backends.
//!
//! The layout is defined in pulumi/pulumi, `pkg/backend/diy/{backend,meta,state,store}.go`. Below the
//! URL's path, `.pulumi/meta.yaml` contains the version of the layout. In version 1, the state of a
//! stack is in `.pulumi/stacks/PROJECT/STACK.json`; in version 0, in `.pulumi/stacks/STACK.json`. If
//! there is no `meta.yaml`, the version is 0 if there are stacks in that layout, else 1. States may be
//! compressed (`….json.gz`); of several files for one stack, the newest is current.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::file_tracker::{FileTracker, is_not_found};
use crate::host::Host;
use crate::pulumi_state::file::{self, MAX_SMALL_FILE_BYTES, MAX_STATE_BYTES};
use crate::pulumi_state::stack_name::StackName;
use crate::pulumi_state::state::{self, State};
use esc::is_valid_name;

/// The organization of all stacks in a DIY backend.
const ORGANIZATION: &str = "organization";

/// The extensions of a state. Of files with the same time, the last one is current.
const EXTENSIONS: [&str; 3] = [".json", ".json.gz", ".json.zst"];

/// The magic bytes of compressed files.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// The number of stack names in a message.
const MAX_NAMES: usize = 10;

/// The number of directory entries to read for a message.
const MAX_ENTRIES: usize = 10_000;

/// A backend on disk.
pub(crate) struct DiyBackend {
    /// The directory `.pulumi`.
    path: PathBuf,
    layout: Layout,
    tracker: FileTracker,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Layout {
    /// Version 1: a directory for each project.
    Projects,
    /// Version 0: all stacks in one directory.
    Legacy,
}

#[derive(Deserialize)]
struct Meta {
    version: u64,
}

impl DiyBackend {
    /// Opens the backend at `path`, which is a URL `file://…` without its scheme.
    pub(crate) fn open(path: &str, host: &Host, tracker: FileTracker) -> Result<Self> {
        let path = resolve(path, host)?.join(".pulumi");
        let layout = layout(&path, &tracker)?;
        Ok(Self {
            path,
            layout,
            tracker,
        })
    }

    /// Reads the state of a stack.
    pub(crate) fn state(&self, name: &StackName) -> Result<State> {
        if let Some(organization) = &name.organization
            && organization != ORGANIZATION
        {
            return Err(Error::configuration(format!(
                "there is no organization `{organization}` in `{}`",
                self.path.display()
            ))
            .with_hint(format!(
                "write the stack as `{}/{}`: a backend on disk has no organizations",
                name.project, name.stack
            )));
        }
        let stacks = self.path.join("stacks");
        let directory = match self.layout {
            Layout::Projects => stacks.join(&name.project),
            Layout::Legacy => stacks,
        };
        let Some((path, content)) = newest(&directory, &name.stack, &self.tracker)? else {
            return Err(self.not_found(name));
        };
        let content = if content.starts_with(GZIP) {
            file::gunzip(&content, MAX_STATE_BYTES)
                .map_err(|error| unreadable(&path).caused_by(error))?
        } else if content.starts_with(ZSTD) {
            return Err(unreadable(&path)
                .caused_by("it is compressed with Zstandard")
                .with_hint(
                    "unset `PULUMI_DIY_BACKEND_ZSTD` and update the stack: kubectl-esc only supports \
                     gzip and uncompressed states",
                ));
        } else {
            content
        };
        let state =
            state::read_checkpoint(&content).map_err(|error| unreadable(&path).caused_by(error))?;
        // In the legacy layout, the project is only known from the state itself.
        if self.layout == Layout::Legacy
            && let Some(project) = &state.project
            && *project != name.project
        {
            let (stack, requested) = (&name.stack, &name.project);
            return Err(Error::configuration(format!(
                "the stack `{stack}` in `{}` belongs to the project `{project}`, not to `{requested}`",
                self.path.display()
            ))
            .with_hint(format!("write the stack as `{project}/{stack}`")));
        }
        Ok(state)
    }

    fn not_found(&self, name: &StackName) -> Error {
        let StackName { project, stack, .. } = name;
        let error = Error::configuration(format!(
            "there is no stack `{project}/{stack}` in `{}`",
            self.path.display()
        ));
        let mut names = self.names(name);
        if names.is_empty() {
            return error.with_hint(
                "the backend has no stacks: check `PULUMI_BACKEND_URL` and `pulumi login`",
            );
        }
        let more = names.len().saturating_sub(MAX_NAMES);
        names.truncate(MAX_NAMES);
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        error.with_hint(if more > 0 {
            format!("available stacks: {names} and {more} more")
        } else {
            format!("available stacks: {names}")
        })
    }

    /// The available stacks, those with the requested project or stack name first.
    fn names(&self, requested: &StackName) -> Vec<String> {
        let stacks = self.path.join("stacks");
        let mut names = Vec::new();
        match self.layout {
            Layout::Legacy => names.extend(
                stacks_in(&stacks)
                    .into_iter()
                    .map(|stack| (stack != requested.stack, stack)),
            ),
            Layout::Projects => {
                for project in entries(&stacks)
                    .into_iter()
                    .filter(|name| is_valid_name(name))
                {
                    for stack in stacks_in(&stacks.join(&project)) {
                        let is_different = project != requested.project && stack != requested.stack;
                        names.push((is_different, format!("{project}/{stack}")));
                    }
                }
            }
        }
        names.sort();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

/// Converts the path of a URL to a file path: expands `~`, drops the query, decodes escapes.
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

fn layout(path: &Path, tracker: &FileTracker) -> Result<Layout> {
    let meta = path.join("meta.yaml");
    let unusable = || {
        Error::configuration(format!("cannot read `{}`", meta.display()))
            .with_hint("check whether the Pulumi CLI can use the backend: `pulumi stack ls`")
    };
    let content = file::read(&meta, MAX_SMALL_FILE_BYTES, tracker)
        .map_err(|error| unusable().caused_by(error))?;
    let Some(content) = content else {
        return Ok(if stacks_in(&path.join("stacks")).is_empty() {
            Layout::Projects
        } else {
            Layout::Legacy
        });
    };
    let meta: Meta = serde_yaml::from_slice(&content)
        .map_err(|_| unusable().caused_by("it does not contain the version of the layout"))?;
    match meta.version {
        0 => Ok(Layout::Legacy),
        1 => Ok(Layout::Projects),
        version => Err(unusable().caused_by(format!(
            "it has version {version}, but only versions up to 1 are supported"
        ))),
    }
}

/// The newest file with the state of a stack, and its content.
fn newest(
    directory: &Path,
    stack: &str,
    tracker: &FileTracker,
) -> Result<Option<(PathBuf, Zeroizing<Vec<u8>>)>> {
    let mut newest: Option<(SystemTime, PathBuf)> = None;
    for extension in EXTENSIONS {
        let path = directory.join(format!("{stack}{extension}"));
        let modified = match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) => modified,
            Err(error) if is_not_found(&error) => {
                // If it is created later, it will be the newest.
                tracker.record(&path, None);
                continue;
            }
            Err(error) => return Err(unreadable(&path).caused_by(error)),
        };
        if newest.as_ref().is_none_or(|(time, _)| modified >= *time) {
            newest = Some((modified, path));
        }
    }
    let Some((_, path)) = newest else {
        return Ok(None);
    };
    let content = file::read(&path, MAX_STATE_BYTES, tracker)
        .map_err(|error| unreadable(&path).caused_by(error))?;
    Ok(content.map(|content| (path, content)))
}

/// The names of the stacks with a state in a directory, sorted.
fn stacks_in(directory: &Path) -> Vec<String> {
    let files = entries(directory).into_iter();
    let mut stacks: Vec<_> = files
        .filter_map(|file| {
            let mut extensions = EXTENSIONS.iter();
            let stack = extensions.find_map(|extension| file.strip_suffix(extension))?;
            is_valid_name(stack).then(|| stack.to_owned())
        })
        .collect();
    stacks.sort();
    stacks.dedup();
    stacks
}

/// The names in a directory; none if it cannot be read.
fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries
        .take(MAX_ENTRIES)
        .filter_map(|entry: io::Result<_>| entry.ok()?.file_name().into_string().ok())
        .collect()
}

fn unreadable(path: &Path) -> Error {
    Error::configuration(format!("cannot read the state in `{}`", path.display()))
        .with_hint("check whether the Pulumi CLI can read it: `pulumi stack output`")
}
