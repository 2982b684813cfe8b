//! Parses the arguments of other programs.

/// A flag of another program.
pub(super) struct FlagSpec {
    name: &'static str,
    short: Option<char>,
    has_value: bool,
}

impl FlagSpec {
    pub(super) const fn switch(name: &'static str) -> Self {
        Self {
            name,
            short: None,
            has_value: false,
        }
    }

    pub(super) const fn with_value(name: &'static str, short: Option<char>) -> Self {
        Self {
            name,
            short,
            has_value: true,
        }
    }
}

/// Positional arguments, and flags with their values. The value of a switch is usually empty.
pub(super) type ParsedArguments<'a> = (Vec<&'a str>, Vec<(&'static str, &'a str)>);

/// Separates positional arguments from flags, which may be written as `--flag value`, `--flag=value`,
/// `-f value`, `-fvalue` or `-f=value`. With `allow_prefixes`, `--fl` is accepted too if no other flag
/// starts with it.
pub(super) fn parse_arguments<'a>(
    arguments: &[&'a str],
    specs: &'static [FlagSpec],
    allow_prefixes: bool,
) -> Result<ParsedArguments<'a>, String> {
    let (mut words, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter().copied();
    while let Some(argument) = arguments.next() {
        let (spec, inline_value) = if let Some(flag) = argument.strip_prefix("--") {
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag, None),
            };
            (find_long(name, specs, allow_prefixes)?, value)
        } else if let Some(short) = argument
            .strip_prefix('-')
            .and_then(|flag| flag.chars().next())
        {
            let spec = specs.iter().find(|spec| spec.short == Some(short));
            let spec = spec.ok_or_else(|| format!("unknown flag `-{short}`"))?;
            let value = &argument[1 + short.len_utf8()..];
            let inline_value =
                (!value.is_empty()).then(|| value.strip_prefix('=').unwrap_or(value));
            (spec, inline_value)
        } else {
            words.push(argument);
            continue;
        };
        let value = match inline_value {
            Some(value) => value,
            None if spec.has_value => arguments
                .next()
                .ok_or_else(|| format!("flag `--{}` has no value", spec.name))?,
            None => "",
        };
        flags.push((spec.name, value));
    }
    Ok((words, flags))
}

fn find_long(
    name: &str,
    specs: &'static [FlagSpec],
    allow_prefixes: bool,
) -> Result<&'static FlagSpec, String> {
    if let Some(spec) = specs.iter().find(|spec| spec.name == name) {
        return Ok(spec);
    }
    let is_match =
        |spec: &&FlagSpec| allow_prefixes && !name.is_empty() && spec.name.starts_with(name);
    let mut matches = specs.iter().filter(is_match);
    match (matches.next(), matches.next()) {
        (Some(spec), None) => Ok(spec),
        (Some(_), Some(_)) => Err(format!("ambiguous flag `--{name}`")),
        (None, _) => Err(format!("unknown flag `--{name}`")),
    }
}
