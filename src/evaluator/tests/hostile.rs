//! Definitions that try to use up the stack, the memory or the time.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS, MAXIMUM_NAME_BYTES,
    MAXIMUM_NODES, MAXIMUM_SOURCE_BYTES,
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
        ("[\"${PREV}\", \"${PREV}\"]", "too large"),
        ("{l: \"${PREV}\", r: \"${PREV}\"}", "too many steps"),
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
        } else if value.starts_with("{l") {
            "{x: 1}"
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
    refused(&world, "imports: [e0]", "imports go deeper than");
    for number in 0..=MAXIMUM_IMPORTS {
        let text = format!("values: {{a: {number}}}");
        world.definitions.insert(format!("s{number}"), text);
    }
    let star = |count: usize| {
        let all: Vec<_> = (0..count).map(|number| format!("s{number}")).collect();
        format!("imports: [{}]", all.join(", "))
    };
    let evaluation = world.open(&star(MAXIMUM_IMPORTS));
    assert_eq!(
        revealed(&evaluation),
        format!("{{\"a\":{}}}", MAXIMUM_IMPORTS - 1)
    );
    let problem = format!("more than {MAXIMUM_IMPORTS} environments are imported");
    refused(&world, &star(MAXIMUM_IMPORTS + 1), &problem);
    let large = "a".repeat(MAXIMUM_SOURCE_BYTES + 1);
    refused(&world, &large, "larger than");
    let comment = format!("#{}\n", "x".repeat(MAXIMUM_SOURCE_BYTES - 10));
    for name in ["l0", "l1", "l2"] {
        world.definitions.insert(name.to_owned(), comment.clone());
    }
    refused(&world, "imports: [l0, l1, l2]", "bytes together");
}

#[test]
fn values_and_names_have_limits() {
    let half = format!("values: [{}]", "1,".repeat(MAXIMUM_NODES / 2));
    let world = World::importing(&[("one", &half), ("other", &half)]);
    refused(
        &world,
        "imports: [one, other]",
        "the definitions hold more than",
    );
    let text = format!("values: {{? {} : a}}", "k".repeat(MAXIMUM_NAME_BYTES + 1));
    refused(&world, &text, "a name is longer than");
}

#[test]
fn merging_costs_no_more_than_there_is() {
    // Objects in objects over the same: each level once, not once for each level above it.
    let nested = |leaf: &str| "{a: ".repeat(100) + leaf + &"}".repeat(100);
    let lines = |leaf: &str| {
        let entries = (0..300).map(|number| format!("  a{number}: {}\n", nested(leaf)));
        format!("values:\n{}", entries.collect::<String>())
    };
    let world = World::importing(&[("base", &lines("{b: 1}"))]);
    let text = format!("imports: [base]\n{}", lines("{c: 1}"));
    assert_eq!(problems(&world.open(&text)), [""; 0]);
    // A thousand environments side by side, each with names of its own.
    let names: Vec<_> = (0..1_000).map(|number| format!("e{number}")).collect();
    let texts = names.iter().map(|name| {
        let entries = (0..20).map(|number| format!("{name}x{number}: 1, "));
        format!("values: {{a: {{{}}}}}", entries.collect::<String>())
    });
    let texts: Vec<_> = texts.collect();
    let definitions = names
        .iter()
        .map(String::as_str)
        .zip(texts.iter().map(String::as_str));
    let world = World::importing(&definitions.collect::<Vec<_>>());
    let evaluation = world.open(&format!("imports: [{}]", names.join(", ")));
    assert_eq!(problems(&evaluation), [""; 0]);
    let shown = revealed(&evaluation);
    assert!(shown.contains("\"e0x0\":1") && shown.contains("\"e999x19\":1"));
}

#[test]
fn an_object_over_a_scalar_over_an_object_stands_alone() {
    let world = World::importing(&[
        ("one", "values: {a: {x: 1}}"),
        ("two", "values: {a: text}"),
        ("three", "values: {a: {y: 1}}"),
        ("upper", "imports: [two, three]"),
    ]);
    for imports in ["one, two, three", "one, upper"] {
        let evaluation = world.open(&format!("imports: [{imports}]"));
        assert_eq!(revealed(&evaluation), "{\"a\":{\"y\":1}}", "{imports}");
    }
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
