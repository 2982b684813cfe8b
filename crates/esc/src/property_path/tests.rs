use super::*;

#[test]
fn paths_round_trip() {
    for text in [
        "a",
        "a.b",
        "a[0]",
        "a[\"b.c\"][1].d",
        "[\"a \\\"b\\\" \\\\\"]",
        "_x1",
    ] {
        assert_eq!(text.parse::<PropertyPath>().unwrap().to_string(), text);
    }
    assert_eq!(
        "a.my-key".parse::<PropertyPath>().unwrap().to_string(),
        "a[\"my-key\"]"
    );
}

#[test]
fn errors_have_a_position() {
    for (text, problem) in [
        ("", "the path is empty at character 1"),
        (
            ".a",
            "a name is missing or has no `.` before it at character 1",
        ),
        ("a..b", "a name is empty at character 3"),
        ("a.", "a name is empty at character 3"),
        ("a[0", "a subscript has no closing `]` at character 2"),
        (
            "a[x]",
            "a subscript is neither a number nor a quoted key at character 2",
        ),
        (
            "a[-1]",
            "a subscript is neither a number nor a quoted key at character 2",
        ),
        ("a[\"b]", "a key has no closing `\"` at character 2"),
        ("é[\"b\"x]", "a subscript has no closing `]` at character 6"),
        (
            "a[0]b",
            "a name is missing or has no `.` before it at character 5",
        ),
    ] {
        assert_eq!(
            text.parse::<PropertyPath>().unwrap_err().to_string(),
            problem,
            "{text}"
        );
    }
}
