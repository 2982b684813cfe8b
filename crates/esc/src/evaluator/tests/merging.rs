//! Merging: imports over each other, and an environment's own values over its imports.

use super::*;

#[test]
fn imports_are_merged_in_order() {
    let host = TestHost::with_definitions(&[
        (
            "a",
            "values: {o: {x: 1, y: {z: 1}, n: 1}, l: [1, 2], s: {t: 1}}",
        ),
        ("b", "imports: [a]\nvalues: {o: {y: {w: 2}}, own: '${o.x}'}"),
        (
            "p/c",
            "values: {k: c, name: '${context.currentEnvironment.name} of ${context.rootEnvironment.name}'}",
        ),
    ]);
    for (text, want) in [
        (
            "imports: [a]",
            r#"{"l":[1,2],"o":{"n":1,"x":1,"y":{"z":1}},"s":{"t":1}}"#,
        ),
        (
            "imports: [a]\nvalues: {o: {n: null}, l: [3], s: 1}",
            r#"{"l":[3],"o":{"n":null,"x":1,"y":{"z":1}},"s":1}"#,
        ),
        (
            "imports: [b, b]\nvalues: {o: {x: 5}}",
            r#"{"l":[1,2],"o":{"n":1,"x":5,"y":{"w":2,"z":1}},"own":1,"s":{"t":1}}"#,
        ),
        (
            "imports: [{p/c: {merge: false}}]\nvalues: {a: '${imports[\"p/c\"].k}'}",
            r#"{"a":"c"}"#,
        ),
        (
            "values: {a: '${environments.p.c.name}'}",
            r#"{"a":"p/c of root"}"#,
        ),
        (
            "imports: [a]\nvalues: {a: '${o.x} ${l[1]}', o: {q: 1}, b: {fn::toString: '${o}'}}",
            r#"{"a":"1 2","b":"\"q\"=\"1\"","l":[1,2],"o":{"n":1,"q":1,"x":1,"y":{"z":1}},"s":{"t":1}}"#,
        ),
    ] {
        let evaluation = host.open(text);
        assert_eq!(diagnostics(&evaluation), [""; 0], "{text}");
        assert_eq!(revealed(&evaluation), want, "{text}");
    }
}

#[test]
fn inherited_properties_are_accessed_as_in_esc() {
    let host = TestHost::with_definitions(&[
        ("scalar", "values: {a: x}"),
        ("object", "values: {a: {region: r}}"),
        ("over-object", "imports: [object]\nvalues: {a: {own: 1}}"),
        (
            "in-part",
            "values: {a: {fn::validate: {schema: true, value: {region: r, b: '${none}'}}}}",
        ),
    ]);
    for (imports, access, want, diagnostic) in [
        ("object", "region", r#""r""#, ""),
        // All properties of an object that is partly unknown are unknown.
        ("in-part", "region", r#""[unknown]""#, ""),
        ("object", "own", "2", ""),
        ("in-part", "own", "2", ""),
        // The suggestion is from the lowest object, even if it is merged over a scalar.
        (
            "scalar, over-object",
            "regoin",
            r#""[unknown]""#,
            "error root:3:9 unknown property \"regoin\"; did you mean \"region\"? (values.b)",
        ),
    ] {
        for (name, copy) in [("a", ""), ("c", "  c: ${a}\n")] {
            let text = format!(
                "imports: [{imports}]\nvalues:\n  b: ${{{name}.{access}}}\n  a: {{own: 2}}\n{copy}"
            );
            let evaluation = host.open(&text);
            let value = revealed(&evaluation);
            assert!(value.contains(&format!(r#""b":{want}"#)), "{value}");
            let mut found = diagnostics(&evaluation);
            found.retain(|line| line.contains(" root:"));
            assert_eq!(found.concat(), diagnostic, "{imports}");
        }
    }
}
