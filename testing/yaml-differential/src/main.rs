//! Compares how `esc_yaml` and gopkg.in/yaml.v3 read texts: trees, tags, styles, positions, errors.
//!
//! Exits with 1 if there is a difference that no class in `differences` explains.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "it is a command line tool"
)]

mod differences;
mod generator;
mod judge;
mod mutation;
mod random;
mod rendering;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use differences::{Difference, find, minimize};
use random::Random;

/// How many definitions are generated besides the corpora.
const GENERATED: usize = 5_000;

/// How many differences are minimized and printed.
const PRINTED: usize = 12;

/// How many texts are compared at once.
const BATCH: usize = 10_000;

/// Longer texts are not mutated: short ones show the same differences sooner.
const MAX_MUTATED_BYTES: usize = 3_000;

struct Arguments {
    program: PathBuf,
    count: usize,
    seed: u64,
    corpora: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let Some(arguments) = arguments(std::env::args().skip(1)) else {
        eprintln!("usage: run [--count N] [--seed S] [--corpus DIR]...");
        return ExitCode::from(2);
    };
    match compare(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn arguments(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        program: words.next()?.into(),
        count: 10_000,
        seed: 1,
        corpora: Vec::new(),
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--count" => arguments.count = value.parse().ok()?,
            "--seed" => arguments.seed = value.parse().ok()?,
            "--corpus" => arguments.corpora.push(value.into()),
            _ => return None,
        }
    }
    Some(arguments)
}

/// Returns whether all differences are explained.
fn compare(arguments: &Arguments) -> io::Result<bool> {
    let mut random = Random::new(arguments.seed);
    let mut report = Report::default();
    let mut sources = Vec::new();
    for folder in &arguments.corpora {
        let texts = corpus(folder)?;
        let name = format!("corpus {}", folder.display());
        report.add(&name, &arguments.program, texts.clone())?;
        sources.extend(texts);
    }
    let generated: Vec<_> = (0..GENERATED)
        .map(|_| generator::generate(&mut random))
        .collect();
    report.add("generated", &arguments.program, generated.clone())?;
    sources.extend(generated);
    sources.retain(|it| it.len() < MAX_MUTATED_BYTES);
    let mut left = arguments.count;
    while left > 0 {
        let count = left.min(BATCH);
        left -= count;
        let mutated = (0..count).map(|_| {
            let text = random.choose(&sources);
            let other = random.choose(&sources);
            mutation::mutate(&mut random, text, other)
        });
        report.add("mutated", &arguments.program, mutated.collect())?;
    }
    report.print(&arguments.program)
}

/// The texts of all YAML files in a folder.
fn corpus(folder: &Path) -> io::Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            let is_yaml = path
                .extension()
                .is_some_and(|it| it == "yaml" || it == "yml");
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if is_yaml {
                // The reader is given text, so that other bytes do not reach it.
                texts.extend(fs::read_to_string(path));
            }
        }
    }
    Ok(texts)
}

#[derive(Default)]
struct Report {
    /// How many texts each source has, and how many are read alike.
    sources: BTreeMap<String, (usize, usize)>,
    explained: BTreeMap<&'static str, (&'static str, usize)>,
    unexplained: Vec<Difference>,
}

impl Report {
    fn add(&mut self, source: &str, program: &Path, texts: Vec<String>) -> io::Result<()> {
        let (total, equal) = self.sources.entry(source.to_owned()).or_default();
        *total += texts.len();
        *equal += texts.len();
        for difference in find(program, texts)? {
            *equal -= 1;
            match difference.class() {
                Some(class) => {
                    self.explained
                        .entry(class.name)
                        .or_insert((class.reason, 0))
                        .1 += 1;
                }
                None => self.unexplained.push(difference),
            }
        }
        Ok(())
    }

    fn print(self, program: &Path) -> io::Result<bool> {
        for (source, (total, equal)) in &self.sources {
            // Thousandths of a percent, rounded down.
            let share = 100_000 * equal / (*total).max(1);
            let (percent, rest) = (share / 1_000, share % 1_000);
            println!("{source}: {equal} of {total} equal ({percent}.{rest:03} %)");
        }
        for (name, (reason, count)) in &self.explained {
            println!("explained: {count} × {name}: {reason}");
        }
        println!("unexplained: {}", self.unexplained.len());
        let is_explained = self.unexplained.is_empty();
        let mut printed = BTreeSet::new();
        for difference in self.unexplained {
            let Difference { text, ours, theirs } = minimize(program, difference)?;
            if printed.len() == PRINTED || !printed.insert(text.clone()) {
                continue;
            }
            println!(
                "\n\"{}\"\n  esc_yaml:\n{ours}\n  yaml.v3:\n{theirs}",
                text.escape_debug()
            );
        }
        Ok(is_explained)
    }
}
