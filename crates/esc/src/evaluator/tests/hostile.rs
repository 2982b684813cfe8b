//! Definitions that try to exhaust the stack, the memory or the time.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::*;
use crate::evaluator::limits::{
    MAXIMUM_DIAGNOSTICS, MAXIMUM_EVALUATION_DEPTH, MAXIMUM_IMPORTS, MAXIMUM_NAME_BYTES,
    MAXIMUM_SOURCE_BYTES,
};
use crate::evaluator::syntax;

/// At most a tenth of the default limits, so that bounded work ends quickly.
const LOW: Limits = Limits {
    steps: 200_000,
    text_bytes: 1 << 20,
    sources_bytes: 1 << 20,
};

/// Evaluates a definition, and asserts that a diagnostic contains `problem`. The time limit is generous
/// because tests run without optimization and in parallel.
fn assert_rejected(host: &TestHost, text: &str, problem: &str) -> Evaluation {
    let start = Instant::now();
    let evaluation = host.open_with_limits(LOW, text);
    let took = start.elapsed();
    let shown = diagnostics(&evaluation);
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
fn nesting_is_limited() {
    let host = TestHost::with_definitions(&[]);
    let block: String = (0..1_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    for text in [
        "values: ".to_owned() + &"[".repeat(20_000),
        "values: ".to_owned() + &"{a: ".repeat(20_000),
        "values:\n  ".to_owned() + &"- ".repeat(20_000),
        block,
    ] {
        assert_rejected(&host, &text, "nest");
    }
    let deepest = format!("values: {{a: {}{}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(diagnostics(&host.open(&deepest)), [""; 0]);
}

#[test]
fn reference_depth_is_limited() {
    let host = TestHost::with_definitions(&[]);
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
    let evaluation = host.open(&chain(half, "${NEXT}"));
    assert_eq!(diagnostics(&evaluation), [""; 0]);
    assert_eq!(
        evaluation
            .environment
            .values
            .property("a000000")
            .unwrap()
            .as_str(),
        Some("end")
    );
    assert_rejected(&host, &chain(3_000, "${NEXT}"), "deeper than");
    assert_rejected(&host, &chain(3_000, "x ${NEXT}"), "deeper than");
    assert_rejected(
        &host,
        &chain(3_000, "{fn::toString: '${NEXT}'}"),
        "deeper than",
    );
    assert_rejected(&host, &chain(3_000, "[[[[[\"${NEXT}\"]]]]]"), "deeper than");
    // Backward references are not deep, but their values are.
    let mut text = "values:\n  a000000: 1\n".to_owned();
    for number in 1..3_000 {
        writeln!(text, "  a{number:06}: [\"${{a{:06}}}\"]", number - 1).unwrap();
    }
    assert_rejected(&host, &text, "nests deeper than");
}

#[test]
fn exponential_values_are_rejected() {
    let host = TestHost::with_definitions(&[]);
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
        assert_rejected(&host, &text, problem);
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
    assert_rejected(&host, &text, "too many steps");
}

#[test]
fn merging_exponential_values_is_rejected() {
    let (one, other) = (doubling(60, "x"), doubling(60, "y"));
    let host = TestHost::with_definitions(&[("one", &one), ("other", &other)]);
    assert_rejected(&host, "imports: [one, other]", "too many steps");
}

/// Maps that each contain the previous one twice.
fn doubling(count: usize, leaf: &str) -> String {
    let mut text = format!("values:\n  a000: {{{leaf}: 1}}\n");
    for number in 1..count {
        let before = format!("${{a{:03}}}", number - 1);
        writeln!(text, "  a{number:03}: {{l: \"{before}\", r: \"{before}\"}}").unwrap();
    }
    text
}

#[test]
fn builtins_of_exponential_values_are_rejected() {
    let host = TestHost::with_definitions(&[("base", "values: {z: {w: 1}}")])
        .with_provider("test", TestProvider::echo("true", "true"))
        .with_rotator(
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
        let evaluation = host.open_with_limits(LOW, &text);
        let shown = diagnostics(&evaluation);
        let is_limit =
            |line: &String| line.contains("too many steps") || line.contains("too large");
        assert!(shown.iter().any(is_limit), "{value}: {shown:?}");
        rendered(
            &Evaluator::new(&host, &host)
                .with_limits(LOW)
                .check(root(&text)),
        );
    }
    // An import with hidden inherited properties is copied when it is merged.
    let hiding = format!("imports: [base]\n{shared}  z: {{fn::final: {{v: '${{a039}}'}}}}\n");
    let host = TestHost::with_definitions(&[("base", "values: {z: {w: 1}}"), ("hiding", &hiding)]);
    assert_rejected(
        &host,
        "imports: [hiding]\nvalues: {b: '${z}'}",
        "too many steps",
    );
}

#[test]
fn copies_of_final_values_are_cached() {
    // Without the cache, each reference would copy all properties.
    let entries: String = repeated(1_000, |number| format!("k{number}: 1, "));
    let references: String = repeated(1_000, |number| format!("'${{z.k{number}}}', "));
    let upper = format!("imports: [base]\nvalues: {{z: {{fn::final: {{{entries}}}}}}}");
    let host = TestHost::with_definitions(&[("base", "values: {z: {w: 1}}"), ("upper", &upper)]);
    let text = format!(
        "imports: [{{upper: {{merge: false}}}}]\nvalues:\n  all: [{references}]\n  \
         one: {{fn::toString: ['${{imports.upper}}', '${{imports.upper}}']}}\n",
        references = references.replace("${z", "${imports.upper.z")
    );
    let evaluation = host.open(&text);
    assert_eq!(diagnostics(&evaluation), [""; 0]);
}

#[test]
fn repeated_work_on_one_large_value_is_rejected() {
    let entries: String = repeated(1_000, |number| format!("k{number}: 1, "));
    for value in [
        "{fn::final: '${big}'}",
        "{fn::validate: {schema: true, value: '${big}'}}",
        "{fn::validate: {schema: {enum: ['${big}']}, value: '${big}'}}",
    ] {
        let uses: String = repeated(400, |number| format!("  u{number}: {value}\n"));
        let text = format!("values:\n  big: {{{entries}}}\n{uses}");
        assert_rejected(&TestHost::with_definitions(&[]), &text, "too many steps");
    }
    let base: String = repeated(400, |number| format!("  u{number}: {{x: 1}}\n"));
    let base = format!("values:\n{base}");
    let uses = base.replace("{x: 1}", "'${big}'");
    let text = format!("imports: [base]\n{uses}  big: {{{entries}}}\n");
    assert_rejected(
        &TestHost::with_definitions(&[("base", &base)]),
        &text,
        "too many steps",
    );
}

#[test]
fn patterns_and_schemas_are_limited() {
    let host = TestHost::with_definitions(&[]);
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
        assert_rejected(&host, &text, "expression too large");
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
        assert_rejected(&host, &text, "the environment");
    }
    let text = format!("values: {{a: {{fn::validate: {{schema: {nested}, value: x}}}}}}");
    rendered(&host.open_with_limits(LOW, &text));
    // A typical pattern is far from the limit.
    let name = "^(?:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)(?:\\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";
    let items = "a-host.example.com, ".repeat(20);
    let text = format!(
        "values: {{a: {{fn::validate: {{schema: {{items: {{pattern: '{name}'}}}}, value: [{items}]}}}}}}"
    );
    assert_eq!(diagnostics(&host.open(&text)), [""; 0]);
}

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

#[test]
fn imports_are_limited() {
    let mut host = TestHost::default();
    for number in 0..2_000 {
        let text = format!("imports: [e{}]\nvalues: {{a: 1}}", number + 1);
        host.definitions.insert(format!("e{number}"), text);
    }
    assert_rejected(&host, "imports: [e0]", "imports go deeper than");
    for number in 0..=MAXIMUM_IMPORTS {
        let text = format!("values: {{a: {number}}}");
        host.definitions.insert(format!("s{number}"), text);
    }
    let star = |count: usize| {
        let all: Vec<_> = (0..count).map(|number| format!("s{number}")).collect();
        format!("imports: [{}]", all.join(", "))
    };
    let evaluation = host.open(&star(MAXIMUM_IMPORTS));
    assert_eq!(
        revealed(&evaluation),
        format!("{{\"a\":{}}}", MAXIMUM_IMPORTS - 1)
    );
    let problem = format!("more than {MAXIMUM_IMPORTS} environments are imported");
    assert_rejected(&host, &star(MAXIMUM_IMPORTS + 1), &problem);
    let large = "a".repeat(MAXIMUM_SOURCE_BYTES + 1);
    assert_rejected(&host, &large, "larger than");
    let comment = format!("#{}\n", "x".repeat(LOW.sources_bytes / 3 + 1));
    for name in ["l0", "l1", "l2"] {
        host.definitions.insert(name.to_owned(), comment.clone());
    }
    assert_rejected(&host, "imports: [l0, l1, l2]", "bytes together");
}

#[test]
fn nodes_and_names_are_limited() {
    // The remaining number of nodes, which all definitions share.
    let document = syntax::parse_within("values: [1, 1, 1, 1, 1, 1]", 5);
    let problems: Vec<_> = document
        .errors
        .iter()
        .map(|problem| &problem.summary)
        .collect();
    assert!(
        problems
            .iter()
            .any(|summary| summary.contains("the definitions hold more than")),
        "{problems:?}"
    );
    let host = TestHost::with_definitions(&[]);
    let text = format!("values: {{? {} : a}}", "k".repeat(MAXIMUM_NAME_BYTES + 1));
    assert_rejected(&host, &text, "a name is longer than");
}

#[test]
fn merging_takes_linear_time() {
    // Nested objects over nested objects: each level is merged once, not once for each level above it.
    let nested = |leaf: &str| "{a: ".repeat(100) + leaf + &"}".repeat(100);
    let lines = |leaf: &str| {
        let entries = (0..30).map(|number| format!("  a{number}: {}\n", nested(leaf)));
        format!("values:\n{}", entries.collect::<String>())
    };
    let host = TestHost::with_definitions(&[("base", &lines("{b: 1}"))]);
    let text = format!("imports: [base]\n{}", lines("{c: 1}"));
    assert_eq!(diagnostics(&host.open(&text)), [""; 0]);
    // A thousand imports with different names.
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
    let host = TestHost::with_definitions(&definitions.collect::<Vec<_>>());
    let evaluation = host.open(&format!("imports: [{}]", names.join(", ")));
    assert_eq!(diagnostics(&evaluation), [""; 0]);
    let shown = revealed(&evaluation);
    assert!(shown.contains("\"e0x0\":1") && shown.contains("\"e999x19\":1"));
}

#[test]
fn objects_do_not_inherit_through_a_scalar() {
    let host = TestHost::with_definitions(&[
        ("one", "values: {a: {x: 1}}"),
        ("two", "values: {a: text}"),
        ("three", "values: {a: {y: 1}}"),
        ("upper", "imports: [two, three]"),
    ]);
    for imports in ["one, two, three", "one, upper"] {
        let evaluation = host.open(&format!("imports: [{imports}]"));
        assert_eq!(revealed(&evaluation), "{\"a\":{\"y\":1}}", "{imports}");
    }
}

#[test]
fn diagnostics_are_limited() {
    let host = TestHost::with_definitions(&[]);
    let mut text = "values:\n".to_owned();
    for number in 0..1_100 {
        writeln!(text, "  a{number}: ${{x}}").unwrap();
    }
    let evaluation = assert_rejected(&host, &text, "more than 1000 problems");
    assert_eq!(evaluation.diagnostics.len(), MAXIMUM_DIAGNOSTICS + 1);
}

#[test]
fn long_lines_with_many_secrets_are_rendered_quickly() {
    let host = TestHost::with_definitions(&[]);
    let mut text = "values: {".to_owned();
    for number in 0..4_000 {
        write!(text, "a{number:05}: {{fn::secret: hunter{number:05}}}, ").unwrap();
        if number % 3 == 0 {
            write!(text, "b{number:05}: '${{x}}', ").unwrap();
        }
    }
    text.push('}');
    let evaluation = assert_rejected(&host, &text, "unknown property \"x\"");
    let shown = rendered(&evaluation);
    assert!(!shown.contains("hunter"));
    assert!(shown.len() < evaluation.diagnostics.len() * 1_000);
}

#[test]
fn large_definitions_are_evaluated_quickly() {
    let host = TestHost::with_definitions(&[]);
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
    let evaluation = host.open(&text);
    assert_eq!(diagnostics(&evaluation), [""; 0]);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn mutated_definitions_do_not_panic() {
    // Truncates the definition at every character, and replaces every character.
    let text = "imports: [a, {b: {merge: false}}]\nvalues:\n  a: \"x ${b[0].c} é\"\n  \
                b: [{c: ${d}}, 'q', !!int 1, &x ~]\n  d: {fn::join: [\",\", [a, 0x1f]]}\n  \
                e: |\n    text ${a}\n  f: {fn::open::test: {}} # end\n";
    let host = TestHost::with_definitions(&[("a", "values: {z: 1}")])
        .with_provider("test", TestProvider::echo("true", "true"));
    let evaluate = |text: &str| {
        let evaluation = host.open(text);
        rendered(&evaluation);
    };
    for (at, _) in text.char_indices() {
        evaluate(&text[..at]);
        for other in [
            "", "[", "}", "\"", "$", "\t", "\n", ":", "*", "|", "\u{0}", "é",
        ] {
            let rest = text[at..].chars().next().map_or(0, char::len_utf8);
            evaluate(&format!("{}{other}{}", &text[..at], &text[at + rest..]));
        }
    }
}

#[test]
fn references_count_as_names_and_values() {
    let host = TestHost::with_definitions(&[]);
    let text = format!("values: {{a: b, c: '{}'}}", "${a} ".repeat(1_000_001));
    let evaluation = host.open(&text);
    assert_eq!(
        diagnostics(&evaluation),
        [
            "error root:1:19 the definitions hold more than 1000000 names, values and references \
             (values.c)"
        ]
    );
    assert!(evaluation.diagnostics[0].hint.is_some());
}

#[test]
fn schema_that_exhausts_the_budget_is_not_called_invalid() {
    let host = TestHost::with_definitions(&[]);
    let mut text = "values: {a: {fn::validate: {schema: {$defs: {".to_owned();
    for number in 0..10_000 {
        write!(text, "d{number}: {{}}, ").unwrap();
    }
    text.push_str("}}, value: x}}}");
    // Enough to evaluate and to check the schema, but not to copy it.
    let limits = Limits {
        steps: 150_000,
        ..LOW
    };
    assert_eq!(
        diagnostics(&host.open_with_limits(limits, &text)),
        [
            "error root:1:37 the environment takes too many steps to evaluate (values.a[\"fn::validate\"].schema)"
        ]
    );
}
