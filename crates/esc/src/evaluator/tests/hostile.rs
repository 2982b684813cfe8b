//! Definitions that try to use up the stack, the memory or the time.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS, MAXIMUM_NAME_BYTES,
    MAXIMUM_SOURCE_BYTES,
};
use crate::evaluator::syntax;

/// A tenth or less of the limits by default: enough to tell what is bounded from what is not.
const LOW: Limits = Limits {
    steps: 200_000,
    text_bytes: 1 << 20,
    sources_bytes: 1 << 20,
};

/// Evaluates, and checks that it ends with an error that says `problem`. The limit on time is
/// generous: tests run without optimisation, beside others.
fn refused(world: &World, text: &str, problem: &str) -> Evaluation {
    let start = Instant::now();
    let evaluation = world.open_within(LOW, text);
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
    let block: String = (0..1_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for text in [
        "values: ".to_owned() + &"[".repeat(20_000),
        "values: ".to_owned() + &"{a: ".repeat(20_000),
        "values:\n  ".to_owned() + &"- ".repeat(20_000),
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
    refused(&world, &chain(3_000, "${NEXT}"), "deeper than");
    refused(&world, &chain(3_000, "x ${NEXT}"), "deeper than");
    refused(
        &world,
        &chain(3_000, "{fn::toString: '${NEXT}'}"),
        "deeper than",
    );
    refused(
        &world,
        &chain(3_000, "[[[[[\"${NEXT}\"]]]]]"),
        "deeper than",
    );
    // Backwards no reference is deep, but the values are.
    let mut text = "values:\n  a000000: 1\n".to_owned();
    for number in 1..3_000 {
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
    let (one, other) = (doubling(60, "x"), doubling(60, "y"));
    let world = World::importing(&[("one", &one), ("other", &other)]);
    refused(&world, "imports: [one, other]", "too many steps");
}

/// Maps each of which has the one before it twice.
fn doubling(count: usize, leaf: &str) -> String {
    let mut text = format!("values:\n  a000: {{{leaf}: 1}}\n");
    for number in 1..count {
        let before = format!("${{a{:03}}}", number - 1);
        writeln!(text, "  a{number:03}: {{l: \"{before}\", r: \"{before}\"}}").unwrap();
    }
    text
}

#[test]
fn functions_of_shared_values_end() {
    let world = World::importing(&[("base", "values: {z: {w: 1}}")])
        .with("test", TestProvider::echo("true", "true"))
        .rotating(
            "test",
            TestRotator {
                inputs: "true",
                state: "true",
            },
        );
    let shared = doubling(40, "x");
    let tree = "{$ref: '#/$defs/t', $defs: {t: {properties: \
                {l: {$ref: '#/$defs/t'}, r: {$ref: '#/$defs/t'}}}}}";
    for value in [
        "${a039.q.q}",
        "{fn::open::test: '${a039}'}",
        "{fn::rotate::test: {inputs: '${a039}', state: {}}}",
        "{fn::toYAML: '${a039}'}",
        "{fn::toJSON: '${a039}'}",
        "{fn::final: '${a039}'}",
        &format!("{{fn::validate: {{schema: {tree}, value: '${{a039}}'}}}}"),
        "{fn::validate: {schema: '${a039}', value: 1}}",
    ] {
        let text = format!("imports: [base]\n{shared}  z: {value}\n");
        let evaluation = world.open_within(LOW, &text);
        let shown = problems(&evaluation);
        let is_limit =
            |line: &String| line.contains("too many steps") || line.contains("too large");
        assert!(shown.iter().any(is_limit), "{value}: {shown:?}");
        rendered(
            &Evaluator::new(&world, &world)
                .with_limits(LOW)
                .check(root(&text)),
        );
    }
    // An import that hides what it inherits is copied where it is merged.
    let hiding = format!("imports: [base]\n{shared}  z: {{fn::final: {{v: '${{a039}}'}}}}\n");
    let world = World::importing(&[("base", "values: {z: {w: 1}}"), ("hiding", &hiding)]);
    refused(
        &world,
        "imports: [hiding]\nvalues: {b: '${z}'}",
        "too many steps",
    );
}

#[test]
fn many_copies_of_what_hides_something_cost_no_more_than_one() {
    // Each reference would copy all entries.
    let entries: String = repeated(1_000, |number| format!("k{number}: 1, "));
    let references: String = repeated(1_000, |number| format!("'${{z.k{number}}}', "));
    let upper = format!("imports: [base]\nvalues: {{z: {{fn::final: {{{entries}}}}}}}");
    let world = World::importing(&[("base", "values: {z: {w: 1}}"), ("upper", &upper)]);
    let text = format!(
        "imports: [{{upper: {{merge: false}}}}]\nvalues:\n  all: [{references}]\n  \
         one: {{fn::toString: ['${{imports.upper}}', '${{imports.upper}}']}}\n",
        references = references.replace("${z", "${imports.upper.z")
    );
    let evaluation = world.open(&text);
    assert_eq!(problems(&evaluation), [""; 0]);
}

#[test]
fn one_large_value_is_not_gone_over_for_each_that_refers_to_it() {
    let entries: String = repeated(1_000, |number| format!("k{number}: 1, "));
    for value in [
        "{fn::final: '${big}'}",
        "{fn::validate: {schema: true, value: '${big}'}}",
        "{fn::validate: {schema: {enum: ['${big}']}, value: '${big}'}}",
    ] {
        let uses: String = repeated(400, |number| format!("  u{number}: {value}\n"));
        let text = format!("values:\n  big: {{{entries}}}\n{uses}");
        refused(&World::importing(&[]), &text, "too many steps");
    }
    let base: String = repeated(400, |number| format!("  u{number}: {{x: 1}}\n"));
    let base = format!("values:\n{base}");
    let uses = base.replace("{x: 1}", "'${big}'");
    let text = format!("imports: [base]\n{uses}  big: {{{entries}}}\n");
    refused(
        &World::importing(&[("base", &base)]),
        &text,
        "too many steps",
    );
}

#[test]
fn patterns_and_schemas_have_limits() {
    let world = World::importing(&[]);
    let wide = "(a?){1000}";
    let too_wide = wide.repeat(10);
    let compiled = repeated(40, |_| format!("{{pattern: '{wide}'}}, "));
    let names = repeated(800, |number| format!("n{number}, "));
    let maps = "{}, ".repeat(500);
    let doubled = repeated(40, |number| {
        let next = number + 1;
        format!(
            "d{number}: {{anyOf: [{{$ref: '#/$defs/d{next}'}}, {{$ref: '#/$defs/d{next}'}}]}}, "
        )
    });
    for schema in [
        format!("{{pattern: '{too_wide}'}}"),
        format!("{{anyOf: [{compiled}]}}"),
    ] {
        let text = format!("values: {{a: {{fn::validate: {{schema: {schema}, value: a}}}}}}");
        refused(&world, &text, "expression too large");
    }
    let nested = (0..100).fold("{type: boolean}".to_owned(), |schema, _| {
        format!("{{oneOf: [{schema}, {{type: boolean}}]}}")
    });
    for (schema, value) in [
        (format!("{{pattern: '{wide}'}}"), "a".repeat(20_000)),
        (
            format!("{{items: {{required: [{names}]}}}}"),
            format!("[{maps}]"),
        ),
        (
            format!("{{items: {{enum: [{names}]}}}}"),
            format!("[{names}]"),
        ),
        (
            format!("{{$ref: '#/$defs/d0', $defs: {{{doubled} d40: {{type: number}}}}}}"),
            "x".to_owned(),
        ),
    ] {
        let text = format!("values: {{a: {{fn::validate: {{schema: {schema}, value: {value}}}}}}}");
        refused(&world, &text, "the environment");
    }
    let text = format!("values: {{a: {{fn::validate: {{schema: {nested}, value: x}}}}}}");
    rendered(&world.open_within(LOW, &text));
    // What patterns are for is far from the limit.
    let name = "^(?:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(?:\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
    let items = "a-host.example.com, ".repeat(20);
    let text = format!(
        "values: {{a: {{fn::validate: {{schema: {{items: {{pattern: '{name}'}}}}, value: [{items}]}}}}}}"
    );
    assert_eq!(problems(&world.open(&text)), [""; 0]);
}

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
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
    let comment = format!("#{}\n", "x".repeat(LOW.sources_bytes / 3 + 1));
    for name in ["l0", "l1", "l2"] {
        world.definitions.insert(name.to_owned(), comment.clone());
    }
    refused(&world, "imports: [l0, l1, l2]", "bytes together");
}

#[test]
fn values_and_names_have_limits() {
    // What is left of the million that all definitions share, here few.
    let document = syntax::parse_within("values: [1, 1, 1, 1, 1, 1]", 5);
    let problems: Vec<_> = document.problems.iter().map(|it| &it.summary).collect();
    assert!(
        problems
            .iter()
            .any(|it| it.contains("the definitions hold more than")),
        "{problems:?}"
    );
    let world = World::importing(&[]);
    let text = format!("values: {{? {} : a}}", "k".repeat(MAXIMUM_NAME_BYTES + 1));
    refused(&world, &text, "a name is longer than");
}

#[test]
fn merging_costs_no_more_than_there_is() {
    // Objects in objects over the same: each level once, not once for each level above it.
    let nested = |leaf: &str| "{a: ".repeat(100) + leaf + &"}".repeat(100);
    let lines = |leaf: &str| {
        let entries = (0..30).map(|number| format!("  a{number}: {}\n", nested(leaf)));
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
    for number in 0..1_100 {
        writeln!(text, "  a{number}: ${{x}}").unwrap();
    }
    let evaluation = refused(&world, &text, "more than 1000 problems");
    assert_eq!(evaluation.diagnostics.len(), MAXIMUM_DIAGNOSTICS + 1);
}

#[test]
fn a_long_line_with_many_secrets_is_shown_soon() {
    let world = World::importing(&[]);
    let mut text = "values: {".to_owned();
    for number in 0..4_000 {
        write!(text, "a{number:05}: {{fn::secret: hunter{number:05}}}, ").unwrap();
        if number % 3 == 0 {
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
    for number in 0..4_000 {
        writeln!(
            text,
            "  a{number:06}: {{b: \"${{a{:06}.c}}\", c: ü}}",
            (number * 7) % 4_000
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
