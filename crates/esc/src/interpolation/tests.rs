use super::*;

/// The segments, each access as `<step|step>`, and the problems with their ranges.
fn segments(text: &str) -> (String, String) {
    let (segments, problems) = parse_segments(text, |range| range);
    let mut shown = String::new();
    for segment in segments {
        match segment {
            Segment::Text(text) => shown.push_str(&text),
            Segment::Access(access) => {
                let steps = access.iter().map(|step| match &step.key {
                    AccessKey::Name(name) => name.to_string(),
                    AccessKey::Index(index) => format!("#{index}"),
                });
                let steps: Vec<_> = steps.collect();
                shown.extend(["<", &steps.join("|"), ">"]);
            }
        }
    }
    let problems: Vec<_> = problems
        .into_iter()
        .map(|problem| format!("{:?} {}", problem.location, problem.summary))
        .collect();
    (shown, problems.join("; "))
}

#[test]
fn strings_are_split_into_segments() {
    for (text, want) in [
        ("", ""),
        ("plain", "plain"),
        ("$", "$"),
        ("$5 and $$ and $${x}", "$5 and $ and ${x}"),
        ("${a}", "<a>"),
        ("${a.b-c.d}!", "<a|b-c|d>!"),
        ("x ${a[0].b[\"c.d\"]} y", "x <a|#0|b|c.d> y"),
        ("${a[\"b\\\"c\\d\"]}", "<a|b\"c\\d>"),
        ("${[\"34\"]}", "<34>"),
        ("${a[-1]}", "<a|#-1>"),
        ("${a}${b}", "<a><b>"),
        ("$${${a}}", "${<a>}"),
        ("é${é.ü}", "é<é|ü>"),
    ] {
        assert_eq!(segments(text), (want.to_owned(), String::new()), "{text}");
    }
}

#[test]
fn malformed_accesses_are_reported_and_kept() {
    for (text, want, problems) in [
        (
            "${",
            "<>",
            "2..2 missing closing brace '}' in interpolation",
        ),
        ("${}", "<>", ""),
        (
            "${a b}",
            "<a> b}",
            "3..3 missing closing brace '}' in interpolation",
        ),
        ("${a.}", "<a|>", "3..4 property name must not be empty"),
        ("${a..b}", "<a||b>", "3..4 property name must not be empty"),
        ("${.a}", "<a>", ""),
        ("${a[\"\"]}", "<a|>", "4..6 key subscript must not be empty"),
        (
            "${a[\"b\"}",
            "<a|b>",
            "3..7 subscript is missing closing bracket ']'",
        ),
        (
            "${a[x]}",
            "<a|x>",
            "4..5 numeric subscript must be a positive base-10 integer",
        ),
        (
            "${[2]}",
            "<#2>",
            "2..4 the first accessor must be a property name or key subscript, not a numeric \
             subscript",
        ),
    ] {
        let segments = segments(text);
        assert_eq!(segments, (want.to_owned(), problems.to_owned()), "{text}");
    }
}

/// The argument with each path as `<path>`.
fn argument(text: &str) -> Option<String> {
    let parts = parse(text)?;
    let shown = parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Path(path) => format!("<{path}>"),
    });
    Some(shown.collect())
}

/// The results of `ast.Interpolate` in ESC 0.26.0.
#[test]
fn arguments_are_split_as_in_esc() {
    for (text, want) in [
        ("", ""),
        ("plain", "plain"),
        ("${a}", "<a>"),
        ("x${a.b}y${c}", "x<a.b>y<c>"),
        ("$$", "$"),
        ("$$$$", "$$"),
        ("$${a}", "${a}"),
        ("$$${a}", "$<a>"),
        ("$HOME $", "$HOME $"),
        ("${a[0].b[\"c.d\"]}", "<a[0].b[\"c.d\"]>"),
        ("${[\"a\"]b}", "<a.b>"),
        ("${a[\"x\\\"y\\z\"]}", "<a[\"x\\\"y\\\\z\"]>"),
        ("${HOME:-/root}", "<[\"HOME:-/root\"]>"),
        ("${}", "<[\"\"]>"),
        ("${.a}", "<a>"),
        ("${a[007]}", "<a[7]>"),
        ("${é.ß}", "<[\"é\"][\"ß\"]>"),
    ] {
        assert_eq!(argument(text).as_deref(), Some(want), "{text}");
    }
}

#[test]
fn arguments_with_malformed_paths_are_not_split() {
    for text in [
        "${a",
        "${",
        "${a b}",
        "${ a}",
        "${a..b}",
        "${a.}",
        "${[0]}",
        "${a[x]}",
        "${a[0}",
        "${a[\"b}",
        "${a[\"\"]}",
    ] {
        assert_eq!(argument(text), None, "{text}");
    }
}
