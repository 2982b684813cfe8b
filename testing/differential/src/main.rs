//! Compares our evaluator with ESC's own on random definitions. `testing/differential/run` builds
//! upstream's program and starts this one.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a program for development, which may stop with a panic"
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

use case::{Answer, Case, RecordedCase};
use compare::{Comparison, EXPLAINED, Kind, compare, summary_class};
use generate::{Draft, Grammar};
use ours::SharedProviders;
use upstream::Upstream;

/// The number of cases sent at once.
const BATCH: u64 = 256;

/// How often upstream repeats a case whose answers differ.
const REPETITIONS: usize = 8;

/// Compares our evaluator with ESC's own on random definitions.
#[derive(Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate flag")]
struct Arguments {
    /// The program built from `testing/differential/upstream`.
    #[arg(long)]
    upstream: PathBuf,
    /// The number of cases.
    #[arg(long, default_value_t = 2_000)]
    count: u64,
    /// The seed; together with its number, it determines each case.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first case.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The number of kinds of differences to shrink and show; 0 for all.
    #[arg(long, default_value_t = 20)]
    show: usize,
    /// Shows only kinds of differences whose name contains this text.
    #[arg(long, default_value = "")]
    class: String,
    /// Also shows the explained classes.
    #[arg(long)]
    explained: bool,
    /// Lists upstream's diagnostics with the number of cases, as a measure of what the grammar covers.
    #[arg(long)]
    coverage: bool,
    /// Prints the cases.
    #[arg(long)]
    print: bool,
    /// Saves a small case of each difference in `tests/data/evaluator`, for the tests.
    #[arg(long)]
    save: bool,
    /// Compares the cases of this file instead of random ones: a JSON object on each line, in the
    /// format of upstream's requests (see its `--help`).
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

/// Returns upstream's answers and ours.
fn evaluate_both(
    upstream: &mut Upstream,
    cases: &[Case],
    providers: &SharedProviders,
) -> Result<(Vec<Answer>, Vec<Answer>), String> {
    upstream.answers(cases, || {
        let ours = cases.iter().map(|case| ours::answer(case, providers));
        ours.collect()
    })
}

/// Whether one of several repetitions of upstream gives our answer.
fn varies_by_chance(upstream: &mut Upstream, case: &Case, ours: &Answer) -> Result<bool, String> {
    let repeated = vec![case.clone(); REPETITIONS];
    let (answers, ()) = upstream.answers(&repeated, || ())?;
    let mut answers = answers.iter().filter(|theirs| theirs.panic.is_none());
    Ok(answers.any(|theirs| compare(case, theirs, ours).differences.is_empty()))
}

/// The results of a run.
#[derive(Default)]
struct Report {
    cases: u64,
    definitions: usize,
    values_equal: u64,
    diagnostics_equal: u64,
    ends_equal: u64,
    /// Cases without errors from upstream.
    without_errors: u64,
    explained: BTreeMap<&'static str, u64>,
    /// The number of cases by upstream's summary without names and numbers.
    summaries: BTreeMap<String, u64>,
    unexplained: u64,
    classes: BTreeMap<String, DifferenceClass>,
}

/// The cases whose differences have one signature.
struct DifferenceClass {
    count: u64,
    /// The number of the case with the shortest text, and its length.
    shortest: u64,
    length: usize,
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let has = |part: &str| !arguments.without.iter().any(|without| without == part);
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
        return compare_file(path, arguments, &mut upstream, &providers);
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
        let (theirs, ours) = evaluate_both(&mut upstream, &cases, &providers)?;
        for (((number, case), theirs), ours) in numbers.iter().zip(&cases).zip(&theirs).zip(&ours) {
            let mut comparison = compare(case, theirs, ours);
            if !comparison.differences.is_empty() && varies_by_chance(&mut upstream, case, ours)? {
                comparison.differences.clear();
                comparison.explained.push("chance");
            }
            report.add(case, theirs, &comparison);
            report.classify(*number, case, &comparison.signatures(arguments.explained));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    report.examples(arguments, grammar, &mut upstream, &providers)?;
    if arguments.coverage {
        println!("\nupstream's diagnostics by number of cases");
        let mut summaries: Vec<_> = report.summaries.iter().collect();
        summaries.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (summary, count) in summaries {
            println!("  {count:>6} {summary}");
        }
    }
    report.print(arguments.seed, seconds);
    Ok(report.unexplained == 0)
}

/// Compares the cases of a file; shows and saves those that differ, or with `--print` all.
fn compare_file(
    path: &Path,
    arguments: &Arguments,
    upstream: &mut Upstream,
    providers: &SharedProviders,
) -> Result<bool, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let cases: Result<Vec<Case>, _> = text.lines().map(serde_json::from_str).collect();
    let cases = cases.map_err(|error| format!("{}: {error}", path.display()))?;
    let (theirs, ours) = evaluate_both(upstream, &cases, providers)?;
    let mut equal = true;
    for (number, ((case, theirs), ours)) in (0..).zip(cases.iter().zip(theirs).zip(&ours)) {
        let comparison = compare(case, &theirs, ours);
        let explained = if arguments.explained {
            comparison.explained.join(", ")
        } else {
            String::new()
        };
        if comparison.differences.is_empty() && explained.is_empty() && !arguments.print {
            continue;
        }
        show(number, case);
        for difference in &comparison.differences {
            println!("upstream {}", difference.theirs);
            println!("ours     {}", difference.ours);
        }
        if !explained.is_empty() {
            println!("explained: {explained}");
        }
        equal &= comparison.differences.is_empty();
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
    println!("{} cases compared", cases.len());
    Ok(equal)
}

impl Report {
    fn add(&mut self, case: &Case, theirs: &Answer, comparison: &Comparison) {
        self.cases += 1;
        self.definitions += case.environments.len();
        self.values_equal += u64::from(comparison.equal(Kind::Value));
        self.diagnostics_equal += u64::from(comparison.equal(Kind::Diagnostic));
        self.ends_equal +=
            u64::from(comparison.equal(Kind::End) && comparison.equal(Kind::Diagnostic));
        let diagnostics = theirs
            .load
            .iter()
            .chain(&theirs.open)
            .chain(&theirs.checked);
        let has_errors = diagnostics
            .clone()
            .any(|diagnostic| diagnostic.severity == "error");
        self.without_errors += u64::from(!has_errors);
        let summaries: BTreeSet<_> = diagnostics
            .map(|diagnostic| summary_class(&diagnostic.summary))
            .collect();
        for summary in summaries {
            *self.summaries.entry(summary).or_default() += 1;
        }
        for class in &comparison.explained {
            *self.explained.entry(class).or_default() += 1;
        }
        self.unexplained += u64::from(!comparison.differences.is_empty());
    }

    fn classify(&mut self, number: u64, case: &Case, signatures: &BTreeSet<String>) {
        let size = case.environments.values().map(String::len).sum();
        for signature in signatures {
            let class = self.classes.entry(signature.clone());
            let class = class.or_insert(DifferenceClass {
                count: 0,
                shortest: number,
                length: size,
            });
            class.count += 1;
            if size < class.length {
                class.shortest = number;
                class.length = size;
            }
        }
    }

    /// Prints a small case for each class of differences, the most frequent first.
    fn examples(
        &self,
        arguments: &Arguments,
        grammar: Grammar,
        upstream: &mut Upstream,
        providers: &SharedProviders,
    ) -> Result<(), String> {
        let mut classes: Vec<_> = self.classes.iter().collect();
        classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.count));
        let show_all = arguments.show == 0;
        for (index, (signature, class)) in classes.into_iter().enumerate() {
            if !signature.contains(&arguments.class) {
                continue;
            }
            println!("\n## {} x {signature}", class.count);
            if index >= arguments.show && !show_all {
                continue;
            }
            let draft = generate::draft(grammar, arguments.seed, class.shortest);
            let small = shrink::shrink(draft, |drafts: &[Draft]| {
                let cases: Vec<Case> = drafts.iter().map(Draft::case).collect();
                let (theirs, ours) = evaluate_both(upstream, &cases, providers)?;
                let differs = |((case, theirs), ours)| {
                    let comparison = compare(case, theirs, ours);
                    let signatures = comparison.signatures(arguments.explained);
                    signatures.contains(signature)
                };
                Ok::<_, String>(cases.iter().zip(&theirs).zip(&ours).position(differs))
            })?;
            let case = small.case();
            println!("```yaml");
            show(class.shortest, &case);
            let theirs = upstream.answer(&case)?;
            let comparison = compare(&case, &theirs, &ours::answer(&case, providers));
            if let Some(panic) = &theirs.panic {
                println!("upstream panics: {panic}");
            }
            for difference in &comparison.differences {
                println!("upstream {}", difference.theirs);
                println!("ours     {}", difference.ours);
            }
            println!("```");
            if arguments.save {
                let name = format!("seed-{}-{}-{index}", arguments.seed, class.shortest);
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
        println!("  without errors      {}", self.without_errors);
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
        // Makes invisible characters visible.
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
    let recorded = RecordedCase::new(about.to_owned(), upstream::version(), case, answer);
    let mut text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
    text.push('\n');
    let path = folder.join(name).join("case.json");
    std::fs::create_dir_all(folder.join(name)).map_err(|error| error.to_string())?;
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    println!("saved as {}", path.display());
    Ok(())
}
