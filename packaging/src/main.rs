//! Writes the man pages of kubectl-esc and of its commands: `man-pages FOLDER YYYY-MM-DD`.
//!
//! A program of its own, so that kubectl-esc does not contain what only a release needs.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

const SECTION: &str = "1";

/// The subcommand that has no page.
const HELP: &str = "help";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, date] = arguments.as_slice() else {
        return Err("usage: man-pages FOLDER YYYY-MM-DD".into());
    };
    let command = kubectl_esc::commands::command_line();
    let version = command.get_version().unwrap_or_default();
    let pages = Pages {
        folder: Path::new(folder),
        date,
        source: format!("{} {version}", command.get_name()),
    };
    fs::create_dir_all(folder)?;
    pages.write(command, None)?;
    Ok(())
}

/// Where the pages are written, and what all their titles have in common.
struct Pages<'a> {
    folder: &'a Path,
    date: &'a str,
    source: String,
}

impl Pages<'_> {
    /// Writes the page of a command and those of its subcommands.
    fn write(&self, command: Command, parent: Option<&str>) -> io::Result<()> {
        let name = display_name(&command);
        for subcommand in subcommands(&command) {
            self.write(subcommand.clone(), Some(&name))?;
        }
        let path = self.folder.join(format!("{name}.{SECTION}"));
        fs::write(path, self.page(command, parent)?)
    }

    fn page(&self, mut command: Command, parent: Option<&str>) -> io::Result<String> {
        if command.find_subcommand(HELP).is_some() {
            command = command.mut_subcommand(HELP, |help| help.hide(true));
        }
        let usage = command.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        let related: Vec<_> = parent.map(str::to_owned).into_iter().collect();
        let related = [related, subcommands(&command).map(display_name).collect()].concat();
        let closing = command.get_after_long_help().map(ToString::to_string);
        let has_subcommands = command.has_subcommands();
        let title = display_name(&command).to_uppercase();
        let command = command.override_usage(usage).mut_args(with_possible_values);
        let man = Man::new(command)
            .title(title)
            .section(SECTION)
            .date(self.date)
            .source(&self.source)
            .manual("User Commands");
        let mut page = Vec::new();
        man.render_title(&mut page)?;
        // No hyphens in the names of flags and variables.
        page.extend(b".nh\n");
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if has_subcommands {
            man.render_subcommands_section(&mut page)?;
        }
        render_closing(&closing.unwrap_or_default(), &related, &mut page)?;
        Ok(tidy(&to_ascii(&String::from_utf8_lossy(&page))))
    }
}

/// Lists the values at the end of the help, as `--help` does, instead of as a list below it.
fn with_possible_values(arg: Arg) -> Arg {
    let values = arg.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set());
    let values: Vec<_> = values.map(PossibleValue::get_name).collect();
    if values.is_empty() || !arg.get_action().takes_values() {
        return arg;
    }
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map_or_else(String::new, ToString::to_string);
    let help = format!("{help}\n\n[possible values: {}]", values.join(", "));
    arg.hide_possible_values(true).long_help(help)
}

/// Escapes other characters, which groff does not read as UTF-8.
fn to_ascii(page: &str) -> String {
    let mut ascii = String::new();
    for character in page.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let _ = write!(ascii, "\\[u{:04X}]", u32::from(character));
        }
    }
    ascii
}

/// What mandoc's lint asks for: lines of at most 80 bytes, and paragraphs that a request separates. The
/// definition of the apostrophe, which `clap_mangen` repeats in each section, is written once.
fn tidy(page: &str) -> String {
    let is_definition = |line: &&str| line.contains(".ds Aq ");
    let mut tidied = String::new();
    for line in page.lines().take_while(is_definition) {
        tidied.push_str(line);
        tidied.push('\n');
    }
    for line in page.lines().filter(|line| !is_definition(line)) {
        if line.is_empty() {
            tidied.push_str(".sp");
        } else if line.starts_with('.') {
            tidied.push_str(line);
        } else {
            wrap(line, &mut tidied);
        }
        tidied.push('\n');
    }
    tidied
}

/// Adds a line of text, broken into lines that are not requests.
fn wrap(line: &str, text: &mut String) {
    const WIDTH: usize = 80;
    let mut width = 0;
    for word in line.split(' ') {
        if width > 0 && width + 1 + word.len() > WIDTH {
            text.push('\n');
            width = 0;
            if word.starts_with(['.', '\'']) {
                text.push_str("\\&");
                width = 2;
            }
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += word.len();
    }
}

/// The text after the flags in `--help` as sections: examples, notes, and where the documentation is.
fn render_closing(text: &str, related: &[String], page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    let mut documentation = "";
    for paragraph in text.split("\n\n") {
        if let Some(examples) = paragraph.strip_prefix("Examples:\n") {
            roff.control("SH", ["EXAMPLES"]);
            for line in examples.lines().map(str::trim) {
                match line.strip_prefix("# ") {
                    Some(description) => {
                        roff.control("TP", []).text([roman(description)]);
                    }
                    None => {
                        roff.text([bold(line)]);
                    }
                }
            }
        } else if let Some(address) = paragraph.strip_prefix("Documentation: ") {
            documentation = address;
        } else {
            roff.control("SH", ["NOTES"]).text([roman(paragraph)]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut pages: Vec<Inline> = Vec::new();
    for name in related {
        pages.extend([bold(name), roman(format!("({SECTION}), "))]);
    }
    pages.push(roman(documentation));
    roff.text(pages);
    roff.to_writer(page)
}

/// The subcommands that have a page.
fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    let all = command.get_subcommands();
    all.filter(|subcommand| subcommand.get_name() != HELP && !subcommand.is_hide_set())
}

/// Such as `kubectl-esc-cache-list`.
fn display_name(command: &Command) -> String {
    let name = command.get_display_name();
    name.unwrap_or_else(|| command.get_name()).to_owned()
}
