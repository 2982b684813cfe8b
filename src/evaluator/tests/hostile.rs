//! Definitions that try to use up the stack, the memory or the time.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS, MAXIMUM_SOURCE_BYTES,
};

/// Evaluates, and checks that it ends with an error that says `problem`. The limit on time is
/// generous: tests run without optimisation, beside others.
fn refused(world: &World, text: &str, problem: &str) -> Evaluation {
    let start = Instant::now();
    let evaluation = world.open(text);
    let took = start.elapsed();
    let shown = problems(&evaluation);
    assert!(
        shown.iter().any(|line| line.contains(problem)),
        "{problem}: {:?}",
        &shown[..shown.len().min(3)]
    );
    assert!(took < Duration::from_mins(1), "{problem}: {took:?}");
    rendered(&evaluation);
    evaluation
}

#[test]
fn nesting_has_a_limit() {
    let world = World::importing(&[]);
    let block: String = (0..3_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for text in [
        "values: ".to_owned() + &"[".repeat(200_000),
        "values: ".to_owned() + &"{a: ".repeat(200_000),
        "values:\n  ".to_owned() + &"- ".repeat(200_000),
        block,
    ] {
        refused(&world, &text, "nest");
    }
    let deepest = format!("values: {{a: {}{}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(problems(&world.open(&deepest)), [""; 0]);
}

#[test]
fn references_have_a_limit() {
    let world = World::importing(&[]);
    let chain = |length: usize, value: &str| {
        let mut text = "values:\n".to_owned();
        for number in 0..length {
            let next = value.replace("NEXT", &format!("a{:06}", number + 1));
            writeln!(text, "  a{number:06}: {next}").unwrap();
        }
        writeln!(text, "  a{length:06}: end").unwrap();
        text
    };
    let half = MAXIMUM_EVALUATION_DEPTH / 2;
    let evaluation = world.open(&chain(half, "${NEXT}"));
    assert_eq!(problems(&evaluation), [""; 0]);
    assert_eq!(
        evaluation
            .environment
            .values
            .property("a000000")
            .unwrap()
            .as_str(),
        Some("end")
    );
    refused(&world, &chain(20_000, "${NEXT}"), "deeper than");
    refused(&world, &chain(20_000, "x ${NEXT}"), "deeper than");
    refused(
        &world,
        &chain(20_000, "{fn::toString: '${NEXT}'}"),
        "deeper than",
    );
    refused(
        &world,
        &chain(20_000, "[[[[[\"${NEXT}\"]]]]]"),
        "deeper than",
    );
    // Backwards no reference is deep, but the values are.
    let mut text = "values:\n  a000000: 1\n".to_owned();
    for number in 1..20_000 {
        writeln!(text, "  a{number:06}: [\"${{a{:06}}}\"]", number - 1).unwrap();
    }
    refused(&world, &text, "nests deeper than");
}

#[test]
fn small_texts_do_not_become_huge_values() {
    let world = World::importing(&[]);
    for (value, problem) in [
        ("${PREV}${PREV}", "too large"),
        ("[\"${PREV}\", \"${PREV}\"]", "too many steps"),
        ("{fn::toJSON: [\"${PREV}\", \"${PREV}\"]}", "too large"),
        ("{fn::toString: [\"${PREV}\", \"${PREV}\"]}", "too large"),
        ("{fn::toBase64: \"${PREV}${PREV}\"}", "too large"),
        (
            "{fn::join: [\"${PREV}\", [\"${PREV}\", \"${PREV}\"]]}",
            "too large",
        ),
    ] {
        let first = if value.starts_with("[\"") {
            "[x]"
        } else {
            "0123456789abcdef"
        };
        let mut text = format!("values:\n  a000: {first}\n");
        for number in 1..60 {
            let value = value.replace("PREV", &format!("a{:03}", number - 1));
            writeln!(text, "  a{number:03}: {value}").unwrap();
        }
        refused(&world, &text, problem);
    }
    let mut text = "values:\n  a000: [x]\n".to_owned();
    for number in 1..60 {
        let before = format!("${{a{:03}}}", number - 1);
        writeln!(
            text,
            "  a{number:03}: {{fn::concat: [\"{before}\", \"{before}\"]}}"
        )
        .unwrap();
    }
    refused(&world, &text, "too many steps");
}

#[test]
fn merging_shared_values_ends() {
    let doubling = |leaf: &str| {
        let mut text = format!("values:\n  a000: {{{leaf}: 1}}\n");
        for number in 1..60 {
            let before = format!("${{a{:03}}}", number - 1);
            writeln!(text, "  a{number:03}: {{l: \"{before}\", r: \"{before}\"}}").unwrap();
        }
        text
    };
    let (one, other) = (doubling("x"), doubling("y"));
    let world = World::importing(&[("one", &one), ("other", &other)]);
    refused(&world, "imports: [one, other]", "too many steps");
}

#[test]
fn imports_have_limits() {
    let mut world = World::default();
    for number in 0..2_000 {
        let text = format!("imports: [e{}]\nvalues: {{a: 1}}", number + 1);
        world.definitions.insert(format!("e{number}"), text);
    }
    let problem = format!("more than {MAXIMUM_IMPORTS} environments are imported");
    refused(&world, "imports: [e0]", &problem);
    let all: Vec<_> = (0..2_000).map(|number| format!("e{number}")).collect();
    refused(&world, &format!("imports: [{}]", all.join(", ")), &problem);
    let large = "a".repeat(MAXIMUM_SOURCE_BYTES + 1);
    refused(&world, &large, "larger than");
}

#[test]
fn diagnostics_have_a_limit() {
    let world = World::importing(&[]);
    let mut text = "values:\n".to_owned();
    for number in 0..5_000 {
        writeln!(text, "  a{number}: ${{x}}").unwrap();
    }
    let evaluation = refused(&world, &text, "more than 1000 problems");
    assert_eq!(evaluation.diagnostics.len(), MAXIMUM_DIAGNOSTICS + 1);
}

#[test]
fn a_long_line_with_many_secrets_is_shown_soon() {
    let world = World::importing(&[]);
    let mut text = "values: {".to_owned();
    for number in 0..20_000 {
        write!(text, "a{number:05}: {{fn::secret: hunter{number:05}}}, ").unwrap();
        if number % 40 == 0 {
            write!(text, "b{number:05}: '${{x}}', ").unwrap();
        }
    }
    text.push('}');
    let evaluation = refused(&world, &text, "unknown property \"x\"");
    let shown = rendered(&evaluation);
    assert!(!shown.contains("hunter"));
    assert!(shown.len() < evaluation.diagnostics.len() * 1_000);
}

#[test]
fn a_large_definition_is_no_problem() {
    let world = World::importing(&[]);
    let mut text = "values:\n".to_owned();
    for number in 0..20_000 {
        writeln!(
            text,
            "  a{number:06}: {{b: \"${{a{:06}.c}}\", c: ü}}",
            (number * 7) % 20_000
        )
        .unwrap();
    }
    let start = Instant::now();
    let evaluation = world.open(&text);
    assert_eq!(problems(&evaluation), [""; 0]);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn any_text_is_survived() {
    // Every cut of a definition, and every byte of it changed, gives values or diagnostics.
    let text = "imports: [a, {b: {merge: false}}]\nvalues:\n  a: \"x ${b[0].c} é\"\n  \
                b: [{c: ${d}}, 'q', !!int 1, &x ~]\n  d: {fn::join: [\",\", [a, 0x1f]]}\n  \
                e: |\n    text ${a}\n  f: {fn::open::test: {}} # end\n";
    let world = World::importing(&[("a", "values: {z: 1}")])
        .with("test", TestProvider::echo("true", "true"));
    let survive = |text: &str| {
        let evaluation = world.open(text);
        rendered(&evaluation);
    };
    for (at, _) in text.char_indices() {
        survive(&text[..at]);
        for other in [
            "", "[", "}", "\"", "$", "\t", "\n", ":", "*", "|", "\u{0}", "é",
        ] {
            let rest = text[at..].chars().next().map_or(0, char::len_utf8);
            survive(&format!("{}{other}{}", &text[..at], &text[at + rest..]));
        }
    }
}
