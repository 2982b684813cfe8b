//! `cache`: what is kept between calls.

use clap::{Args, Subcommand};

use super::flags::CacheFolderFlags;
use super::output;
use crate::cache::{self, Folder, Listed};
use crate::clock::{Timestamp, format_duration};
use crate::error::{Error, Result, one_line};
use crate::host::Host;

pub(super) const ABOUT: &str = "Show or remove the credentials that are kept between calls";

#[derive(Args, Debug)]
#[command(about = ABOUT)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them: environment, cluster, age, and for how long they are good. Shows no secret
    List(CacheFolderFlags),
    /// Remove all of them
    Clear(CacheFolderFlags),
}

pub(super) fn run(arguments: &Arguments, host: &Host) -> Result<()> {
    match &arguments.action {
        Action::List(flags) => {
            let entries = cache::list(&folder_of(flags, host)?)?;
            output::print(table(entries, host.clock().now()))
        }
        Action::Clear(flags) => {
            let removed = folder_of(flags, host)?.clear()?;
            output::print(match removed {
                1 => "1 entry removed".to_owned(),
                several => format!("{several} entries removed"),
            })
        }
    }
}

fn folder_of(flags: &CacheFolderFlags, host: &Host) -> Result<Folder> {
    let folder = flags.path(host)?.ok_or_else(|| {
        Error::configuration("there is no home directory, and so no cache")
            .with_hint("set HOME, or name a folder with `--cache-dir`")
    })?;
    Ok(Folder::new(folder))
}

/// One line an entry, in columns.
fn table(mut entries: Vec<Listed>, now: Timestamp) -> String {
    entries.sort_by(|one, other| {
        let key = |entry: &Listed| (entry.environment.clone(), entry.cluster.clone());
        (key(one), one.obtained_at).cmp(&(key(other), other.obtained_at))
    });
    let head = ["ENVIRONMENT", "CLUSTER", "AGE", "EXPIRES IN"].map(str::to_owned);
    let rows = entries.iter().map(|entry| {
        let left = Timestamp::from_unix(entry.good_until).since(now);
        [
            one_line(&entry.environment),
            one_line(&entry.cluster),
            format_duration(now.since(Timestamp::from_unix(entry.obtained_at))),
            if left.is_zero() {
                "expired".to_owned()
            } else {
                format_duration(left)
            },
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    let lines = rows.iter().map(|[environment, cluster, age, left]| {
        let [first, second, third] = widths;
        format!("{environment:first$}   {cluster:second$}   {age:third$}   {left}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
