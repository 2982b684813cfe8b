//! Evaluates the recorded cases, which include upstream's answers, so that this needs no Go.

use std::path::Path;

use crate::case::Recorded;
use crate::compare::compare;
use crate::ours::{self, SharedProviders};

#[test]
fn recorded_cases_have_the_answer_of_upstream() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/evaluator");
    let providers = SharedProviders::load();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("case.json");
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let recorded: Recorded = serde_json::from_str(&text).unwrap();
        let case = recorded.case();
        let found = compare(&case, &recorded.answer, &ours::answer(&case, &providers));
        for difference in found.differences {
            let (theirs, ours) = (difference.theirs, difference.ours);
            let path = path.display();
            wrong.push(format!("{path}:\n  upstream {theirs}\n  ours     {ours}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 0, "no recorded cases");
}
