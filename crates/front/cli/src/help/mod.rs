//! Help as a person reads it: groups, examples, and pages on what all commands share.
//!
//! The command line is declared without it, so that a command that runs pays nothing: help is added when it is asked for.

pub(crate) mod manual;
mod topics;

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use clap::CommandFactory as _;

use self::topics::{ENVIRONMENT, EXIT_CODES, FILES};
use crate::arguments::Arguments;
use crate::commands::{GROUPS, examples};

/// clap's own styles for a heading and for what is typed.
const HEADING: Style = Style::new().bold().underline();
const LITERAL: Style = Style::new().bold();
const ACCENT: Style = AnsiColor::Cyan.on_default();

/// The command line with its help.
pub(crate) fn command() -> clap::Command {
    let mut command = Arguments::command();
    let groups = groups(&command);
    let topics = topics::all(&command);
    command = command.mut_args(|argument| if argument.is_global_set() { argument.hide(true) } else { argument });
    command = command.mut_subcommands(|below| with_examples(below, ""));
    command
        .help_template(format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}{HEADING}Options:{HEADING:#}\n{{options}}{{after-help}}"
        ))
        .after_help(
            "Every command also has --home DIR, --json, --webex-url URL, --environment NAME and --verbose.\n\
             See lanyard help COMMAND, and lanyard help options, environment or exit-codes.",
        )
        .subcommands(topics)
}

/// The error, or the help, that a command line ends with, if `plain` says that it cannot be run as it is.
pub(crate) fn instead_of(plain: clap::Error, words: &[String]) -> clap::Error {
    use clap::error::ErrorKind;
    let helps = matches!(plain.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    let asks = words.iter().skip(1).take_while(|word| *word != "--").any(|word| word == "help");
    if helps || asks { command().try_get_matches_from(words).err().unwrap_or(plain) } else { plain }
}

/// The commands with what each is for.
fn groups(command: &clap::Command) -> String {
    let mut text = String::new();
    let mut declared = command.get_subcommands();
    for (heading, commands) in GROUPS {
        let _ = writeln!(text, "{HEADING}{heading}:{HEADING:#}");
        for command in declared.by_ref().take(commands.len()) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {LITERAL}{:13}{LITERAL:#}  {about}", command.get_name());
        }
        text.push('\n');
    }
    text
}

/// A command, and those below it, with examples.
fn with_examples(command: clap::Command, above: &str) -> clap::Command {
    let path = format!("{above}{}", command.get_name());
    let below = format!("{path} ");
    let command = command.mut_subcommands(|command| with_examples(command, &below));
    let own = command.get_after_help().map(ToString::to_string);
    let Some(examples) = examples(&path) else { return command };
    let mut text = format!("{HEADING}Examples:{HEADING:#}\n");
    for example in examples {
        let _ = writeln!(text, "  {ACCENT}{example}{ACCENT:#}");
    }
    if let Some(own) = own {
        let _ = write!(text, "\n{own}");
    }
    command.after_help(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::commands::app::App;

    /// Every command that can be run, by its words.
    fn leaves(command: &clap::Command, above: &str, all: &mut Vec<String>) {
        for below in command.get_subcommands() {
            let path = format!("{above}{}", below.get_name());
            if below.has_subcommands() {
                leaves(below, &format!("{path} "), all);
            } else {
                all.push(path);
            }
        }
    }

    #[test]
    fn every_command_has_an_example_that_it_understands() {
        let mut all = Vec::new();
        leaves(&Arguments::command(), "", &mut all);
        for path in &all {
            let examples = examples(path).unwrap_or_else(|| panic!("{path} has no example"));
            for example in examples {
                let words: Vec<String> = words(example);
                if let Err(error) = Arguments::try_parse_from(&words) {
                    panic!("{example}\n{error}");
                }
                // A device stands between the words of its commands.
                let mut rest = words.iter().skip(1);
                assert!(path.split(' ').all(|word| rest.any(|found| found == word)), "{path}: {example}");
                assert!(example.lines().all(|line| line.chars().count() <= 96), "{example}");
            }
        }
    }

    #[derive(clap::Parser)]
    struct OfApps {
        #[command(subcommand)]
        app: App,
    }

    #[test]
    fn the_examples_of_app_add_are_accepted() {
        for example in examples("app add").unwrap() {
            let OfApps { app: App::Add(add) } = OfApps::try_parse_from(&words(example)[1..]).unwrap() else {
                panic!("{example}");
            };
            assert!(add.check().is_ok(), "{example}");
        }
    }

    /// The words of the first command of a line, without what a shell takes for itself.
    fn words(line: &str) -> Vec<String> {
        let line = line.replace("\\\n", "");
        let line = line.split(" | ").next().unwrap_or_default().split(" > ").next().unwrap_or_default();
        let (mut words, mut quoted) = (vec![String::new()], false);
        for character in line.chars() {
            match character {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                other => words.last_mut().expect("there is a word").push(other),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn help_has_pages_that_are_no_commands() {
        for topic in ["options", "environment", "exit-codes"] {
            let words = ["lanyard", "help", topic].map(ToOwned::to_owned);
            let plain = Arguments::try_parse_from(&words).unwrap_err();
            assert_eq!(instead_of(plain, &words).kind(), clap::error::ErrorKind::DisplayHelp, "{topic}");
            assert!(Arguments::try_parse_from(["lanyard", topic]).is_err(), "{topic}");
        }
    }
}
