//! Compares our evaluator with ESC's own, on random definitions. `run` beside this file
//! builds upstream and calls this.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a comparison that cannot go on fails, and is no library"
)]

mod case;
mod compare;
mod document;
mod generate;
mod ours;
mod random;
mod shrink;
mod upstream;

#[cfg(test)]
mod recorded_cases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use case::{Answer, Case, Recorded};
use compare::{Comparison, EXPLAINED, Kind, compare, summary_class};
use generate::{Draft, Grammar};
use ours::SharedProviders;
use upstream::Upstream;

/// How many cases are sent at once.
const BATCH: u64 = 256;

/// How often upstream is asked again where the answers differ.
const REPETITIONS: usize = 8;

/// Compares our evaluator with ESC's own, on random definitions.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Arguments {
    /// The program that is built from `testing/differential/upstream`.
    #[arg(long)]
    upstream: PathBuf,
    /// How many cases.
    #[arg(long, default_value_t = 2_000)]
    count: u64,
    /// Decides the cases, together with their numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first case.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// How many kinds of differences are made small and shown; 0 for all.
    #[arg(long, default_value_t = 20)]
    show: usize,
    /// Shows only kinds of differences with this in their names.
    #[arg(long, default_value = "")]
    class: String,
    /// Shows the explained classes too.
    #[arg(long)]
    explained: bool,
    /// Shows what upstream says, and in how many cases: what the grammar reaches.
    #[arg(long)]
    coverage: bool,
    /// Prints the cases.
    #[arg(long)]
    print: bool,
    /// Keeps a small case of each difference for the fast tests, in `tests/data/evaluator`.
    #[arg(long)]
    save: bool,
    /// Compares these cases and no random ones: a file with a JSON object on each line, in the form
    /// of upstream's requests (its `--help`).
    #[arg(long)]
    cases: Option<PathBuf>,
    /// Parts of the grammar to leave out: rotate, validate, toYAML, ciphertext, rareYAML.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Upstream's answers and ours.
fn both(
    upstream: &mut Upstream,
    cases: &[Case],
    providers: &SharedProviders,
) -> Result<(Vec<Answer>, Vec<Answer>), String> {
    upstream.answers(cases, || {
        let ours = cases.iter().map(|case| ours::answer(case, providers));
        ours.collect()
    })
}

/// Whether upstream gives our answer too, at times.
fn chosen_by_chance(upstream: &mut Upstream, case: &Case, ours: &Answer) -> Result<bool, String> {
    let repeated = vec![case.clone(); REPETITIONS];
    let (answers, ()) = upstream.answers(&repeated, || ())?;
    let mut answers = answers.iter().filter(|theirs| theirs.panic.is_none());
    Ok(answers.any(|theirs| compare(case, theirs, ours).differences.is_empty()))
}

/// What a run has found.
#[derive(Default)]
struct Report {
    cases: u64,
    definitions: usize,
    values_equal: u64,
    diagnostics_equal: u64,
    ends_equal: u64,
    /// Cases with no error at all, on upstream's side.
    clean: u64,
    explained: BTreeMap<&'static str, u64>,
    /// What upstream says, without names and numbers: in how many cases.
    summaries: BTreeMap<String, u64>,
    unexplained: u64,
    /// By signature: how many cases, and the number of the one with the shortest text.
    classes: BTreeMap<String, (u64, u64, usize)>,
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let has = |part: &str| !arguments.without.iter().any(|it| it == part);
    let grammar = Grammar {
        rotate: has("rotate"),
        validate: has("validate"),
        to_yaml: has("toYAML"),
        ciphertext: has("ciphertext"),
        rare_yaml: has("rareYAML"),
    };
    let providers = SharedProviders::load();
    let mut upstream = Upstream::start(&arguments.upstream)?;
    if let Some(path) = &arguments.cases {
        return compare_given(path, arguments, &mut upstream, &providers);
    }
    let mut report = Report::default();
    let started = Instant::now();
    let end = arguments.first + arguments.count;
    let mut next = arguments.first;
    while next < end {
        let numbers: Vec<u64> = (next..end.min(next + BATCH)).collect();
        next += BATCH;
        let draft = |number: &u64| generate::draft(grammar, arguments.seed, *number).case();
        let cases: Vec<Case> = numbers.iter().map(draft).collect();
        if arguments.print {
            numbers
                .iter()
                .zip(&cases)
                .for_each(|(number, case)| show(*number, case));
        }
        let (theirs, ours) = both(&mut upstream, &cases, &providers)?;
        for (((number, case), theirs), ours) in numbers.iter().zip(&cases).zip(&theirs).zip(&ours) {
            let mut found = compare(case, theirs, ours);
            if !found.differences.is_empty() && chosen_by_chance(&mut upstream, case, ours)? {
                found.differences.clear();
                found.explained.push("chance");
            }
            report.add(case, theirs, &found);
            report.classify(*number, case, &found.signatures(arguments.explained));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    report.examples(arguments, grammar, &mut upstream, &providers)?;
    if arguments.coverage {
        println!("\nwhat upstream says, and in how many cases");
        let mut summaries: Vec<_> = report.summaries.iter().collect();
        summaries.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (summary, count) in summaries {
            println!("  {count:>6} {summary}");
        }
    }
    report.print(arguments.seed, seconds);
    Ok(report.unexplained == 0)
}

/// Compares the cases of a file, and shows and keeps those that differ, or all if they are printed.
fn compare_given(
    path: &Path,
    arguments: &Arguments,
    upstream: &mut Upstream,
    providers: &SharedProviders,
) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let cases: Result<Vec<Case>, _> = text.lines().map(serde_json::from_str).collect();
    let cases = cases.map_err(|error| format!("{}: {error}", path.display()))?;
    let (theirs, ours) = both(upstream, &cases, providers)?;
    let mut equal = true;
    for (number, ((case, theirs), ours)) in (0..).zip(cases.iter().zip(theirs).zip(&ours)) {
        let found = compare(case, &theirs, ours);
        let explained = if arguments.explained {
            found.explained.join(", ")
        } else {
            String::new()
        };
        if found.differences.is_empty() && explained.is_empty() && !arguments.print {
            continue;
        }
        show(number, case);
        for difference in &found.differences {
            println!("upstream {}", difference.theirs);
            println!("ours     {}", difference.ours);
        }
        if !explained.is_empty() {
            println!("explained: {explained}");
        }
        equal &= found.differences.is_empty();
        if arguments.save {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            save(
                &format!("{name}-{number}"),
                &name.replace('-', " "),
                case,
                theirs,
            )?;
        }
    }
    println!("{} cases given", cases.len());
    Ok(equal)
}

impl Report {
    fn add(&mut self, case: &Case, theirs: &Answer, found: &Comparison) {
        self.cases += 1;
        self.definitions += case.environments.len();
        self.values_equal += u64::from(found.equal(Kind::Value));
        self.diagnostics_equal += u64::from(found.equal(Kind::Diagnostic));
        self.ends_equal += u64::from(found.equal(Kind::End) && found.equal(Kind::Diagnostic));
        let diagnostics = theirs
            .load
            .iter()
            .chain(&theirs.open)
            .chain(&theirs.checked);
        let errors = diagnostics.clone().filter(|it| it.severity == "error");
        self.clean += u64::from(errors.count() == 0);
        let summaries: BTreeSet<_> = diagnostics.map(|it| summary_class(&it.summary)).collect();
        for summary in summaries {
            *self.summaries.entry(summary).or_default() += 1;
        }
        for class in &found.explained {
            *self.explained.entry(class).or_default() += 1;
        }
        self.unexplained += u64::from(!found.differences.is_empty());
    }

    fn classify(&mut self, number: u64, case: &Case, signatures: &BTreeSet<String>) {
        let size = case.environments.values().map(String::len).sum();
        for signature in signatures {
            let class = self.classes.entry(signature.clone());
            let (count, shortest, length) = class.or_insert((0, number, size));
            *count += 1;
            if size < *length {
                (*shortest, *length) = (number, size);
            }
        }
    }

    /// Prints a small case for each class of differences, the frequent ones first.
    fn examples(
        &self,
        arguments: &Arguments,
        grammar: Grammar,
        upstream: &mut Upstream,
        providers: &SharedProviders,
    ) -> Result<(), String> {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
        let show_all = arguments.show == 0;
        for (place, (signature, (count, number, _))) in classes.into_iter().enumerate() {
            if !signature.contains(&arguments.class) {
                continue;
            }
            println!("\n## {count} x {signature}");
            if place >= arguments.show && !show_all {
                continue;
            }
            let draft = generate::draft(grammar, arguments.seed, *number);
            let small = shrink::shrink(draft, |drafts: &[Draft]| {
                let cases: Vec<Case> = drafts.iter().map(Draft::case).collect();
                let (theirs, ours) = both(upstream, &cases, providers)?;
                let differs = |((case, theirs), ours)| {
                    let found = compare(case, theirs, ours);
                    found.signatures(arguments.explained).contains(signature)
                };
                Ok::<_, String>(cases.iter().zip(&theirs).zip(&ours).position(differs))
            })?;
            let case = small.case();
            println!("```yaml");
            show(*number, &case);
            let theirs = upstream.answer(&case)?;
            let found = compare(&case, &theirs, &ours::answer(&case, providers));
            if let Some(panic) = &theirs.panic {
                println!("upstream panics: {panic}");
            }
            for difference in &found.differences {
                println!("upstream {}", difference.theirs);
                println!("ours     {}", difference.ours);
            }
            println!("```");
            if arguments.save {
                let name = format!("seed-{}-{number}-{place}", arguments.seed);
                save(&name, signature, &case, theirs)?;
            }
        }
        Ok(())
    }

    fn print(&self, seed: u64, seconds: f64) {
        let Self {
            cases, definitions, ..
        } = self;
        println!("\nseed {seed}: {cases} cases with {definitions} definitions in {seconds:.1} s");
        println!("  without errors      {}", self.clean);
        println!("  values equal        {}", self.values_equal);
        println!(
            "  diagnostics equal   {} ({} with their ends)",
            self.diagnostics_equal, self.ends_equal
        );
        for (name, reason) in EXPLAINED {
            let count = self.explained.get(name).copied().unwrap_or_default();
            println!("  explained, {name:<9}{count} ({reason})");
        }
        println!("  unexplained         {}", self.unexplained);
    }
}

fn show(number: u64, case: &Case) {
    println!(
        "case {number}, root {}, context {}",
        case.root, case.context
    );
    for (name, text) in &case.environments {
        println!("--- {name}");
        // What cannot be seen is shown.
        print!(
            "{}",
            text.replace('\r', "␍")
                .replace('\u{feff}', "<byte order mark>")
                .replace('\u{85}', "<next line>")
                .replace('\u{2028}', "<line separator>")
                .replace('\u{2029}', "<paragraph separator>")
        );
        if !text.ends_with('\n') {
            println!("%");
        }
    }
    println!("---");
}

fn save(name: &str, about: &str, case: &Case, answer: Answer) -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/evaluator");
    let recorded = Recorded::new(about.to_owned(), upstream::version(), case, answer);
    let mut text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
    text.push('\n');
    let path = folder.join(name).join("case.json");
    std::fs::create_dir_all(folder.join(name)).map_err(|error| error.to_string())?;
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    println!("saved as {}", path.display());
    Ok(())
}
