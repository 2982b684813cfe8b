//! Warnings about `environmentVariables` and `files`.

use super::*;

#[test]
fn entries_that_commands_do_not_get_are_warned_of_on_request() {
    const CONVERT: &str = "convert it to text with `fn::toJSON` or `fn::toYAML`";
    for (values, want) in [
        (
            "{files: {A: text, B: 1, C: true, D: ~}, environmentVariables: {A: 1}}",
            &[][..],
        ),
        (
            "{files: ~, environmentVariables: {}, file: {}, env: {A: b}}",
            &[],
        ),
        ("{files: {A: '${u}'}, u: {fn::open::other: 1}}", &[]),
        (
            "{files: {A: '${m}', B: [1]}, m: {x: 1}}",
            &[
                "1:21 `files.A` is not text but an object: the file is not created",
                "1:32 `files.B` is not text but an array: the file is not created",
            ],
        ),
        (
            "{environmentVariables: {A: {x: 1}}}",
            &["1:36 `environmentVariables.A` is not text but an object: the variable is not set"],
        ),
        (
            "{files: text}",
            &["1:17 `files` is not a map but a string: no file is created"],
        ),
        (
            "{environmentVariables: [A=b]}",
            &["1:32 `environmentVariables` is not a map but an array: no variable is set"],
        ),
        (
            "{environmentvariables: {A: b}}",
            &["1:32 `environmentvariables` is not `environmentVariables`: no variable is set"],
        ),
        (
            "{environment_variable: {A: b}, Files: {A: b}}",
            &[
                "1:32 `environment_variable` is not `environmentVariables`: no variable is set",
                "1:47 `Files` is not `files`: no file is created",
            ],
        ),
        (
            "{files: {fn::fromJSON: {fn::secret: '{\"hunter2\": []}'}}}",
            &["1:17 `files.[secret]` is not text but an array: the file is not created"],
        ),
    ] {
        let host = TestHost::default().with_provider("other", TestProvider::echo("true", "true"));
        let evaluator = Evaluator::new(&host, &host);
        let text = format!("values: {values}\n");
        assert_eq!(
            diagnostics(&evaluator.open(root(&text))),
            [""; 0],
            "{values}"
        );
        let evaluator = evaluator.with_warnings_of_ignored_entries();
        let opened = evaluator.open(root(&text));
        let found: Vec<_> = opened
            .diagnostics
            .iter()
            .map(|diagnostic| {
                assert!(!diagnostic.is_error() && diagnostic.hint().is_some());
                let begin = diagnostic.range.as_ref().unwrap().begin;
                format!("{}:{} {}", begin.line, begin.column, diagnostic.summary)
            })
            .collect();
        assert_eq!(found, want, "{values}");
        let is_conversion = |it: &&Diagnostic| it.summary.contains("is not text");
        let mut conversions = opened.diagnostics.iter().filter(is_conversion);
        assert!(conversions.all(|it| it.hint() == Some(CONVERT)), "{values}");
        // The same without positions, for environments that Pulumi Cloud evaluated.
        let summaries: Vec<_> = opened
            .diagnostics
            .iter()
            .map(|it| it.summary.clone())
            .collect();
        let ignored = opened.environment.ignored_entries();
        let without_positions: Vec<_> = ignored.iter().map(|it| it.summary.clone()).collect();
        assert_eq!(without_positions, summaries, "{values}");
    }
}
