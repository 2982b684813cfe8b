//! Compares our answers with the recorded ones of upstream, which needs no Go.

use std::path::Path;

use crate::case::RecordedCase;
use crate::compare::compare;
use crate::ours::{self, SharedProviders};

#[test]
fn recorded_cases_have_the_answer_of_upstream() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/evaluator");
    let providers = SharedProviders::load();
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("case.json");
        if !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let recorded: RecordedCase = serde_json::from_str(&text).unwrap();
        let case = recorded.case();
        let comparison = compare(&case, &recorded.answer, &ours::answer(&case, &providers));
        for difference in comparison.differences {
            let (theirs, ours) = (difference.theirs, difference.ours);
            let path = path.display();
            failures.push(format!("{path}:\n  upstream {theirs}\n  ours     {ours}"));
        }
        count += 1;
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count > 0, "no recorded cases");
}
