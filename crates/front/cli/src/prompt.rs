//! Secrets from a terminal, a file or standard input, never from an argument; and the confirmation of commands that cannot be undone.

use std::io::{ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use clap::Args;
use lanyard_protocol::visible;
use lanyard_secret::OddLetter;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::{file_text, hidden, output};

/// The option of commands that destroy something.
#[derive(Debug, Args)]
pub(crate) struct Sure {
    /// Skip the confirmation (never asked when stdin is not a terminal)
    #[arg(long, short)]
    yes: bool,
}

impl Sure {
    /// Whether a person is to be asked.
    pub(crate) fn asks(&self) -> bool {
        !self.yes && std::io::stdin().is_terminal()
    }

    /// Asks, if there is a terminal; anything but a yes is a failure that says that nothing was done.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), Failure> {
        if !self.asks() {
            return Ok(());
        }
        let answer = ask(&format!("{question} [y/N] "))?;
        if matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(Failure::Cancelled) }
    }
}

/// Asks a question at the terminal and reads one line, without the space around it. Without the question on the screen there is no answer.
fn ask(question: &str) -> Result<String, Failure> {
    // Nothing is locked while a person thinks, because a signal is answered there.
    let mut stderr = std::io::stderr();
    write!(stderr, "{}", visible(question))
        .and_then(|()| stderr.flush())
        .map_err(Failure::io("cannot write to the terminal"))?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer).map_err(Failure::io("cannot read from the terminal"))?;
    if read == 0 {
        // Ctrl-D leaves the cursor behind the question.
        let _ = writeln!(stderr);
        return Err(Failure::Cancelled);
    }
    Ok(answer.trim().to_owned())
}

/// Asks a question at the terminal and reads the answer. An empty answer selects the default; without a default the question is
/// repeated.
pub(crate) fn line(question: &str, default: Option<&str>) -> Result<String, Failure> {
    let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
    loop {
        let answer = ask(&format!("{question}{shown}: "))?;
        match default {
            _ if !answer.is_empty() => return Ok(answer),
            Some(default) => return Ok(default.to_owned()),
            None => {}
        }
    }
}

/// Asks a person to choose one of several. The first is the default.
pub(crate) fn choice<T: Copy>(question: &str, options: &[(&str, T)]) -> Result<T, Failure> {
    output::note("");
    output::note(question);
    for (number, (option, _)) in options.iter().enumerate() {
        output::note(&format!("  {}. {option}", number + 1));
    }
    loop {
        let answer = line("Choose", Some("1"))?;
        let chosen = answer.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
        if let Some((_, chosen)) = chosen {
            return Ok(*chosen);
        }
        output::note(&format!("enter a number from 1 to {}", options.len()));
    }
}

/// The longest secret that is read: tokens have some hundred characters.
const LONGEST: u64 = 64 * 1024;

/// Reads the text of a file (`-` is standard input) as it is, without a mark of the encoding and without the last line end: a password, the
/// value of a header, or a template.
pub(crate) fn text(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let shown = if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() };
    let read = if file == Path::new("-") {
        std::io::stdin().take(LONGEST).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
    };
    read.map_err(Failure::io(format!("cannot read {shown}")))?;
    let text = file_text::utf8(std::mem::take(&mut *bytes), &shown)?;
    let line = text.trim_start_matches('\u{feff}');
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Failure::Usage { message: format!("{shown} is empty"), hint: "nothing was stored".to_owned() });
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// Reads a secret: from the `file` that `flag` names (`-` is standard input), or from a hidden prompt. White space around it is dropped; a token
/// that was copied with `Bearer` before it is accepted.
pub(crate) fn secret(what: &str, flag: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let mut raw = Zeroizing::new(String::new());
    let mut bytes = Zeroizing::new(Vec::new());
    match file {
        Some(path) if path == Path::new("-") => {
            std::io::stdin()
                .take(LONGEST)
                .read_to_end(&mut bytes)
                .map_err(Failure::io("cannot read standard input"))?;
            raw = file_text::utf8(std::mem::take(&mut *bytes), "standard input")?;
        }
        Some(path) => {
            let shown = format!("cannot read {}", path.display());
            let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
            match read {
                Err(error) if error.kind() == ErrorKind::NotFound && crate::may_be_secret(&path.to_string_lossy()) => {
                    return Err(Failure::Usage {
                        message: format!("{flag} does not name a file; it may be the {what} itself"),
                        hint: format!(
                            "a {what} is never an argument: write it to a file for you alone, or give {flag} -"
                        ),
                    });
                }
                read => read.map_err(Failure::io(shown))?,
            };
            raw = file_text::utf8(std::mem::take(&mut *bytes), &path.display().to_string())?;
        }
        None if std::io::stdin().is_terminal() => {
            match hidden::line(&format!("{} (not shown): ", visible(what))) {
                Ok(typed) => raw = typed,
                // Ctrl-D: nothing was entered.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(Failure::io("cannot read from the terminal")(error)),
            }
        }
        None => {
            return Err(Failure::Usage {
                message: format!("there is no terminal to ask for the {what}"),
                hint: format!("give it in a file: {flag} FILE, or on standard input: {flag} -"),
            });
        }
    }
    // Some editors put a mark of the encoding before everything.
    let trimmed = raw.trim_start_matches('\u{feff}').trim();
    let trimmed = trimmed.strip_prefix("Bearer ").unwrap_or(trimmed).trim_start();
    if trimmed.is_empty() {
        return Err(Failure::Usage {
            message: format!("the {what} is empty"),
            hint: "copy it again; nothing was stored".to_owned(),
        });
    }
    if let Some(odd) = OddLetter::find(trimmed) {
        let message = if odd.is_white_space() {
            format!("the {what} contains white space: {odd}")
        } else {
            format!("the {what} contains an invalid character: {odd}")
        };
        return Err(Failure::Usage { message, hint: "copy all of it and nothing else; nothing was stored".to_owned() });
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}
