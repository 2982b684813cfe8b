//! Properties of any text and any definition.
//!
//! The seed is fixed, so that runs are reproducible. Failing cases are saved in
//! `tests/data/properties.txt`, and tried first from then on. `PROPTEST_CASES` sets the number of cases.

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

use esc::evaluator::{Evaluation, Evaluator};
use esc::format::{Secrets, json};
use esc::property_path::Accessor;
use esc::{Diagnostic, PropertyPath, Style};

use crate::support::definitions::Definitions;

/// Opens the definition `root`.
fn open<const N: usize>(definitions: [(&'static str, String); N]) -> Evaluation {
    let definitions = definitions.map(|(name, text)| (name.to_owned(), text));
    let definitions = Definitions(definitions.into());
    Evaluator::new(&definitions, &definitions).open(definitions.get("root"))
}

fn text_of(evaluation: &Evaluation, secrets: Secrets) -> String {
    let text = json::compact(&evaluation.environment.values, secrets);
    text.as_str().expect("JSON is UTF-8").to_owned()
}

/// Opens and checks a text, and returns all output: values, diagnostics as text and as JSON.
fn all_output_of(text: &str) -> String {
    let other = "values: {a: {b: [1, {fn::secret: hunter2-hunter2}]}}";
    let definitions = [("root", text), ("other", other)];
    let definitions = definitions.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let definitions = Definitions(definitions.into());
    let evaluator = Evaluator::new(&definitions, &definitions);
    let root = definitions.get("root");
    let mut shown = String::new();
    for evaluation in [evaluator.open(root.clone()), evaluator.check(root)] {
        shown += &text_of(&evaluation, Secrets::Redacted);
        let diagnostics = &evaluation.diagnostics;
        shown += &evaluation.sources.render(diagnostics, Style::Colored);
        shown += &evaluation.sources.render_json(diagnostics);
    }
    shown
}

fn configuration() -> Config {
    let mut configuration = Config {
        rng_seed: RngSeed::Fixed(0x006b_7562_6563_746c),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/data/properties.txt",
        ))),
        ..Config::default()
    };
    // 256 is the default of proptest; half of it is enough, and fast in an unoptimized build.
    if configuration.cases == 256 {
        configuration.cases = 128;
    }
    configuration
}

/// One of a few names, so that references and merges often meet.
fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "e"]).prop_map(str::to_owned)
}

/// A JSON value without functions and references.
fn plain_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        "[a-z ]{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            plain_object(inner),
        ]
    })
}

fn plain_object(
    value: impl Strategy<Value = serde_json::Value>,
) -> impl Strategy<Value = serde_json::Value> {
    let entries = prop::collection::btree_map(name(), value, 0..4);
    entries.prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect()))
}

/// An expression in YAML's flow style, which may refer to other values, also cyclically.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("~".to_owned()),
        Just("1.50".to_owned()),
        Just("'text $$ '".to_owned()),
        Just("{fn::secret: hunter2-hunter2}".to_owned()),
        Just("{fn::fromJSON: '{\"a\": [1, {\"b\": 2}]}'}".to_owned()),
        name().prop_map(|name| format!("'${{{name}}}'")),
        (name(), name()).prop_map(|(one, other)| format!("'x ${{{one}.{other}}} ${{{other}}}'")),
        (name(), 0..3_i32).prop_map(|(name, index)| format!("'${{{name}[{index}]}}'")),
        Just("'${imports[\"other\"].a.b[1]}'".to_owned()),
        Just("'${context.rootEnvironment.name}'".to_owned()),
        Just("'${environments.x.y}'".to_owned()),
        "'[ a-z${}.\"\\[\\]]{0,12}'".prop_map(|text| text),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let function = prop::sample::select(vec![
            "final",
            "fromBase64",
            "fromJSON",
            "toBase64",
            "toJSON",
            "toString",
            "concat",
            "join",
            "split",
            "open::x",
            "secret",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec((name(), inner.clone()), 0..3).prop_map(|entries| {
                let entries = entries
                    .iter()
                    .map(|(name, value)| format!("{name}: {value}"));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }),
            (function, inner.clone())
                .prop_map(|(function, value)| format!("{{fn::{function}: {value}}}")),
            (inner.clone(), inner)
                .prop_map(|(one, other)| format!("{{fn::join: [{one}, [{other}, {one}]]}}")),
        ]
    })
}

fn any_definition() -> impl Strategy<Value = String> {
    prop::collection::btree_map(name(), expression(), 1..6).prop_map(|entries| {
        let lines = entries
            .iter()
            .map(|(name, value)| format!("  {name}: {value}\n"));
        format!("imports: [other]\nvalues:\n{}", lines.collect::<String>())
    })
}

/// A definition with a few characters removed, inserted or replaced.
fn mutated_definition() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        0..4_usize,
        "[\\[\\]{}:,&*!|>'\"%@`#$\n\t -]{0,3}",
    );
    let changes = prop::collection::vec(change, 1..4);
    (any_definition(), changes).prop_map(|(text, changes)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (position, removed, inserted) in changes {
            let start = position.index(characters.len() + 1);
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, inserted.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn paths_print_as_they_are_read(
        steps in prop::collection::vec(
            prop_oneof![
                any::<String>().prop_map(Accessor::Name),
                "[a-z_\\.\"\\\\\\[\\]]{0,6}".prop_map(Accessor::Name),
                any::<usize>().prop_map(Accessor::Index),
            ],
            1..6,
        )
    ) {
        let path: PropertyPath = steps.into_iter().collect();
        let read = path.to_string().parse::<PropertyPath>();
        prop_assert_eq!(read, Ok(path));
    }

    #[test]
    fn any_text_is_a_path_or_rejected(text in "[a\\.\\[\\]\"\\\\0é-]{0,12}") {
        if let Ok(path) = text.parse::<PropertyPath>() {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }

    #[test]
    fn doubled_dollars_are_an_escape(text in "[ -~é😀\n\t$${}]{0,40}") {
        let written = serde_json::Value::from(text.replace('$', "$$")).to_string();
        let evaluation = open([("root", format!("values: {{a: {written}}}"))]);
        prop_assert!(evaluation.diagnostics.is_empty(), "{:?}", evaluation.diagnostics);
        let value = evaluation.environment.values.property("a").expect("the value");
        prop_assert_eq!(value.as_str(), Some(text.as_str()));
    }

    #[test]
    fn references_in_text_are_replaced_in_place(
        parts in prop::collection::vec(("[ a-zé]{0,5}", name()), 1..6)
    ) {
        let (mut written, mut expected) = (String::new(), String::new());
        for (text, name) in &parts {
            written.extend([text, "${", name, "}"]);
            expected.extend([text, "<", name, ">"]);
        }
        let written = serde_json::Value::from(format!("|{written}"));
        let names = "a: <a>, b: <b>, c: <c>, d: <d>, e: <e>";
        let evaluation = open([("root", format!("values: {{{names}, z: {written}}}"))]);
        let value = evaluation.environment.values.property("z").expect("the value");
        let expected = format!("|{expected}");
        prop_assert_eq!(value.as_str(), Some(expected.as_str()));
    }

    #[test]
    fn merging_is_associative(
        one in plain_object(plain_value()),
        two in plain_object(plain_value()),
        three in plain_object(plain_value()),
    ) {
        let merged = |root: &str| {
            let evaluation = open([
                ("root", root.to_owned()),
                ("one", format!("values: {one}")),
                ("two", format!("values: {two}")),
                ("three", format!("values: {three}")),
                ("lower", "imports: [one, two]".to_owned()),
                ("upper", "imports: [two, three]".to_owned()),
                ("written", format!("imports: [two]\nvalues: {three}")),
            ]);
            assert!(!evaluation.diagnostics.iter().any(Diagnostic::is_error));
            text_of(&evaluation, Secrets::Revealed)
        };
        let flat = merged("imports: [one, two, three]");
        prop_assert_eq!(&merged("imports: [lower, three]"), &flat);
        prop_assert_eq!(&merged("imports: [one, upper]"), &flat);
        prop_assert_eq!(&merged("imports: [one, written]"), &flat);
        prop_assert_eq!(&merged(&format!("imports: [lower]\nvalues: {three}")), &flat);
    }

    #[test]
    fn any_text_is_evaluated_or_rejected(text in any::<String>()) {
        all_output_of(&text);
        all_output_of(&format!("values:\n  a: {text}\n"));
    }

    #[test]
    fn any_bytes_are_evaluated_or_rejected(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        all_output_of(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn secrets_of_any_definition_are_redacted(text in any_definition()) {
        let shown = all_output_of(&text);
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }

    #[test]
    fn mutated_definition_is_evaluated_or_rejected(text in mutated_definition()) {
        all_output_of(&text);
    }
}
