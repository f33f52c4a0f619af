//! Tips for a command line that is nearly right.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The words of other tools, each with Lanyard's own.
const MEANT: [(&str, &str); 22] = [
    ("logout", "clear"),
    ("remove", "clear"),
    ("rm", "clear"),
    ("delete", "clear"),
    ("revoke", "clear"),
    ("ls", "list"),
    ("lst", "list"),
    ("status", "list"),
    ("tokn", "token"),
    ("get", "token"),
    ("whoami", "test"),
    ("check", "test"),
    ("auth", "login"),
    ("signin", "login"),
    ("renew", "refresh"),
    ("rotate", "refresh"),
    ("run", "exec"),
    ("env", "exec"),
    ("log", "audit"),
    ("broker", "serve"),
    ("version", "--version"),
    ("apps", "app"),
];

/// Kinds of credentials that are added without an app.
const NEED_NO_APP: [&str; 3] = ["bot", "personal", "guest"];

/// Gives an error a better tip. `command` is the subcommand that was recognised, `words` the whole command line.
pub(crate) fn amend(mut error: clap::Error, command: Option<&str>, words: &[String]) -> clap::Error {
    match (error.kind(), command) {
        (ErrorKind::InvalidSubcommand, None) => {
            let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
            let meant = MEANT.iter().find(|(theirs, _)| theirs == word).map(|(_, ours)| vec![(*ours).to_owned()]);
            let similar = match error.get(ContextKind::SuggestedSubcommand) {
                // The most similar one comes last.
                Some(ContextValue::Strings(similar)) => Some(similar.iter().rev().cloned().collect()),
                Some(ContextValue::String(similar)) => Some(vec![similar.clone()]),
                _ => None,
            };
            if let Some(tips) = meant.or(similar) {
                error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(tips));
            }
        }
        (ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument, Some("exec")) => {
            let tip = StyledStr::from("put `--` before the program: lanyard exec NAME -- COMMAND");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
        }
        (ErrorKind::UnknownArgument, Some("app")) => {
            let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else { return error };
            if let (true, Some(app)) = (argument.starts_with("--client-secret"), app_to_set(words)) {
                let tip = format!("to replace the client secret: lanyard app secret {app}");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
            }
        }
        (ErrorKind::InvalidValue, Some("app")) => {
            let Some(ContextValue::String(kind)) = error.get(ContextKind::InvalidValue) else { return error };
            if NEED_NO_APP.contains(&kind.as_str()) {
                let tip = format!("a {kind} needs no app: lanyard add {kind} NAME");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
            }
        }
        _ => {}
    }
    error
}

/// The app that `app set` is about; `NAME` if options come first.
fn app_to_set(words: &[String]) -> Option<&str> {
    let at = words.windows(2).position(|pair| pair == ["app", "set"])?;
    Some(words.get(at + 2).map(String::as_str).filter(|name| !name.starts_with('-')).unwrap_or("NAME"))
}
