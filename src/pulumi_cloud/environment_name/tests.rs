use super::*;

#[test]
fn name_has_up_to_three_parts_and_a_version() {
    for (text, full, path) in [
        ("prod", "default/prod", "acme/default/prod"),
        ("platform/prod", "platform/prod", "acme/platform/prod"),
        (
            "other/platform/prod@3",
            "other/platform/prod@3",
            "acme/platform/prod/versions/3",
        ),
        (
            "platform/prod@stable",
            "platform/prod@stable",
            "acme/platform/prod/versions/stable",
        ),
        ("a.b-c_d/..x", "a.b-c_d/..x", "acme/a.b-c_d/..x"),
    ] {
        let name = EnvironmentName::parse(text).unwrap();
        assert_eq!(name.to_string(), full, "{text}");
        let acme = Organization::parse("acme", "x").unwrap();
        assert_eq!(
            name.versioned_path(&acme),
            format!("/api/esc/environments/{path}"),
            "{text}"
        );
    }
}

#[test]
fn invalid_name_is_rejected() {
    let version = "the version is neither a revision number nor a tag";
    for (text, problem) in [
        ("a/b/c/d", "it has more than three parts"),
        ("ac/b/c", ORGANIZATION_RULE),
        ("-acme/b/c", ORGANIZATION_RULE),
        ("ac.me/b/c", ORGANIZATION_RULE),
        ("../b/c", ORGANIZATION_RULE),
        ("/b/c", ORGANIZATION_RULE),
        ("acme/../c", NAME_RULE),
        ("acme/b/..", NAME_RULE),
        ("acme/b/.", NAME_RULE),
        ("acme//c", NAME_RULE),
        ("a b", NAME_RULE),
        ("prod?x=1", NAME_RULE),
        ("prod#x", NAME_RULE),
        ("prod%2f", NAME_RULE),
        ("prod:3", NAME_RULE),
        ("prod\n", NAME_RULE),
        ("prödct", NAME_RULE),
        ("prod@", version),
        ("prod@3a", version),
        ("prod@..", version),
        ("prod@a@b", version),
        ("prod@a/b", version),
        ("prod@99999999999999999999999", version),
    ] {
        assert_eq!(
            EnvironmentName::parse(text).unwrap_err().to_string(),
            crate::error::one_line(&format!(
                "`{text}` is not a valid environment name: {problem}"
            )),
            "{text}"
        );
    }
}
