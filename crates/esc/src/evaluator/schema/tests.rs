use super::*;

#[test]
fn invalid_schemas_are_rejected() {
    for (text, want) in [
        ("1", "`a schema` is not an object or a boolean"),
        (r#"{"type":"integer"}"#, "`type`: `integer` is not a type"),
        (r##"{"$ref":"#/$defs/x"}"##, "unknown subschema #/$defs/x"),
        (
            r##"{"$ref":"#"}"##,
            "only fragment references of the form #/$defs/ref are supported",
        ),
        (r#"{"properties":[]}"#, "`properties` is not an object"),
        (
            r#"{"properties":{"a":{"minLength":1.5}}}"#,
            r#"strconv.ParseUint: parsing "1.5": invalid syntax"#,
        ),
        (
            r#"{"minItems":99999999999999999999}"#,
            r#"strconv.ParseUint: parsing "99999999999999999999": value out of range"#,
        ),
        (r#"{"required":[1]}"#, "`required` is not a string"),
        // Types first, and then in the order in which ESC compiles.
        (
            r##"{"$ref":"#","properties":{"a":{"secret":"x"}}}"##,
            "failed to parse schema: json: cannot unmarshal string into Go struct field \
             rawSchema.properties.secret of type bool",
        ),
        (
            r##"{"anyOf":[{"pattern":"["}],"items":{"$ref":"#"}}"##,
            "error parsing regexp: found unclosed character class: `[`",
        ),
    ] {
        assert_eq!(Schema::parse(text).unwrap_err().to_string(), want, "{text}");
    }
    let error = Schema::parse(r#"{"pattern":"("}"#).unwrap_err().to_string();
    assert!(error.starts_with("error parsing regexp: "), "{error}");
    // Definitions without a reference are not read.
    assert!(Schema::parse(r#"{"$defs":{"a":{"pattern":"("}}}"#).is_ok());
}

#[test]
fn references_may_be_cyclic() {
    let text = r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a%20"},"a ":{"type":"null"}}}"##;
    let schema = Schema::parse(text).unwrap();
    let end = schema.reference().unwrap().reference().unwrap();
    assert_eq!(end.reference().unwrap().rules().kind, Some(Type::Null));
    let text = r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}"##;
    let schema = Schema::parse(text).unwrap().reference().unwrap();
    assert_eq!(schema.index, schema.reference().unwrap().index);
}

#[test]
fn alternatives_declare_properties() {
    let schema = Schema::parse(
        r#"{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}}},
                     {"type":"object","properties":{"b":{"type":"number"}}},
                     {"properties":{"c":true}}]}"#,
    )
    .unwrap();
    assert!(schema.names_property("a") && !schema.names_property("d"));
    assert_eq!(schema.property("b").rules().kind, Some(Type::Number));
    // Without `type: object` there are no properties.
    assert!(schema.property("c").rules().rejects);
    assert!(schema.item(0).rules().rejects);
}

#[test]
fn merged_schemas_have_the_properties_of_both() {
    let base = Schema::parse(
        r#"{"type":"object","properties":{"a":{"type":"string"},
            "c":{"type":"object","properties":{"d":{"type":"null"}}}}}"#,
    )
    .unwrap();
    let object = Schema::record([(Rc::from("e"), Schema::of(Type::Number))]);
    let top = Schema::record([
        (Rc::from("b"), Schema::of(Type::Number)),
        (Rc::from("c"), object),
    ]);
    let (merged, _) = Schema::merged(&base, &top);
    let required: Vec<&str> = merged.rules().required.iter().map(|it| &**it).collect();
    assert_eq!(required, ["a", "b", "c"]);
    let nested = merged.property("c");
    assert_eq!(nested.property("d").rules().kind, Some(Type::Null));
    assert_eq!(nested.property("e").rules().kind, Some(Type::Number));
    let string = Schema::of(Type::String);
    let (over_string, _) = Schema::merged(&string, &top);
    assert!(over_string.property("a").rules().rejects);
}

#[test]
fn rotate_only_applies_to_nested_properties() {
    let schema = Schema::parse(
        r#"{"type":"object","rotateOnly":["a"],
            "properties":{"a":{"type":"object","properties":{"b":true}},"c":true}}"#,
    )
    .unwrap();
    assert!(schema.has_rotate_only() && !schema.is_rotate_only());
    assert!(schema.property("a").property("b").is_rotate_only());
    assert!(!schema.property("c").is_rotate_only());
}
