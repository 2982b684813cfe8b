//! Paths in a definition as diagnostics print them: `values.a["b-c"][0]`.

use crate::property_path::is_identifier;

/// A step of a path: a key as it is written, or an index.
#[derive(Debug)]
pub(super) enum PathStep<N> {
    Name(N),
    Index(usize),
}

/// Appends a step to a path as ESC prints it: an empty name is omitted, and only quotes are escaped.
pub(super) fn join_step(path: &mut String, step: &PathStep<impl AsRef<str>>) {
    match step {
        PathStep::Index(index) => {
            path.extend(["[", &index.to_string(), "]"]);
        }
        PathStep::Name(name) => join_name(path, name.as_ref()),
    }
}

/// Appends a name to a path.
pub(super) fn join_name(path: &mut String, name: &str) {
    if !name.is_empty() && !is_identifier(name) {
        path.extend(["[\"", &name.replace('"', "\\\""), "\"]"]);
    } else if name.is_empty() || path.is_empty() {
        path.push_str(name);
    } else {
        path.extend([".", name]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_printed_as_in_esc() {
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
