//! Cases, answers, and the file format that records both.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The input of both evaluators.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    /// The text of each definition, by name.
    pub environments: BTreeMap<String, String>,
    /// The name of the definition to evaluate.
    pub root: String,
    /// The entries of `${context}`.
    #[serde(default)]
    pub context: serde_json::Value,
    /// Whether a check decrypts.
    #[serde(default)]
    pub show_secrets: bool,
}

/// The output of one evaluator.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The values as JSON texts; `None` if nothing was evaluated.
    pub revealed: Option<String>,
    pub redacted: Option<String>,
    pub check: Option<String>,
    /// Diagnostics of reading the root. Ours reports them in the other two lists.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub load: Vec<Diagnostic>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub open: Vec<Diagnostic>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub checked: Vec<Diagnostic>,
    /// The message of a panic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnostic {
    /// The name of the definition; `None` without a position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Line and column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<(usize, usize)>,
    pub severity: String,
    pub summary: String,
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<(usize, usize)>,
}

fn null_is_empty<'a, D: serde::Deserializer<'a>>(from: D) -> Result<Vec<Diagnostic>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let environment = self.environment.as_deref().unwrap_or("-");
        let position = |position: Option<(usize, usize)>| {
            position.map_or_else(
                || "-".to_owned(),
                |(line, column)| format!("{line}:{column}"),
            )
        };
        let (begin, end) = (position(self.begin), position(self.end));
        write!(
            formatter,
            "{} {environment}:{begin}-{end} {} ({})",
            self.severity,
            serde_json::Value::from(self.summary.as_str()),
            self.path
        )
    }
}

/// A case with upstream's answer, as a readable file: texts are lists of lines.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCase {
    /// The difference that the case was recorded for.
    pub about: String,
    /// The version of upstream's module.
    #[serde(rename = "original")]
    pub upstream: String,
    pub root: String,
    pub environments: BTreeMap<String, Vec<String>>,
    pub context: serde_json::Value,
    #[serde(default)]
    pub show_secrets: bool,
    pub answer: Answer,
}

impl RecordedCase {
    pub fn new(about: String, upstream: String, case: &Case, answer: Answer) -> Self {
        let lines = |text: &String| text.split_inclusive('\n').map(str::to_owned).collect();
        let environments = case.environments.iter();
        Self {
            about,
            upstream,
            root: case.root.clone(),
            environments: environments
                .map(|(name, text)| (name.clone(), lines(text)))
                .collect(),
            context: case.context.clone(),
            show_secrets: case.show_secrets,
            answer,
        }
    }

    #[cfg(test)]
    pub fn case(&self) -> Case {
        let environments = self.environments.iter();
        Case {
            environments: environments
                .map(|(name, lines)| (name.clone(), lines.concat()))
                .collect(),
            root: self.root.clone(),
            context: self.context.clone(),
            show_secrets: self.show_secrets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_case_round_trips() {
        let texts = ["", "a: 1\r\n\n b", "\n"];
        let environments = texts.map(|text| (format!("named {text:?}"), text.to_owned()));
        let case = Case {
            environments: environments.into(),
            root: "x".to_owned(),
            context: serde_json::json!({"a": {}}),
            show_secrets: true,
        };
        let recorded = RecordedCase::new(String::new(), String::new(), &case, Answer::default());
        assert_eq!(recorded.case(), case);
    }
}
