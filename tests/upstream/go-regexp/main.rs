//! Reads what Go says of patterns, a JSON object on each line, and tells where ours say another
//! thing. `run` beside this file builds both sides.

#[allow(dead_code, reason = "the program needs more of it")]
#[path = "../../../src/evaluator/pattern/mod.rs"]
mod pattern;

use std::io::{BufRead, stdin};
use std::process::ExitCode;

use serde::Deserialize;

use pattern::Pattern;

#[derive(Deserialize)]
struct Line {
    pattern: String,
    /// Why Go takes it for no pattern.
    error: Option<String>,
    /// All code points that it matches.
    ranges: Option<Vec<(u32, u32)>>,
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    matches: Vec<bool>,
}

fn main() -> ExitCode {
    let (mut lines, mut checks, mut differences) = (0_usize, 0_usize, 0_usize);
    for line in stdin().lock().lines() {
        let line: Line = match line.map(|text| serde_json::from_str(&text)) {
            Ok(Ok(line)) => line,
            other => {
                println!("a line that cannot be read: {other:?}", other = other.err());
                return ExitCode::FAILURE;
            }
        };
        lines += 1;
        for difference in compare(&line, &mut checks) {
            differences += 1;
            if differences <= 40 {
                println!("{:?}: {difference}", line.pattern);
            }
        }
    }
    println!("{lines} patterns, {checks} answers, {differences} differences");
    if lines == 0 || differences > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn compare(line: &Line, checks: &mut usize) -> Vec<String> {
    let pattern = match (Pattern::read(&line.pattern), &line.error) {
        (Ok(pattern), None) => pattern,
        (Err(ours), theirs) => {
            *checks += 1;
            return match theirs {
                Some(theirs) if *theirs == ours => Vec::new(),
                Some(theirs) => vec![format!("Go says {theirs}, we say {ours}")],
                None => vec![format!("Go takes it, we say {ours}")],
            };
        }
        (Ok(_), Some(theirs)) => return vec![format!("we take it, Go says {theirs}")],
    };
    let mut differences = Vec::new();
    let mut check = |text: &str, want: bool| {
        *checks += 1;
        if pattern.matches(text.as_bytes()) != want {
            differences.push(format!("Go says {want} of {text:?}"));
        }
    };
    for (text, want) in line.texts.iter().zip(&line.matches) {
        check(text, *want);
    }
    if let Some(ranges) = &line.ranges {
        let mut ranges = ranges.iter().peekable();
        let mut text = [0; 4];
        for character in '\0'..=char::MAX {
            let code_point = u32::from(character);
            while ranges.next_if(|(_, high)| *high < code_point).is_some() {}
            let is_in = ranges.peek().is_some_and(|(low, _)| *low <= code_point);
            check(character.encode_utf8(&mut text), is_in);
        }
    }
    differences
}
