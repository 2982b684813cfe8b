use std::sync::Arc;

use zeroize::Zeroizing;

use super::*;
use crate::Position;
use crate::error::Error;
use crate::text::Text;

fn diagnostic(text: &str, word: &str) -> Diagnostic {
    let byte = text.find(word).unwrap();
    let line = text[..byte].matches('\n').count() + 1;
    let begin = Position {
        line,
        column: text[..byte].rsplit('\n').next().unwrap().chars().count() + 1,
        byte,
    };
    let end = Position {
        byte: byte + word.len(),
        ..begin
    };
    Diagnostic {
        severity: Severity::Error,
        summary: "unknown property \"x\"".to_owned(),
        range: Some(Range {
            environment: "env".into(),
            begin,
            end,
        }),
        path: None,
        hint: None,
        failure: None,
    }
}

fn sources(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.add("env", "./env.yaml", Zeroizing::new(text.to_owned()));
    sources
}

#[test]
fn a_diagnostic_shows_its_line_and_a_caret() {
    let text = "values:\n  a: ${x}\n";
    let shown = sources(text).render(&[diagnostic(text, "x")], Style::Plain);
    let want = "\
error: unknown property \"x\"
 --> ./env.yaml:2:8
  |
2 |   a: ${x}
  |        ^";
    assert_eq!(shown, want);
}

#[test]
fn causes_and_hints_are_rendered() {
    let text = "values:\n  a: ${x}\n";
    let failure = Error::new("no").caused_by("why").with_hint("do");
    let mut first = diagnostic(text, "x");
    first.failure = Some(Arc::new(failure));
    let mut second = diagnostic(text, "values");
    second.severity = Severity::Warning;
    let mut third = diagnostic(text, "x");
    third.range = None;
    let shown = sources(text).render(&[first, second, third], Style::Plain);
    let want = "\
error: unknown property \"x\"
 --> ./env.yaml:2:8
  |
2 |   a: ${x}
  |        ^
  |
  = note: caused by: why
  = help: do
warning: unknown property \"x\"
 --> ./env.yaml:1:1
  |
1 | values:
  | ^^^^^^
error: unknown property \"x\"";
    assert_eq!(shown, want);
}

#[test]
fn a_diagnostic_without_source_text_has_a_position() {
    let text = "values:\n  a: ${x}\n";
    let shown = Sources::default().render(&[diagnostic(text, "x")], Style::Plain);
    assert_eq!(shown, "error: unknown property \"x\"\n--> env:2:8");
}

#[test]
fn colors_do_not_change_the_text() {
    let text = "values:\n  a: \u{1b}[31m${x}\n";
    let sources = sources(text);
    let diagnostics = [diagnostic(text, "x")];
    let (plain, colored) = (Style::Plain, Style::Colored);
    let (plain, colored) = (
        sources.render(&diagnostics, plain),
        sources.render(&diagnostics, colored),
    );
    assert_ne!(plain, colored);
    let mut parts = colored.split("\u{1b}[");
    let mut stripped = parts.next().unwrap().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').unwrap();
        assert!(
            codes.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';')),
            "{codes}"
        );
        stripped.push_str(rest);
    }
    assert_eq!(stripped, plain);
}

#[test]
fn the_end_of_the_file_shows_the_last_line() {
    let text = "a: [b\n\n";
    let mut at_end = diagnostic(text, "b");
    let end = Position {
        line: 3,
        column: 1,
        byte: text.len(),
    };
    if let Some(range) = &mut at_end.range {
        (range.begin, range.end) = (end, end);
    }
    let shown = sources(text).render(&[at_end.clone()], Style::Plain);
    assert!(shown.contains("./env.yaml:1:6\n"), "{shown}");
    assert!(shown.ends_with("1 | a: [b\n  |      ^"), "{shown}");
    let shown = sources("").render(&[at_end], Style::Plain);
    assert!(shown.starts_with("error: "), "{shown}");
}

/// As for a definition that Pulumi Cloud evaluated.
#[test]
fn secrets_of_a_text_are_hidden_without_evaluation() {
    for (text, want) in [
        ("fn::secret: x hunter2 # y", "fn::secret: * ******* * *"),
        ("a: {fn::secret: x hunter2", "a: {fn::secret: * *******"),
    ] {
        let shown = sources(text).render(&[diagnostic(text, "x")], Style::Plain);
        assert!(shown.contains(&format!("1 | {want}\n")), "{shown}");
    }
}

#[test]
fn hidden_text_keeps_its_width_and_the_caret() {
    let text = "a: hünter2 # hünter2\nb: ${x}hünter2\nc: hün";
    let mut sources = sources(text);
    sources.hide("env", 3..11);
    sources.hide_text(&Text::from("hünter2"));
    sources.hide_text(&Text::from("c:"));
    let shown = sources.render(
        &[
            diagnostic(text, "# "),
            diagnostic(text, "x}"),
            diagnostic(text, "c:"),
        ],
        Style::Plain,
    );
    assert!(!shown.contains("hünter2"), "{shown}");
    assert!(
        shown.contains("1 | a: ******* * *******\n  |            ^^"),
        "{shown}"
    );
    assert!(shown.contains("2 | b: ${x}*******\n  |      ^^"), "{shown}");
    assert!(shown.contains("3 | c: hün"), "{shown}");
}

#[test]
fn long_lines_are_cut_around_the_range() {
    let long = "é".repeat(500_000);
    let text = format!("a: {long}${{x}}{long}\n");
    let shown = sources(&text).render(&[diagnostic(&text, "x")], Style::Plain);
    assert!(shown.len() < 2_000, "{}", shown.len());
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[1].ends_with("./env.yaml:1:500006"), "{}", lines[1]);
    let column = lines[4].chars().position(|c| c == 'x');
    assert_eq!(column, lines[5].chars().position(|c| c == '^'), "{shown}");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = "a: \u{1b}[31m${x}\n";
    let shown = sources(text).render(&[diagnostic(text, "x")], Style::Plain);
    assert!(!shown.contains('\u{1b}'), "{shown}");
}
