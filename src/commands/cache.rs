//! `cache`: lists and clears the credential cache.

use std::ffi::OsString;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::flags::{CacheDirectoryFlags, Format, heading};
use super::output;
use crate::cache::{self, CacheDir, EntryKind, EntrySummary, Listed};
use crate::clock::{Timestamp, format_duration};
use crate::config::Reference;
use crate::error::{Error, Result, one_line};
use crate::host::Host;

pub(super) const ABOUT: &str = "List or clear cached credentials";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the entries, without secrets
    List(ListArguments),
    /// Remove all entries, or those of one environment
    Clear(ClearArguments),
}

#[derive(Args, Debug)]
struct ListArguments {
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    #[arg(help_heading = heading::OUTPUT)]
    output: Format,

    #[command(flatten)]
    directory: CacheDirectoryFlags,
}

#[derive(Args, Debug)]
struct ClearArguments {
    /// Environment whose entries to remove, as `cache list` shows it
    ///
    /// [default: all]
    #[arg(value_name = "ENVIRONMENT")]
    environment: Option<OsString>,

    #[command(flatten)]
    directory: CacheDirectoryFlags,
}

pub(super) fn run(arguments: &Arguments, host: &Host) -> Result<()> {
    match &arguments.action {
        Action::List(arguments) => {
            let mut entries = cache::list(&cache_dir(&arguments.directory, host)?)?;
            entries.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
            match arguments.output {
                Format::Json => output::print_json(&List::new(&entries)),
                Format::Text => output::print(table(&entries, host.clock().now())),
            }
        }
        Action::Clear(arguments) => {
            let directory = cache_dir(&arguments.directory, host)?;
            let removed = match &arguments.environment {
                None => directory.clear()?,
                Some(environment) => {
                    let name = stored_name(environment, host)?;
                    cache::clear_environment(&directory, &name)?
                }
            };
            output::print(match removed {
                1 => "1 entry removed".to_owned(),
                count => format!("{count} entries removed"),
            })
        }
    }
}

fn cache_dir(flags: &CacheDirectoryFlags, host: &Host) -> Result<CacheDir> {
    let path = flags.path(host)?.ok_or_else(|| {
        Error::configuration("there is no home directory for the cache")
            .with_hint("set HOME, or pass `--cache-dir`")
    })?;
    Ok(CacheDir::new(path))
}

/// The name under which the cache stores an environment: files by their absolute path.
fn stored_name(environment: &OsString, host: &Host) -> Result<String> {
    match Reference::parse(environment, host)? {
        Reference::Cloud(name) => Ok(name),
        Reference::Local(path) => super::flags::absolute_path(&path, host),
    }
}

fn sort_key(entry: &EntrySummary) -> impl Ord + use<'_> {
    let Listed {
        provider,
        cluster,
        region,
        account,
    } = &entry.listed;
    let (environment, obtained_at) = (&entry.environment, entry.obtained_at);
    let kind = entry.kind;
    (
        environment,
        kind,
        provider,
        cluster,
        region,
        account,
        obtained_at,
    )
}

/// The list as JSON.
#[derive(Serialize)]
struct List<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    kind: EntryKind,
    environment: &'a str,
    provider: Option<&'a str>,
    cluster: Option<&'a str>,
    region: Option<&'a str>,
    account: Option<&'a str>,
    obtained_at: String,
    expires_at: String,
}

impl<'a> List<'a> {
    fn new(entries: &'a [EntrySummary]) -> Self {
        let time = |seconds| Timestamp::from_unix(seconds).to_string();
        let entries = entries.iter().map(|entry| Entry {
            kind: entry.kind,
            environment: &entry.environment,
            provider: entry.listed.provider.as_deref(),
            cluster: entry.listed.cluster.as_deref(),
            region: entry.listed.region.as_deref(),
            account: entry.listed.account.as_deref(),
            obtained_at: time(entry.obtained_at),
            expires_at: time(entry.good_until),
        });
        Self {
            entries: entries.collect(),
        }
    }
}

const COLUMNS: [&str; 8] = [
    "ENVIRONMENT",
    "KIND",
    "PROVIDER",
    "CLUSTER",
    "REGION",
    "ACCOUNT",
    "AGE",
    "EXPIRES IN",
];

/// Formats a table with one line per entry.
fn table(entries: &[EntrySummary], now: Timestamp) -> String {
    let rows = entries.iter().map(|entry| {
        let remaining = Timestamp::from_unix(entry.good_until).since(now);
        let known =
            |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), one_line);
        [
            one_line(&entry.environment),
            match entry.kind {
                EntryKind::Credentials => "credentials".to_owned(),
                EntryKind::Environment => "environment".to_owned(),
            },
            known(&entry.listed.provider),
            known(&entry.listed.cluster),
            known(&entry.listed.region),
            known(&entry.listed.account),
            format_duration(now.since(Timestamp::from_unix(entry.obtained_at))),
            if remaining.is_zero() {
                "expired".to_owned()
            } else {
                format_duration(remaining)
            },
        ]
    });
    let rows: Vec<_> = std::iter::once(COLUMNS.map(str::to_owned))
        .chain(rows)
        .collect();
    let widths: [usize; COLUMNS.len()] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    });
    let lines = rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
