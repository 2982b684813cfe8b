use esc_yaml::{Error, ErrorKind, Limits, parse};

fn kind(text: &str, limits: Limits) -> Option<ErrorKind> {
    parse(text, &limits).err().map(|error| error.kind)
}

#[test]
fn depth_is_limited() {
    let limits = Limits {
        max_depth: 3,
        ..Limits::default()
    };
    for (text, expected) in [
        ("[[[a]]]", None),
        ("[[[[a]]]]", Some(ErrorKind::TooDeep)),
        ("- - - a", None),
        ("- - - - a", Some(ErrorKind::TooDeep)),
        ("[[[a: b]]]", Some(ErrorKind::TooDeep)),
    ] {
        assert_eq!(kind(text, limits), expected, "{text:?}");
    }
}

#[test]
fn yaml_v3_limits_depth_to_10000() {
    for open in ["[", "- ", "? ", "{a: "] {
        let error = parse(&open.repeat(10_001), &Limits::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "yaml: exceeded max depth of 10000",
            "{open:?}"
        );
    }
}

#[test]
fn nodes_are_limited() {
    let limits = Limits {
        max_nodes: 5,
        ..Limits::default()
    };
    assert_eq!(kind("a: b\nc: d", limits), None);
    assert_eq!(
        kind("a: b\nc: d\ne:", limits),
        Some(ErrorKind::TooManyNodes)
    );
}

#[test]
fn keys_are_limited_and_values_are_not() {
    let limits = Limits {
        max_key_bytes: 3,
        ..Limits::default()
    };
    assert_eq!(kind("key: value", limits), None);
    assert_eq!(kind("- value", limits), None);
    assert_eq!(kind("a: {long: b}", limits), Some(ErrorKind::KeyTooLong));
}

#[test]
fn limit_errors_name_their_place() {
    let limits = Limits {
        max_depth: 1,
        ..Limits::default()
    };
    let error = parse("a: b\nc: [d]", &limits).unwrap_err();
    assert_eq!(error.to_string(), "yaml: line 2: exceeded max depth of 1");
    assert_eq!(error.position.byte, 8);
}

#[test]
fn deepest_trees_are_read_and_dropped_on_a_small_stack() {
    let read = || -> Result<(), Error> {
        for (open, close) in [
            ("[", "]"),
            ("- ", ""),
            ("{a: ", "}"),
            ("? ", ""),
            ("[a: ", "]"),
        ] {
            let text = open.repeat(9_999) + "b" + &close.repeat(9_999);
            drop(parse(&text, &Limits::default())?);
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().stack_size(64 * 1024);
    thread.spawn(read).unwrap().join().unwrap().unwrap();
}
