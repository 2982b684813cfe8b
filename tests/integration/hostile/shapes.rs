//! Definitions of any size that try to exhaust the stack, memory or time.
//!
//! The tests evaluate small ones; `cargo bench --bench hostile` measures large ones.

use std::fmt::Write as _;

/// Paths and contents of files. The first one is opened.
pub(crate) type Files = Vec<(String, String)>;

/// A kind of definition that can be made in any size.
pub(crate) struct Shape {
    /// Describes what grows with the size.
    pub(crate) name: &'static str,
    /// The expected outcome.
    pub(crate) outcome: Outcome,
    /// A size that an unoptimized build evaluates quickly, if there is one.
    pub(crate) small: Option<usize>,
    /// The largest size to measure.
    pub(crate) large: usize,
    /// Makes the files.
    pub(crate) make: fn(usize) -> Files,
}

/// The expected outcome of an evaluation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// A value, in every size up to the largest.
    Value,
    /// An error that contains this text, in every size from the small one on.
    Error(&'static str),
}

use Outcome::{Error, Value};

const TOO_DEEP: &str = "references and imports go deeper than";
const TOO_LARGE: &str = "the environment's values are too large";
const TOO_MANY_NODES: &str = "names, values and references";
const TOO_MANY_PROBLEMS: &str = "problems";
const TOO_MANY_STEPS: &str = "the environment takes too many steps to evaluate";
const TOO_NESTED: &str = "nest";

/// The text that is doubled repeatedly.
const LAUGH: &str = "haha hihi";

/// All shapes.
pub(crate) const SHAPES: &[Shape] = &[
    // Typical parts of definitions, to 10 MB.
    shape("typical: keys", Value, 100, 32_000, |n| {
        values(n, |i| {
            format!(
                "service{i:06}:
    name: service-{i:06}
    replicas: {}
    enabled: true
    url: https://${{service{i:06}.name}}.platform.example.com:8443/path
    owner: the team that runs the platform
    tags: [production, eu-west-1, '${{service{i:06}.name}}']
    password:
      fn::secret: not-a-real-password-of-service-{i:06}",
                i % 9
            )
        })
    }),
    shape("typical: strings of 2 kB", Value, 10, 5_000, |n| {
        let line = "      MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQG\n";
        values(n, |i| format!("certificate{i:06}: |\n{}", line.repeat(29)))
    }),
    shape("typical: lists in lists", Value, 20, 8_000, |n| {
        values(n, |i| {
            let rule = "{from: 10.0.0.0/16, to: [api.example.com, www.example.com]}";
            let rules = format!("[{rule}, {rule}, {rule}, {rule}]");
            format!("network{i:06}: [{rules}, [{rules}, [[{rules}], [{rules}, {i}]]]]")
        })
    }),
    // Large: up to 10 MB.
    shape("lightly indented lists", Value, 300, 300_000, |n| {
        values(n, |i| format!("a{i:06}: [\nitem {i:06}\n]"))
    }),
    shape("lightly indented quotes", Value, 300, 400_000, |n| {
        values(n, |i| format!("a{i:06}: \"value\n{i:06}\""))
    }),
    shape(
        "lightly indented lists between blocks",
        Value,
        300,
        200_000,
        |n| values(n, |i| format!("a{i:06}: |\n    text\n  b{i:06}: [\n]")),
    ),
    shape(
        "lightly indented list of many lines",
        Value,
        300,
        400_000,
        |n| {
            one(format!(
                "values:\n  a: [\n{}]\n",
                repeat(n, |i| format!("item {i:06} # {i:06}\n,"))
            ))
        },
    ),
    shape(
        "lightly indented lists, unclosed",
        Error(TOO_NESTED),
        300,
        10_000_000,
        |n| one(format!("values:\n  a: [\n1]\n  b: {}", "[\n".repeat(n / 2))),
    ),
    shape("map: entries", Value, 500, 400_000, |n| {
        values(n, |i| format!("a{i:06}: value {i:06}"))
    }),
    shape("flow map: entries", Value, 500, 400_000, |n| {
        let entries = repeat(n, |i| format!("a{i:06}: value {i:06}, "));
        one(format!("values: {{{entries}}}\n"))
    }),
    shape("list: items", Value, 500, 400_000, |n| {
        let items = repeat(n, |i| format!("    - item number {i:06}\n"));
        one(format!("values:\n  a:\n{items}"))
    }),
    shape(
        "flow list: numbers, 10 MB",
        Error(TOO_MANY_NODES),
        0,
        5_000_000,
        |n| one(format!("values: {{a: [{}]}}\n", "1,".repeat(n))),
    ),
    shape("flow list: numbers", Value, 500, 400_000, |n| {
        one(format!("values: {{a: [{}]}}\n", "1,".repeat(n)))
    }),
    shape("maps in maps, wide", Value, 500, 64_000, |n| {
        values(n, |i| {
            format!("a{i:06}: {{b: {{c: d, e: f{i:06}}}, g: [h]}}")
        })
    }),
    shape("plain string: bytes", Value, 2_000, 10_000_000, |n| {
        one(format!("values:\n  a: {}\n", "abcd efgh ".repeat(n / 10)))
    }),
    shape("plain string: lines", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: b\n{}",
            "    more words than one\n".repeat(n)
        ))
    }),
    shape("quoted string: bytes", Value, 2_000, 10_000_000, |n| {
        one(format!(
            "values:\n  a: \"{}\"\n",
            "abcd efgh ".repeat(n / 10)
        ))
    }),
    shape("quoted string: escapes", Value, 300, 2_500_000, |n| {
        one(format!("values:\n  a: \"{}\"\n", "\\n\\t".repeat(n)))
    }),
    shape("quoted string: lines", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: '\n{}    end'\n",
            "    more '' words than one\n".repeat(n)
        ))
    }),
    shape("literal block: lines", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: |\n{}",
            "    more words than one\n".repeat(n)
        ))
    }),
    shape("folded block: lines", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: >\n{}",
            "    more words than one\n".repeat(n)
        ))
    }),
    shape("blocks", Value, 300, 250_000, |n| {
        values(n, |i| format!("a{i:06}: | # comment\n\n    text {i:06}"))
    }),
    shape("quoted strings", Value, 300, 250_000, |n| {
        values(n, |i| format!("\"a{i:06}\": !!str 'it''s \"{i:06}\"'"))
    }),
    shape("text beyond ASCII: entries", Value, 300, 250_000, |n| {
        values(n, |i| format!("ключ{i:06}: значение ${{ключ000000}}"))
            .into_iter()
            .map(|(path, text)| (path, text.replacen("значение ${ключ000000}", "é", 1)))
            .collect()
    }),
    shape("comments: lines", Value, 300, 150_000, |n| {
        let comments = repeat(n, |i| format!("# comment number {i:06} # again\n"));
        one(format!("{comments}values:\n  a: b\n{comments}"))
    }),
    shape("blank lines", Value, 300, 10_000_000, |n| {
        one(format!(
            "values:\n  a: |\n    b\n{}  c: d\n",
            "\n".repeat(n)
        ))
    }),
    shape("blank lines before a block", Value, 300, 1_000_000, |n| {
        one(format!("values:\n  a: |{}    b\n", "\n".repeat(n)))
    }),
    shape(
        "comment after an indicator: bytes",
        Value,
        300,
        10_000_000,
        |n| one(format!("values:\n  a: | #{}\n    b\n", "x #".repeat(n / 3))),
    ),
    shape("carriage returns", Value, 300, 300_000, |n| {
        let entries = repeat(n, |i| format!("  a{i:06}: |\r\n    text\r\n"));
        one(format!("values:\r\n{entries}"))
    }),
    shape("indicator-like line: bytes", Value, 300, 10_000_000, |n| {
        one(format!(
            "values:\n  a: {}\n",
            "| > ".repeat(n / 4).replacen("| >", "b >", 1)
        ))
    }),
    shape("long key: bytes", Value, 500, 1_000, |n| {
        one(format!("values:\n  {}: a\n", "k".repeat(n)))
    }),
    shape(
        "long explicit key: bytes",
        Error("a name is longer"),
        5_000,
        10_000_000,
        |n| one(format!("values:\n  ? {}\n  : a\n", "k".repeat(n))),
    ),
    shape("long keys", Value, 100, 10_000, |n| {
        values(n, |i| format!("{}{i:06}: a", "k".repeat(990)))
    }),
    shape(
        "all of 17 MB",
        Error("larger than"),
        17_000_000,
        17_000_000,
        |n| one(format!("values:\n  a: {}\n", "b".repeat(n))),
    ),
    // Numbers.
    shape("number: digits", Value, 2_000, 10_000_000, |n| {
        one(format!("values:\n  a: {}\n", "1".repeat(n)))
    }),
    shape(
        "number: digits and underscores",
        Value,
        2_000,
        5_000_000,
        |n| one(format!("values:\n  a: {}\n", "1_".repeat(n))),
    ),
    shape("number: exponent", Value, 2_000, 10_000_000, |n| {
        one(format!(
            "values:\n  a: 1e{}\n  b: 1e-{}\n",
            "9".repeat(n / 2),
            "9".repeat(n / 2)
        ))
    }),
    shape(
        "number: hexadecimal digits",
        Value,
        2_000,
        10_000_000,
        |n| one(format!("values:\n  a: 0x{}\n", "f".repeat(n))),
    ),
    shape("number in JSON: digits", Value, 2_000, 3_000_000, |n| {
        one(format!(
            "values:\n  a: {{fn::fromJSON: '{}'}}\n",
            "1".repeat(n)
        ))
    }),
    shape("number in JSON: exponent", Value, 2_000, 3_000_000, |n| {
        one(format!(
            "values:\n  a: {{fn::fromJSON: '1e{}'}}\n",
            "9".repeat(n)
        ))
    }),
    // Nesting.
    shape(
        "flow lists in lists",
        Error(TOO_NESTED),
        1_100,
        5_000_000,
        |n| {
            one(format!(
                "values: {{a: {}{}}}\n",
                "[".repeat(n),
                "]".repeat(n)
            ))
        },
    ),
    shape(
        "flow lists in lists, unclosed",
        Error(TOO_NESTED),
        1_100,
        10_000_000,
        |n| one(format!("values: {{a: {}", "[".repeat(n))),
    ),
    shape(
        "flow maps in maps",
        Error(TOO_NESTED),
        1_100,
        2_500_000,
        |n| one(format!("values: {}{}\n", "{a: ".repeat(n), "}".repeat(n))),
    ),
    shape(
        "block lists in lists",
        Error(TOO_NESTED),
        1_100,
        5_000_000,
        |n| one(format!("values:\n  a:\n    {}b\n", "- ".repeat(n))),
    ),
    shape("block maps in maps", Error(TOO_NESTED), 0, 4_000, |n| {
        one(format!(
            "values:\n{}",
            repeat(n, |i| " ".repeat(i + 1) + "a:\n")
        ))
    }),
    shape(
        "explicit keys in keys",
        Error(TOO_NESTED),
        1_100,
        5_000_000,
        |n| one(format!("values:\n  {}b\n", "? ".repeat(n))),
    ),
    shape(
        "functions in functions",
        Error(TOO_NESTED),
        1_100,
        500_000,
        |n| {
            one(format!(
                "values: {{a: {}b{}}}\n",
                "{fn::toString: ".repeat(n),
                "}".repeat(n)
            ))
        },
    ),
    shape(
        "JSON in a string: lists in lists",
        Error(TOO_NESTED),
        1_100,
        1_500_000,
        |n| {
            one(format!(
                "values:\n  a: {{fn::fromJSON: '{}{}'}}\n",
                "[".repeat(n),
                "]".repeat(n)
            ))
        },
    ),
    // References.
    shape(
        "references, forwards",
        Error(TOO_DEEP),
        1_100,
        400_000,
        |n| values(n, |i| format!("a{i:06}: ${{a{:06}}}", i + 1)),
    ),
    shape("references, backwards", Value, 500, 400_000, |n| {
        values(n, |i| match i {
            0 => "a000000: 1".to_owned(),
            _ => format!("a{i:06}: ${{a{:06}}}", i - 1),
        })
    }),
    shape(
        "references in text, forwards",
        Error(TOO_DEEP),
        1_100,
        400_000,
        |n| values(n, |i| format!("a{i:06}: x${{a{:06}}}", i + 1)),
    ),
    shape(
        "references in lists, backwards",
        Error(TOO_NESTED),
        1_100,
        300_000,
        |n| {
            values(n, |i| match i {
                0 => "a000000: 1".to_owned(),
                _ => format!("a{i:06}: ['${{a{:06}}}']", i - 1),
            })
        },
    ),
    shape("references to one value", Value, 500, 400_000, |n| {
        values(n, |i| match i {
            0 => "a000000: {b: [c]}".to_owned(),
            _ => format!("a{i:06}: ${{a000000.b[0]}}"),
        })
    }),
    shape("cycle: members", Error(TOO_DEEP), 1_100, 400_000, |n| {
        values(n, |i| format!("a{i:06}: ${{a{:06}}}", (i + 1) % n))
    }),
    shape("references in one string", Value, 500, 900_000, |n| {
        one(format!("values:\n  a: b\n  c: {}\n", "${a} ".repeat(n)))
    }),
    shape(
        "references in one quoted string",
        Error(TOO_MANY_NODES),
        0,
        2_000_000,
        |n| one(format!("values:\n  a: b\n  c: \"{}\"\n", "${a} ".repeat(n))),
    ),
    shape(
        "references in one string beyond ASCII",
        Value,
        500,
        900_000,
        |n| one(format!("values:\n  a: b\n  c: {}\n", "${a} éé ".repeat(n))),
    ),
    shape(
        "steps of one path",
        Error("receiver must be"),
        2_000,
        5_000_000,
        |n| {
            one(format!(
                "values:\n  a: {{b: c}}\n  d: ${{a{}}}\n",
                ".b".repeat(n)
            ))
        },
    ),
    shape(
        "name in a path: bytes",
        Error("unknown property"),
        2_000,
        10_000_000,
        |n| {
            one(format!(
                "values:\n  a: {{b: c}}\n  d: ${{a.{}}}\n",
                "b".repeat(n)
            ))
        },
    ),
    shape("dollars", Value, 500, 10_000_000, |n| {
        one(format!("values:\n  a: {}\n", "$".repeat(n)))
    }),
    shape("deep path into a deep map", Value, 300, 40_000, |n| {
        let path = ".a".repeat(60);
        let nested = "{a: ".repeat(60) + "b" + &"}".repeat(60);
        let entries = repeat(n, |i| format!("  c{i:06}: ${{z{path}}}\n"));
        one(format!("values:\n{entries}  z: {nested}\n"))
    }),
    // "Billion laughs".
    shape("laughs: text", Error(TOO_LARGE), 60, 240, |n| {
        laughs(n, LAUGH, |ha| format!("{ha} {ha}"))
    }),
    shape("laughs: lists", Error(TOO_LARGE), 60, 120, |n| {
        laughs(n, "[x]", |ha| format!("['{ha}', '{ha}']"))
    }),
    shape("laughs: maps", Error(TOO_MANY_STEPS), 60, 120, |n| {
        laughs(n, "{x: 1}", |ha| format!("{{l: '{ha}', r: '{ha}'}}"))
    }),
    shape("laughs: fn::concat", Error(TOO_MANY_STEPS), 60, 240, |n| {
        laughs(n, "[x]", |ha| format!("{{fn::concat: ['{ha}', '{ha}']}}"))
    }),
    shape("laughs: fn::join", Error(TOO_LARGE), 60, 240, |n| {
        laughs(n, LAUGH, |ha| {
            format!("{{fn::join: ['{ha}', ['{ha}', '{ha}']]}}")
        })
    }),
    shape("laughs: fn::toJSON", Error(TOO_LARGE), 0, 240, |n| {
        laughs(n, LAUGH, |ha| format!("{{fn::toJSON: ['{ha}', '{ha}']}}"))
    }),
    shape(
        "laughs: fn::toJSON of quotes",
        Error(TOO_LARGE),
        0,
        240,
        |n| laughs(n, LAUGH, |ha| format!("{{fn::toJSON: '{ha}'}}")),
    ),
    shape("laughs: fn::toString", Error(TOO_LARGE), 0, 240, |n| {
        laughs(n, LAUGH, |ha| format!("{{fn::toString: ['{ha}', '{ha}']}}"))
    }),
    shape("laughs: fn::toBase64", Error(TOO_LARGE), 0, 240, |n| {
        laughs(n, LAUGH, |ha| format!("{{fn::toBase64: '{ha} {ha}'}}"))
    }),
    shape("laughs: fn::split", Error(TOO_MANY_STEPS), 0, 120, |n| {
        laughs(n, LAUGH, |ha| {
            format!("{{fn::toString: {{fn::split: ['', '{ha}{ha}']}}}}")
        })
    }),
    shape("laughs: fn::secret", Error(TOO_LARGE), 0, 240, |n| {
        laughs(n, "{fn::secret: hunter2-hunter2}", |ha| {
            format!("{ha} {ha}")
        })
    }),
    shape(
        "laughs: imports merged",
        Error(TOO_MANY_STEPS),
        0,
        120,
        |n| {
            let doubling = |leaf: &str| {
                let lines = repeat(n, |i| match i {
                    0 => format!("  a000: {{{leaf}: 1}}\n"),
                    _ => format!(
                        "  a{i:03}: {{l: '${{a{0:03}}}', r: '${{a{0:03}}}'}}\n",
                        i - 1
                    ),
                });
                format!("values:\n{lines}")
            };
            vec![
                file("env", "imports: [one, other]\n"),
                file("one", doubling("x")),
                file("other", doubling("y")),
            ]
        },
    ),
    shape("laughs: imports of imports", Value, 60, 480, |n| {
        let mut files = vec![file("env", "imports: [e0, e1]\n")];
        files.extend((0..n).map(|i| {
            let text = format!("imports: [e{}, e{}]\nvalues: {{a{i}: 1}}\n", i + 1, i + 2);
            file(&format!("e{i}"), text)
        }));
        files.push(file(&format!("e{n}"), "values: {z: 1}\n"));
        files.push(file(&format!("e{}", n + 1), "values: {y: 1}\n"));
        files
    }),
    shape(
        "one list many times",
        Error(TOO_MANY_STEPS),
        0,
        6_000,
        |n| {
            let items = "1,".repeat(n);
            let entries = repeat(n, |i| format!("  b{i:06}: ${{a}}\n"));
            one(format!("values:\n  a: [{items}]\n{entries}"))
        },
    ),
    shape(
        "one text many times",
        Error(TOO_LARGE),
        1_500,
        64_000,
        |n| {
            let text = "x".repeat(n);
            let entries = repeat(n, |i| format!("  b{i:06}: ${{a}}\n"));
            one(format!("values:\n  a: {text}\n{entries}"))
        },
    ),
    shape(
        "one text many times, joined",
        Error(TOO_LARGE),
        0,
        64_000,
        |n| {
            let text = "x".repeat(n);
            let entries = repeat(n, |i| format!("  b{i:06}: {{fn::toBase64: '${{a}}'}}\n"));
            one(format!("values:\n  a: {text}\n{entries}"))
        },
    ),
    shape(
        "one list in text many times",
        Error(TOO_MANY_STEPS),
        0,
        6_000,
        |n| {
            let items = "1,".repeat(n);
            let entries = repeat(n, |i| format!("  b{i:06}: x${{a[{i}]}} ${{a}}\n"));
            one(format!("values:\n  a: [{items}]\n{entries}"))
        },
    ),
    // Functions.
    shape(
        "fn::split after each character: bytes",
        Value,
        5_000,
        1_000_000,
        |n| {
            one(format!(
                "values:\n  a: {{fn::split: ['', {}]}}\n",
                "b".repeat(n)
            ))
        },
    ),
    shape(
        "fn::split, delimiter missing: bytes",
        Value,
        5_000,
        10_000_000,
        |n| {
            let text = "a".repeat(n / 2);
            one(format!("values:\n  a: {{fn::split: [{text}b, {text}]}}\n"))
        },
    ),
    shape(
        "fn::split, delimiter almost found: bytes",
        Value,
        5_000,
        10_000_000,
        |n| {
            let (text, delimiter) = ("a".repeat(n / 2), "a".repeat(n / 4));
            one(format!(
                "values:\n  a: {{fn::split: [{delimiter}b, {text}]}}\n"
            ))
        },
    ),
    shape("fn::join: strings", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: {{fn::join: [', ', [{}]]}}\n",
            "abc, ".repeat(n)
        ))
    }),
    shape("fn::concat: lists", Value, 300, 200_000, |n| {
        one(format!(
            "values:\n  a: {{fn::concat: [{}]}}\n",
            "[a], ".repeat(n)
        ))
    }),
    shape("fn::toJSON: items", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: {{fn::toJSON: [{}]}}\n",
            "abc, ".repeat(n)
        ))
    }),
    shape("fn::toString: items", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: {{fn::toString: [{}]}}\n",
            "abc, ".repeat(n)
        ))
    }),
    shape(
        "fn::toString: quotes in quotes",
        Error(TOO_LARGE),
        0,
        80,
        |n| {
            let nested = "[".repeat(n) + "'\"'" + &"]".repeat(n);
            one(format!("values:\n  a: {{fn::toString: {nested}}}\n"))
        },
    ),
    shape(
        "fn::toBase64, fn::fromBase64: bytes",
        Value,
        5_000,
        5_000_000,
        |n| {
            let text = "b".repeat(n);
            one(format!(
                "values:\n  a: {{fn::fromBase64: {{fn::toBase64: {text}}}}}\n"
            ))
        },
    ),
    shape("fn::fromJSON: items", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: {{fn::fromJSON: '[{}0]'}}\n",
            "[],{},".repeat(n / 2)
        ))
    }),
    shape(
        "fn::fromJSON: one name many times",
        Value,
        300,
        400_000,
        |n| {
            one(format!(
                "values:\n  a: {{fn::fromJSON: '{{{}\"a\":0}}'}}\n",
                "\"a\":1,".repeat(n)
            ))
        },
    ),
    shape("fn::fromJSON of fn::toJSON", Value, 10, 2_000, |n| {
        values(n, |i| match i {
            0 => "a000000: {b: [1, 2, 3]}".to_owned(),
            _ => format!(
                "a{i:06}: {{fn::fromJSON: {{fn::toJSON: '${{a{:06}}}'}}}}",
                i - 1
            ),
        })
    }),
    shape("secrets", Value, 300, 200_000, |n| {
        values(n, |i| format!("a{i:06}: {{fn::secret: hunter2-{i:06}}}"))
    }),
    shape(
        "ciphertexts",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        100_000,
        |n| {
            // `escx` and the version, without a payload.
            values(n, |i| {
                format!("a{i:06}: {{fn::secret: {{ciphertext: ZXNjeAAAAAE=}}}}")
            })
        },
    ),
    shape(
        "ciphertext: bytes",
        Error("invalid ciphertext"),
        2_000,
        10_000_000,
        |n| {
            let text = "ZXNj".repeat(n / 4);
            one(format!(
                "values:\n  a: {{fn::secret: {{ciphertext: {text}}}}}\n"
            ))
        },
    ),
    shape("fn::toYAML: items", Value, 300, 400_000, |n| {
        one(format!(
            "values:\n  a: {{fn::toYAML: [{}]}}\n",
            "abc, ".repeat(n)
        ))
    }),
    // Functions of shared values.
    shape("doubled maps, fn::toYAML", Error(TOO_LARGE), 60, 120, |n| {
        doubled(n, "{fn::toYAML: '${LAST}'}")
    }),
    shape(
        "doubled maps, fn::final",
        Error(TOO_MANY_STEPS),
        60,
        120,
        |n| doubled(n, "{fn::final: '${LAST}'}"),
    ),
    shape(
        "doubled maps, fn::open",
        Error(TOO_MANY_STEPS),
        60,
        120,
        |n| doubled(n, "{fn::open::aws-login: '${LAST}'}"),
    ),
    shape("doubled maps, fn::rotate", Error("rotator"), 60, 120, |n| {
        doubled(
            n,
            "{fn::rotate::x: {inputs: '${LAST}', state: {a: '${LAST}'}}}",
        )
    }),
    shape(
        "doubled maps, unknown name",
        Error("unknown property"),
        60,
        120,
        |n| doubled(n, "'${LAST.q.q}'"),
    ),
    shape(
        "doubled maps, fn::validate",
        Error(TOO_MANY_STEPS),
        60,
        120,
        |n| {
            doubled(
                n,
                "{fn::validate: {value: '${LAST}', schema: {$ref: '#/$defs/t', $defs: {t: \
             {properties: {l: {$ref: '#/$defs/t'}, r: {$ref: '#/$defs/t'}}}}}}}",
            )
        },
    ),
    shape(
        "doubled maps as a schema",
        Error("the environment"),
        60,
        120,
        |n| doubled(n, "{fn::validate: {value: 1, schema: '${LAST}'}}"),
    ),
    shape(
        "doubled maps, overridden import",
        Error(TOO_MANY_STEPS),
        60,
        120,
        |n| {
            let mut files = doubled(n, "{fn::final: {v: '${LAST}'}}");
            "hiding.yaml".clone_into(&mut files[0].0);
            files[0].1.insert_str(0, "imports: [base]\n");
            files.insert(0, file("env", "imports: [hiding]\nvalues: {y: '${z}'}\n"));
            files.push(file("base", "values: {z: {w: 1}}\n"));
            files
        },
    ),
    shape(
        "one map many times, fn::final",
        Error(TOO_MANY_STEPS),
        1_000,
        6_000,
        |n| {
            let names = repeat(n, |i| format!("k{i:06}: 1, "));
            let uses = repeat(n, |i| format!("  u{i:06}: {{fn::final: '${{a}}'}}\n"));
            one(format!("values:\n  a: {{{names}}}\n{uses}"))
        },
    ),
    shape(
        "one map over many",
        Error(TOO_MANY_STEPS),
        1_000,
        6_000,
        |n| {
            let names = repeat(n, |i| format!("k{i:06}: 1, "));
            let uses = repeat(n, |i| format!("  u{i:06}: '${{a}}'\n"));
            let text = format!("imports: [base]\nvalues:\n  a: {{{names}}}\n{uses}");
            vec![
                file("env", text),
                values_file("base", "", n, |i| format!("u{i:06}: {{x: 1}}")),
            ]
        },
    ),
    // Schemas and patterns.
    shape("pattern: bytes of the text", Value, 2_000, 4_000_000, |n| {
        validated("{pattern: '^[a-z]+$'}", &"a".repeat(n))
    }),
    shape(
        "pattern, large: bytes of the text",
        Error(TOO_MANY_STEPS),
        20_000,
        1_000_000,
        |n| validated("{pattern: '(a?){1000}'}", &"a".repeat(n)),
    ),
    shape(
        "patterns, large",
        Error("expression too large"),
        60,
        60_000,
        |n| {
            let patterns = repeat(n, |_| "{pattern: '((a{20}){20}){20}'}, ".to_owned());
            validated(&format!("{{anyOf: [{patterns}]}}"), "a")
        },
    ),
    shape(
        "pattern: case-insensitive",
        Error("expression too large"),
        10_000,
        1_000_000,
        |n| validated(&format!("{{pattern: '(?i){}'}}", "a".repeat(n)), "a"),
    ),
    shape(
        "pattern: groups",
        Error("expression too large"),
        1_000,
        300_000,
        |n| validated(&format!("{{pattern: '{}'}}", "(a)".repeat(n)), "a"),
    ),
    shape(
        "schemas with patterns that are too large",
        Error("expression too large"),
        60,
        60_000,
        |n| {
            values(n, |i| {
                format!(
                    "v{i}: {{fn::validate: {{schema: {{pattern: '((a{{20}}){{20}}){{20}}'}}, value: a}}}}"
                )
            })
        },
    ),
    shape(
        "schemas with patterns",
        Error(TOO_MANY_STEPS),
        10_000,
        60_000,
        |n| {
            values(n, |i| {
                format!("v{i}: {{fn::validate: {{schema: {{pattern: '(a?){{1000}}'}}, value: a}}}}")
            })
        },
    ),
    shape(
        "pattern many times",
        Error(TOO_MANY_STEPS),
        2_000,
        200_000,
        |n| {
            let items = repeat(n, |_| "aaaaaaaa, ".to_owned());
            validated("{items: {pattern: '(a?){1000}'}}", &format!("[{items}]"))
        },
    ),
    shape("schema: types of items", Value, 300, 200_000, |n| {
        validated("{items: {type: number}}", &format!("[{}]", "1, ".repeat(n)))
    }),
    shape(
        "schema: oneOf in oneOf",
        Error("exactly one"),
        20,
        60,
        |n| {
            let (open, close) = ("{oneOf: [".repeat(n), ", {type: boolean}]}".repeat(n));
            validated(&format!("{open}{{type: boolean}}{close}"), "x")
        },
    ),
    shape(
        "schema: references that double",
        Error(TOO_MANY_STEPS),
        60,
        240,
        |n| {
            let definitions = repeat(n, |i| {
                let next = format!("{{$ref: '#/$defs/d{}'}}", i + 1);
                format!("d{i}: {{anyOf: [{next}, {next}]}}, ")
            });
            let schema =
                format!("{{$ref: '#/$defs/d0', $defs: {{{definitions} d{n}: {{type: number}}}}}}");
            validated(&schema, "x")
        },
    ),
    shape(
        "schema: references in a chain",
        Error("deeper than 512 levels"),
        600,
        80_000,
        |n| {
            let definitions = repeat(n, |i| format!("d{i}: {{$ref: '#/$defs/d{}'}}, ", i + 1));
            let schema =
                format!("{{$ref: '#/$defs/d0', $defs: {{{definitions} d{n}: {{type: number}}}}}}");
            validated(&schema, "x")
        },
    ),
    shape(
        "schema: enum of items",
        Error(TOO_MANY_STEPS),
        800,
        20_000,
        |n| {
            let names = repeat(n, |i| format!("n{i:06}, "));
            validated(
                &format!("{{items: {{enum: [{names}]}}}}"),
                &format!("[{names}]"),
            )
        },
    ),
    shape(
        "schema: required of items",
        Error(TOO_LARGE),
        500,
        20_000,
        |n| {
            let names = repeat(n, |i| format!("n{i:06}, "));
            validated(
                &format!("{{items: {{required: [{names}]}}}}"),
                &format!("[{}]", "{}, ".repeat(n)),
            )
        },
    ),
    // Imports.
    shape(
        "imports, a chain",
        Error(TOO_DEEP),
        0,
        5_000,
        chain_of_imports,
    ),
    shape("imports, a chain of 900", Value, 200, 900, chain_of_imports),
    shape("imports, a star", Value, 100, 2_000, |n| {
        star(n, |i| {
            format!("values: {{a{i:06}: 1, b: {i}, c: {{d{i:06}: 2}}}}\n")
        })
    }),
    shape("imports, a star of larger ones", Value, 50, 2_000, |n| {
        star(n, |i| {
            let entries = repeat(100, |j| format!("    d{i:04}{j:03}: x\n"));
            format!("values:\n  c:\n{entries}")
        })
    }),
    shape("imports, a star of one shape", Value, 50, 2_000, |n| {
        star(n, |i| {
            let entries = repeat(100, |j| format!("    d{j:03}: {i}\n"));
            format!("values:\n  c:\n{entries}")
        })
    }),
    shape(
        "imports, a star of 10,000",
        Error("environments are imported"),
        2_100,
        10_000,
        |n| star(n, |_| "values: {a: 1}\n".to_owned()),
    ),
    shape("imports of one environment", Value, 300, 100_000, |n| {
        let mut files = star(1, |_| "values: {a: {b: 1}}\n".to_owned());
        files[0].1 = format!("imports:\n{}", "  - e0\n".repeat(n));
        files
    }),
    shape("imports without merge", Value, 100, 2_000, |n| {
        let mut files = star(n, |i| format!("values: {{a{i:06}: {{b: {i}}}}}\n"));
        let imports = repeat(n, |i| format!("  - e{i}: {{merge: false}}\n"));
        let entries = repeat(n, |i| {
            format!("  a{i:06}: ${{imports[\"e{i}\"].a{i:06}.b}}\n")
        });
        files[0].1 = format!("imports:\n{imports}values:\n{entries}");
        files
    }),
    shape("imports by references", Value, 100, 2_000, |n| {
        let mut files = star(n, |i| format!("values: {{a: {i}}}\n"));
        let entries = repeat(n, |i| {
            format!("  a{i:06}: ${{environments.default.e{i}.a}}\n")
        });
        files[0].1 = format!("values:\n{entries}");
        files
    }),
    shape(
        "imports by references, a chain",
        Error(TOO_DEEP),
        1_100,
        6_000,
        |n| {
            let mut files: Files = (0..n)
                .map(|i| {
                    let text = format!("values: {{a: '${{environments.default.e{}.a}}'}}\n", i + 1);
                    file(&format!("e{i}"), text)
                })
                .collect();
            files.insert(
                0,
                file("env", "values: {a: '${environments.default.e0.a}'}\n"),
            );
            files.push(file(&format!("e{n}"), "values: {a: 1}\n"));
            files
        },
    ),
    shape("values over an import", Value, 300, 100_000, |n| {
        vec![
            values_file("env", "imports: [base]\n", n, |i| {
                format!("a{i:06}: {{b: 1}}")
            }),
            values_file("base", "", n, |i| format!("a{i:06}: {{c: 1}}")),
        ]
    }),
    shape("a deep map over a deep map", Value, 100, 16_000, |n| {
        let nested = |leaf: &str| "{a: ".repeat(100) + leaf + &"}".repeat(100);
        vec![
            values_file("env", "imports: [base]\n", n / 100, |i| {
                format!("a{i:06}: {}", nested("{b: 1}"))
            }),
            values_file("base", "", n / 100, |i| {
                format!("a{i:06}: {}", nested("{c: 1}"))
            }),
        ]
    }),
    shape("large imports", Error("larger than"), 0, 16, |n| {
        star(n, |i| {
            let comment = format!("# {}\n", "x".repeat(12_000_000));
            format!("{comment}values: {{a{i}: 1}}\n")
        })
    }),
    shape("a wide list, deep", Error(TOO_LARGE), 0, 400_000, |n| {
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        one(format!("values: {{a: {open}{}{close}}}\n", "1,".repeat(n)))
    }),
    // Mistakes.
    shape(
        "mistakes below long names",
        Error(TOO_MANY_PROBLEMS),
        0,
        400_000,
        |n| {
            let long = "k".repeat(1_000);
            let open = repeat(50, |_| format!("{{{long}: "));
            let close = "}".repeat(50);
            one(format!(
                "values: {{a: {open}[{}]{close}}}\n",
                "'${x}', ".repeat(n)
            ))
        },
    ),
    shape(
        "wrong calls below long names",
        Error(TOO_MANY_PROBLEMS),
        0,
        200_000,
        |n| {
            let long = "k".repeat(1_000);
            let open = repeat(50, |_| format!("{{{long}: "));
            let close = "}".repeat(50);
            one(format!(
                "values: {{a: {open}[{}]{close}}}\n",
                "{fn::join: 1}, ".repeat(n)
            ))
        },
    ),
    shape("unknown names", Error(TOO_MANY_PROBLEMS), 0, 400_000, |n| {
        values(n, |i| format!("a{i:06}: ${{b{i:06}}}"))
    }),
    shape(
        "unknown long names",
        Error(TOO_MANY_PROBLEMS),
        0,
        30_000,
        |n| {
            let long = |letter: &str, i: usize| format!("{}{i:06}", letter.repeat(100));
            values(n, |i| format!("{}: ${{{}}}", long("ab", i), long("ba", i)))
        },
    ),
    shape(
        "unknown names beside long names",
        Error(TOO_MANY_PROBLEMS),
        0,
        50_000,
        |n| {
            let long = |i: usize| format!("{i:06}{}", "ab".repeat(100));
            let list = repeat(n, |_| "${zz}, ".to_owned());
            let map = repeat(n, |i| format!("  {}: x\n", long(i)));
            one(format!(
                "values:\n  a: [{}]\n{map}",
                list.replace("${zz}", "'${z}'")
            ))
        },
    ),
    shape(
        "mistakes in one line",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        800_000,
        |n| one(format!("values: {{a: '{}'}}\n", "${x} ".repeat(n))),
    ),
    shape(
        "mistakes in one long plain line",
        Error(TOO_MANY_PROBLEMS),
        0,
        800_000,
        |n| one(format!("values:\n  a: {}\n", "é ${x} ".repeat(n))),
    ),
    shape(
        "mistakes in syntax of references",
        Error(TOO_MANY_PROBLEMS),
        0,
        900_000,
        |n| one(format!("values:\n  a: {}\n", "${x. ".repeat(n))),
    ),
    shape(
        "duplicate keys",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        400_000,
        |n| one(format!("values:\n{}", "  a: bcdef\n".repeat(n))),
    ),
    shape(
        "unknown fields",
        Error(TOO_MANY_PROBLEMS),
        0,
        400_000,
        |n| one(repeat(n, |i| format!("field {i:06} of 10 MB: x\n")) + "values: {a: '${b}'}\n"),
    ),
    shape(
        "keys that are not strings",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        400_000,
        |n| one(format!("values:\n{}", repeat(n, |i| format!("  {i}: x\n")))),
    ),
    shape("aliases", Error(TOO_MANY_PROBLEMS), 1_100, 400_000, |n| {
        values(n, |i| match i {
            0 => "a: &a [x]".to_owned(),
            _ => format!("b{i:06}: *a"),
        })
    }),
    shape("aliases that double", Error("alias"), 60, 20_000, |n| {
        values(n, |i| match i {
            0 => "a: &a000000 [x]".to_owned(),
            _ => format!("b{i:06}: &a{i:06} [*a{0:06}, *a{0:06}]", i - 1),
        })
    }),
    shape("anchors", Value, 300, 400_000, |n| {
        values(n, |i| format!("b{i:06}: &a{i:06} x"))
    }),
    shape("tags", Value, 300, 400_000, |n| {
        values(n, |i| format!("b{i:06}: !!str x"))
    }),
    shape("custom tags", Value, 300, 400_000, |n| {
        values(n, |i| format!("b{i:06}: !t{i} x"))
    }),
    shape("documents", Value, 300, 2_000_000, |n| {
        one(format!("values: {{a: 1}}\n{}", "---\n".repeat(n)))
    }),
    shape("directives", Error("yaml"), 1_000, 500_000, |n| {
        one(repeat(n, |i| format!("%TAG !t{i}! tag:x\n")) + "values: {a: 1}\n")
    }),
    shape(
        "wrong calls",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        150_000,
        |n| values(n, |i| format!("b{i:06}: {{fn::join: [a]}}")),
    ),
    shape(
        "wrong types",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        300_000,
        |n| {
            one(format!(
                "values:\n  a: {{fn::join: [a, [{}]]}}\n",
                "1,".repeat(n)
            ))
        },
    ),
    shape(
        "unknown functions",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        150_000,
        |n| values(n, |i| format!("b{i:06}: {{fn::secrte: [a]}}")),
    ),
    shape(
        "invalid import entries",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        400_000,
        |n| one(format!("imports: [{}]\nvalues: {{}}\n", "1, ".repeat(n))),
    ),
    shape(
        "missing imports",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        20_000,
        |n| one(format!("imports: [{}]\n", repeat(n, |i| format!("x{i}, ")))),
    ),
    shape(
        "mistakes among secrets",
        Error(TOO_MANY_PROBLEMS),
        0,
        60_000,
        |n| {
            values(n, |i| {
                let secret = "s".repeat(4 + i % 250);
                format!("a{i:06}: [{{fn::secret: {i}{secret}}}, '${{x}}']")
            })
        },
    ),
    shape(
        "mistakes in a line of secrets",
        Error(TOO_MANY_PROBLEMS),
        1_100,
        100_000,
        |n| {
            let items = repeat(n, |i| format!("{{fn::secret: h{i:06}}}, '${{x}}', "));
            one(format!("values: {{a: [{items}]}}\n"))
        },
    ),
    shape(
        "mistakes in text like secrets",
        Error(TOO_MANY_PROBLEMS),
        0,
        20_000,
        |n| {
            let secrets = repeat(250, |i| {
                format!("  s{i:03}: {{fn::secret: {}a}}\n", "b".repeat(i + 4))
            });
            let rest = "b".repeat(100);
            let entries = repeat(n, |i| format!("  t{i:06}: {rest}${{x}}{rest}\n"));
            one(format!("values:\n{secrets}{entries}"))
        },
    ),
    shape(
        "not YAML: an open list",
        Error("yaml"),
        1_000,
        200_000,
        |n| {
            one(format!(
                "values: [\n{}",
                repeat(n, |i| format!("  password{i:06}: x,\n"))
            ))
        },
    ),
    shape(
        "not YAML: an open quote",
        Error("yaml"),
        1_000,
        10_000_000,
        |n| one(format!("values:\n  password: \"{}", "word ".repeat(n / 5))),
    ),
    shape(
        "not YAML: one long line",
        Error("yaml"),
        1_000,
        6_000_000,
        |n| one(format!("values: {{{}: [", "password: x, ".repeat(n / 13))),
    ),
    shape(
        "not YAML: brackets after a name",
        Error("yaml"),
        1_000,
        10_000_000,
        |n| one(format!("values: @\npassword: {}\n", "[{".repeat(n / 2))),
    ),
    shape(
        "not YAML: zero bytes",
        Error("yaml"),
        1_000,
        10_000_000,
        |n| one("\0".repeat(n)),
    ),
    shape("not YAML: tabs", Error("yaml"), 1_000, 10_000_000, |n| {
        one(format!("values:\n{}a: b\n", "\t".repeat(n)))
    }),
];

const fn shape(
    name: &'static str,
    outcome: Outcome,
    small: usize,
    large: usize,
    make: fn(usize) -> Files,
) -> Shape {
    Shape {
        name,
        outcome,
        small: if small == 0 { None } else { Some(small) },
        large,
        make,
    }
}

/// One file.
fn one(text: String) -> Files {
    vec![("env.yaml".to_owned(), text)]
}

fn file(name: &str, text: impl Into<String>) -> (String, String) {
    (format!("{name}.yaml"), text.into())
}

fn repeat(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

/// One file with a value on each line.
fn values(count: usize, entry: impl Fn(usize) -> String) -> Files {
    vec![values_file("env", "", count, entry)]
}

fn values_file(
    name: &str,
    top: &str,
    count: usize,
    entry: impl Fn(usize) -> String,
) -> (String, String) {
    let mut text = format!("{top}values:\n");
    for number in 0..count {
        let _ = writeln!(text, "  {}", entry(number));
    }
    file(name, text)
}

/// Values, each made from the previous one.
fn laughs(count: usize, first: &str, next: impl Fn(&str) -> String) -> Files {
    values(count, |i| match i {
        0 => format!("a000: {first}"),
        _ => format!("a{i:03}: {}", next(&format!("${{a{:03}}}", i - 1))),
    })
}

/// Maps, each containing the previous one twice, and `z`, which uses the last one.
fn doubled(count: usize, last: &str) -> Files {
    let mut files = laughs(count, "{x: 1}", |ha| format!("{{l: '{ha}', r: '{ha}'}}"));
    let last = last.replace("LAST", &format!("a{:03}", count - 1));
    let _ = writeln!(files[0].1, "  z: {last}");
    files
}

/// A value that is validated with a schema.
fn validated(schema: &str, value: &str) -> Files {
    one(format!(
        "values: {{a: {{fn::validate: {{schema: {schema}, value: {value}}}}}}}\n"
    ))
}

/// Environments, each importing the next one.
fn chain_of_imports(count: usize) -> Files {
    let mut files = vec![file("env", "imports: [e0]\n")];
    files.extend((0..count).map(|i| {
        let text = format!("imports: [e{}]\nvalues: {{a{i:06}: 1}}\n", i + 1);
        file(&format!("e{i}"), text)
    }));
    files.push(file(&format!("e{count}"), "values: {z: 1}\n"));
    files
}

/// An environment that imports all others.
fn star(count: usize, text: impl Fn(usize) -> String) -> Files {
    let imports = repeat(count, |i| format!("  - e{i}\n"));
    let mut files = vec![file("env", format!("imports:\n{imports}"))];
    files.extend((0..count).map(|i| file(&format!("e{i}"), text(i))));
    files
}
