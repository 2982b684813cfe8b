//! Secrets are shown neither in values nor in diagnostics and their source lines.

use super::*;

const SECRET: &str = "hunter2-Xyzzy";

fn host() -> TestHost {
    let inputs = r#"{"type": "object", "required": ["need"], "properties": {
        "pin": {"secret": true, "type": "string"},
        "all": {"secret": true, "type": "object"},
        "numbers": {"type": "object", "additionalProperties": {"type": "number"}},
        "closed": {"type": "object", "additionalProperties": false},
        "limited": {"type": "string", "maxLength": 3, "enum": ["x"], "secret": true}
    }}"#;
    TestHost::with_definitions(&[(
        "other",
        "values:\n  db: {fn::secret: hunter2-Xyzzy, b: ${c}}\n",
    )])
    .with_provider("picky", TestProvider::echo(inputs, "true"))
}

#[test]
fn diagnostics_and_debug_output_show_no_secret() {
    let host = host();
    for text in [
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: '${c}'}",
        "values: {a: {fn::secret: 'hunter2-Xyzzy'}, b: \"${c}\"}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: {fn::join: x}}",
        "values: {a: {fn::secret: hunter2-Xyzzy, b: 1}}",
        "values: {a: {fn::secret: [hunter2-Xyzzy]}}",
        "values: {a: {fn::secret: {x: hunter2-Xyzzy}}}",
        "values: {a: {fn::secret: {hunter2-Xyzzy: x, hunter2-Xyzzy: y}}}",
        "values: {a: {fn::secret: {ciphertext: hunter2-Xyzzy}}}",
        "values: {a: {fn::secret: 'hunter2-Xyzzy${'}}",
        "values: {a: {fn::secret: 'x${hunter2-Xyzzy}'}}",
        "values: {a: {FN::SECRET: hunter2-Xyzzy}}",
        "values: {a: {fn::secert: hunter2-Xyzzy}}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, a: 1}",
        "values: {fn::secret: hunter2-Xyzzy}",
        "values:\n  a:\n    fn::secret: |\n      x\n      hunter2-Xyzzy\n    b: ${c}\n",
        "values:\n  a: {fn::secret: \"x\n    hunter2-Xyzzy\"}\n  b: ${c}\n",
        "values:\n  a: {fn::secret: hunter2-Xyzzy}\n  b: ${c} hunter2-Xyzzy # hunter2-Xyzzy\n",
        "values:\n  b: ${c} # hunter2-Xyzzy\n",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: {fn::fromJSON: '${a}'}}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: {fn::fromBase64: '${a}'}}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: '${a.c}', c: '${a[0]}'}",
        "values: {a: {fn::secret: '{\"hunter2-Xyzzy\": 1}'}, b: {fn::fromJSON: '${a}'}, c: '${b.hnter2-Xyzzy}'}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: {fn::open::picky: {limited: '${a}'}}}",
        "values: {a: {fn::fromJSON: {fn::secret: '{\"hunter2-Xyzzy\": \"x\"}'}}, b: {fn::open::picky: {numbers: '${a}'}}}",
        "values: {a: {fn::fromJSON: {fn::secret: '{\"hunter2-Xyzzy\": \"x\"}'}}, b: {fn::open::picky: {closed: '${a}'}}}",
        "values: {b: {fn::open::picky: {limited: hunter2-Xyzzy}}}",
        "values: {b: {fn::open::picky: {pin: hunter2-Xyzzy}}}",
        "values: {b: {fn::open::picky: {pin: '${c}'}}, c: hunter2-Xyzzy, d: '${e}'}",
        "values: {b: {fn::open::picky: {all: {x: [hunter2-Xyzzy]}}}}",
        "values: {b: {fn::open::aws-login: {static: {secretAccessKey: hunter2-Xyzzy}}}}",
        "values: {b: {fn::opn::aws-login: {static: {secretAccessKey: hunter2-Xyzzy}}}}",
        "values: {password: hunter2-Xyzzy, b: '${c}'}",
        "values: {token: 'hunter2-Xyzzy ${c}'}",
        "values: {apiKey: [hunter2-Xyzzy, '${c}']}",
        "values: {a: {fn::secret: !!int hunter2-Xyzzy}}",
        "values: {a: {fn::secret: &x hunter2-Xyzzy}, b: *x}",
        "values: {? {fn::secret: hunter2-Xyzzy} : x, b: '${c}'}",
        "values: {a: {fn::secret: hunter2-Xyzzy}, b: [",
        "values:\n  a: {fn::secret: hunter2-Xyzzy\n  b: c\n",
        "values:\n  a:\n    fn::secret: 'hunter2-Xyzzy\n  b: c\n",
        "values:\n  a:\n    fn::secret: |\n      hunter2-Xyzzy\n   b: [\n",
        "values:\n  password: hunter2-Xyzzy: b\n",
        "values:\n  secretAccessKey: \"hunter2-Xyzzy\" x\n",
        "fn::secret: hunter2-Xyzzy\n\tb: c",
        "imports: [{fn::secret: hunter2-Xyzzy}]",
        "imports: [other]",
        "{fn::secret: hunter2-Xyzzy}",
        "[{fn::secret: hunter2-Xyzzy}]",
    ] {
        for evaluation in [host.open(text), host.check(text)] {
            assert!(!evaluation.diagnostics.is_empty(), "{text}");
            let shown = rendered(&evaluation);
            assert!(!shown.contains(SECRET), "{text}\n{shown}");
            assert!(!shown.contains("hunter2"), "{text}\n{shown}");
            let debug = format!("{evaluation:?}");
            assert!(
                !debug.contains(SECRET) || !evaluation.environment_shows_secret_as_plain(text),
                "{text}\n{debug}"
            );
        }
    }
}

impl Evaluation {
    /// Whether a text that the definition marks as a secret is shown as a public value. A string below
    /// a name that only suggests a secret is public.
    fn environment_shows_secret_as_plain(&self, text: &str) -> bool {
        let has_call = text.contains("{fn::secret: hunter2-Xyzzy}");
        has_call && redacted(self).contains(SECRET)
    }
}

#[test]
fn values_computed_from_secrets_are_secret() {
    let host = TestHost::with_definitions(&[]);
    let evaluation = host.open(
        "values:\n  s: {fn::secret: hunter2-Xyzzy}\n  a: x ${s}\n  b: {fn::toJSON: {x: ['${s}']}}\n  \
         c: {fn::toString: ['${s}']}\n  d: {fn::join: ['${s}', [a, b]]}\n  \
         e: {fn::toBase64: '${s}'}\n  f: {fn::split: ['-', '${s}']}\n  g: {fn::final: '${s}'}\n  \
         h: {fn::fromJSON: {fn::toJSON: {x: '${s}'}}}\n  i: ${h.x}\n  j: {fn::concat: [['${s}']]}\n",
    );
    assert_eq!(diagnostics(&evaluation), [""; 0]);
    assert_eq!(
        redacted(&evaluation),
        concat!(
            r#"{"a":"[secret]","b":"[secret]","c":"[secret]","d":"[secret]","e":"[secret]","#,
            r#""f":"[secret]","g":"[secret]","h":"[secret]","i":"[secret]","j":"[secret]","#,
            r#""s":"[secret]"}"#
        )
    );
}

#[test]
fn caret_points_at_its_column_after_hidden_text() {
    let host = TestHost::with_definitions(&[]);
    let shown = rendered(&host.open("values: {a: {fn::secret: 'hün ter'}, b: '${c}'}\n"));
    let want = "\
error: unknown property \"c\"
 --> ./root.yaml:1:41
  |
1 | values: {a: {fn::secret: **** ****}, b: '${c}'}
  |                                         ^^^^^^
  |
  = help: use one of the properties `a`, `b`";
    assert_eq!(shown, want);
}
