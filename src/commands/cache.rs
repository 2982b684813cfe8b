//! `cache`: lists and clears the credential cache.

use clap::{Args, Subcommand};

use super::flags::CacheDirectoryFlags;
use super::output;
use crate::cache::{self, CacheDir, EntrySummary};
use crate::clock::{Timestamp, format_duration};
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
    /// List the entries with environment, cluster, age and time to expiry, but no secrets
    List(CacheDirectoryFlags),
    /// Remove all entries
    Clear(CacheDirectoryFlags),
}

pub(super) fn run(arguments: &Arguments, host: &Host) -> Result<()> {
    match &arguments.action {
        Action::List(flags) => {
            let entries = cache::list(&cache_dir(flags, host)?)?;
            output::print(table(entries, host.clock().now()))
        }
        Action::Clear(flags) => {
            let removed = cache_dir(flags, host)?.clear()?;
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

/// Formats a table with one line per entry.
fn table(mut entries: Vec<EntrySummary>, now: Timestamp) -> String {
    entries.sort_by(|one, other| {
        let key = |entry: &EntrySummary| (entry.environment.clone(), entry.cluster.clone());
        (key(one), one.obtained_at).cmp(&(key(other), other.obtained_at))
    });
    let header = ["ENVIRONMENT", "CLUSTER", "AGE", "EXPIRES IN"].map(str::to_owned);
    let rows = entries.iter().map(|entry| {
        let remaining = Timestamp::from_unix(entry.good_until).since(now);
        [
            one_line(&entry.environment),
            one_line(&entry.cluster),
            format_duration(now.since(Timestamp::from_unix(entry.obtained_at))),
            if remaining.is_zero() {
                "expired".to_owned()
            } else {
                format_duration(remaining)
            },
        ]
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let lines = rows.iter().map(|[environment, cluster, age, remaining]| {
        let [first, second, third] = widths;
        format!("{environment:first$}   {cluster:second$}   {age:third$}   {remaining}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
