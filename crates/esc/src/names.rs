//! Names in Pulumi Cloud.

/// Whether this is a valid name of a project, environment, stack or version tag: 1 to 100 letters,
/// digits, `-`, `_` and `.`, as in Pulumi Cloud's API description and pulumi/pulumi's
/// `sdk/go/common/tokens`. `.` and `..` are excluded, so that names are safe in a path.
#[must_use]
pub fn is_valid_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !matches!(text, "." | "..")
}
