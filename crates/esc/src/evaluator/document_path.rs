//! Paths in a definition as ESC writes them in messages: `values.a["b-c"][0]`.

use crate::property_path::Accessor as PathStep;

/// Appends a step to a path.
pub(super) fn join_step(path: &mut String, step: &PathStep) {
    match step {
        PathStep::Index(index) => {
            path.extend(["[", &index.to_string(), "]"]);
        }
        PathStep::Name(name) => join_name(path, name),
    }
}

/// Appends a name to a path. As in ESC, an empty name is left out and only quotes are escaped.
pub(super) fn join_name(path: &mut String, name: &str) {
    let mut characters = name.chars();
    let starts_plain = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_plain = characters.next().is_none_or(starts_plain)
        && characters.all(|c| starts_plain(c) || c.is_ascii_digit());
    match (is_plain, name.is_empty() || path.is_empty()) {
        (true, true) => path.push_str(name),
        (true, false) => path.extend([".", name]),
        (false, _) => path.extend(["[\"", &name.replace('"', "\\\""), "\"]"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_in_esc() {
        for (names, want) in [
            (&["a", "b_1", "1c"][..], "a.b_1[\"1c\"]"),
            (&["a-b", "c"], "[\"a-b\"].c"),
            (&["", "a", ""], "a"),
            (&["a", "q\"\\"], "a[\"q\\\"\\\"]"),
        ] {
            let mut path = String::new();
            for name in names {
                join_name(&mut path, name);
            }
            assert_eq!(path, want);
        }
    }
}
