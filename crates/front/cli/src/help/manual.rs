//! Manual pages.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

use super::{ENVIRONMENT, EXIT_CODES, FILES};
use crate::commands::examples;

/// Writes the page of a command, which has been built. `path` is its words, without the program's.
pub(crate) fn write(command: &Command, path: &str, out: &mut dyn Write) -> io::Result<()> {
    let name = if path.is_empty() { "lanyard".to_owned() } else { format!("lanyard-{}", path.replace(' ', "-")) };
    // An option of every command is explained once, on the program's own page.
    let shown = command.clone().mut_args(|argument| {
        let elsewhere = !path.is_empty() && argument.is_global_set();
        argument.hide(elsewhere)
    });
    let man = Man::new(shown)
        .title(name.to_uppercase())
        .source(concat!("lanyard ", env!("CARGO_PKG_VERSION")))
        .manual("Lanyard");
    man.render_title(out)?;
    man.render_name_section(out)?;
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim_end();
    writeln!(out, ".SH SYNOPSIS\n.nf\n{}\n.fi", text(usage))?;
    man.render_description_section(out)?;
    if command.has_subcommands() {
        list(
            "COMMANDS",
            command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set()).map(|below| {
                (
                    format!("{name}-{}(1)", below.get_name()),
                    below.get_about().map(ToString::to_string).unwrap_or_default(),
                )
            }),
            out,
        )?;
    }
    man.render_options_section(out)?;
    if !path.is_empty() {
        writeln!(
            out,
            ".PP\nThe options of every command, such as \\fB\\-\\-home\\fR and \\fB\\-\\-json\\fR, are in \\fBlanyard\\fR(1)."
        )?;
    }
    if let Some(examples) = examples(path) {
        writeln!(out, ".SH EXAMPLES\n.nf")?;
        for example in examples {
            writeln!(out, "{}", text(example))?;
        }
        writeln!(out, ".fi")?;
    }
    let owned =
        |rows: &'static [(&str, &str)]| rows.iter().map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned()));
    list("EXIT STATUS", owned(&EXIT_CODES), out)?;
    list("ENVIRONMENT", owned(&ENVIRONMENT), out)?;
    list("FILES", owned(&FILES), out)?;
    if !path.is_empty() {
        writeln!(out, ".SH SEE ALSO\n\\fBlanyard\\fR(1)")?;
    }
    Ok(())
}

/// Terms and what they mean.
fn list(heading: &str, rows: impl Iterator<Item = (String, String)>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".SH {heading}")?;
    for (term, meaning) in rows {
        writeln!(out, ".TP\n\\fB{}\\fR\n{}", text(&term), text(&meaning))?;
    }
    Ok(())
}

/// Text as it is to be read: no line is a request, and a hyphen can be copied.
fn text(plain: &str) -> String {
    let lines = plain.lines().map(|line| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}
