//! Hints for YAML mistakes. They quote nothing from the text, which may be a secret.

use esc_yaml::{Error, ErrorKind};

/// For definitions with too many names, values and references.
pub(super) const SPLIT_DEFINITION: &str =
    "move large data out of the definition, such as into a file that the command reads";
const ALIAS: &str = "put text that starts with `*` in quotes: YAML reads it as an alias";
const MISPLACED_VALUE: &str = "mapping values are not allowed in this context";
const INDENTATION: &str =
    "check the indentation: entries of one map or list start in the same column";

/// What to do about text that is not YAML.
pub(super) fn hint(text: &str, error: &Error) -> Option<String> {
    match error.kind {
        ErrorKind::UnknownAnchor => return Some(ALIAS.to_owned()),
        ErrorKind::TooManyNodes => return Some(SPLIT_DEFINITION.to_owned()),
        ErrorKind::Syntax => {}
        _ => return None,
    }
    let (before, rest) = text.split_at_checked(error.position.byte)?;
    if is_indented_with_tab(before, rest) {
        let line = error.position.line;
        return Some(format!(
            "replace the tab in line {line} with spaces: YAML does not allow tabs in indentation"
        ));
    }
    if before.ends_with('$') && rest.starts_with('{') {
        let hint = "inside `{…}` and `[…]`, put interpolations in quotes: `\"${name}\"`";
        return Some(hint.to_owned());
    }
    if let Some(special @ ('@' | '`' | '%')) = rest.chars().next()
        && error.message == "found character that cannot start any token"
    {
        return Some(format!("put text that starts with `{special}` in quotes"));
    }
    // The name of an alias or an anchor.
    if let Some(special @ ('*' | '&')) = before.chars().next_back()
        && error.message == "did not find expected alphabetic or numeric character"
    {
        return Some(format!("put text that starts with `{special}` in quotes"));
    }
    if error.message == MISPLACED_VALUE
        && let Some(line) = line_without_space_after_colon(before)
    {
        return Some(format!("write a space after the colon in line {line}"));
    }
    for_message(&error.message).map(str::to_owned)
}

/// Whether the line of the error has a tab before its first other character.
fn is_indented_with_tab(before: &str, rest: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let is_blank = |c: char| c == ' ' || c == '\t';
    let indentation = line.find(|c| !is_blank(c)).map_or(line, |end| &line[..end]);
    let continues = indentation.len() == line.len();
    indentation.contains('\t') || (continues && rest.trim_start_matches(' ').starts_with('\t'))
}

/// The number of the line before the last one, if it has a colon without a space after it: YAML reads it and
/// the next line as one text.
fn line_without_space_after_colon(before: &str) -> Option<usize> {
    let (above, _) = before.rsplit_once('\n')?;
    let line = above.rsplit('\n').next().unwrap_or_default().trim();
    let is_joined = line.contains(':') && !line.contains(": ") && !line.ends_with(':');
    is_joined.then(|| above.matches('\n').count() + 1)
}

/// What usually causes an error with this message.
fn for_message(message: &str) -> Option<&'static str> {
    Some(match message {
        MISPLACED_VALUE => "put text that contains `: ` in quotes, or check the indentation",
        "could not find expected ':'" => {
            "write an entry of a map as `name: value`, with a space after the colon"
        }
        "did not find expected key"
        | "did not find expected '-' indicator"
        | "block sequence entries are not allowed in this context" => INDENTATION,
        "did not find expected ',' or ']'" => {
            "separate the items with commas, and end the list with `]`"
        }
        "did not find expected ',' or '}'" => {
            "separate the entries with commas, and end the map with `}`"
        }
        "found unexpected end of stream" => "add the quote that ends the text",
        "found unknown escape character" => {
            "use single quotes: in double quotes, a backslash starts an escape sequence"
        }
        _ => return None,
    })
}

/// What to do about an alias, which YAML has but ESC does not support.
pub(super) const NO_ALIASES: &str =
    "refer to another value with `${name}`, or put text that starts with `*` in quotes";

/// What to do about a key that is not a string.
pub(super) const KEY_IN_QUOTES: &str = "put the name in quotes";
