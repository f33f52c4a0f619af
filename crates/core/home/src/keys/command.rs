//! A key that a command of the operator's prints: from a KMS, a hardware token, a secret store.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lanyard_time::{Sleep as _, SystemSleep};
use lanyard_vault::{KeyLine, LONGEST_KEY_TEXT};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use zeroize::Zeroizing;

/// How long the command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How much of what it says beside is looked at, in bytes.
const LONGEST_SAYING: usize = 4096;

/// Why a command brought no key.
#[derive(Debug, Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("the key command {program} does not start: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It took too long and was ended.
    #[error("the key command {0} did not end within {limit} s", limit = LIMIT.as_secs())]
    TooLong(String),
    /// It failed.
    #[error("the key command {program} failed ({status})")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The last line that it said beside, for the hint.
        said: String,
    },
    /// The command's output is not a key.
    #[error("what the key command {0} printed is no key")]
    NoKey(String),
}

impl CommandError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Start { .. } => {
                "see key_command in lanyard.toml: a list of the program and its arguments, without a shell".to_owned()
            }
            Self::TooLong(_) => "run it by hand and see what it waits for; it has no terminal here".to_owned(),
            Self::Failed { said, .. } if said.is_empty() => "run it by hand; it said nothing".to_owned(),
            Self::Failed { said, .. } => format!("it said: {said}"),
            Self::NoKey(_) => "it must print lines as lanyard key generate makes them, and nothing else".to_owned(),
        }
    }
}

/// Runs the command and reads the keys that it prints.
pub(super) async fn keys(command: &[String]) -> Result<Vec<KeyLine>, CommandError> {
    let (program, arguments) = command.split_first().ok_or_else(|| CommandError::NoKey(String::new()))?;
    let program = program.clone();
    let mut starting = Command::new(&program);
    starting.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LANYARD_")) {
        starting.env_remove(name);
    }
    let start = |source| CommandError::Start { program: program.clone(), source };
    let mut child = starting.spawn().map_err(start)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (printed, said) = tokio::join!(up_to(LONGEST_KEY_TEXT, stdout), up_to(LONGEST_SAYING, stderr));
        (printed, said, child.wait().await)
    };
    let (printed, said, status) = tokio::select! {
        ended = ended => ended,
        () = SystemSleep.sleep(LIMIT) => return Err(CommandError::TooLong(program)),
    };
    let status = status.map_err(start)?;
    if !status.success() {
        return Err(CommandError::Failed { program, status, said: last_line(&said) });
    }
    KeyLine::parse_all(&printed).map_err(|_| CommandError::NoKey(program))
}

/// Reads all, and keeps one byte more than `limit`: a command whose output nobody reads does not end.
async fn up_to(limit: usize, stream: Option<impl AsyncRead + Unpin>) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(limit + 1));
    let mut buffer = Zeroizing::new([0; 1024]);
    let Some(mut stream) = stream else { return kept };
    while let Ok(read @ 1..) = stream.read(buffer.as_mut_slice()).await {
        let room = (limit + 1).saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
    }
    kept
}

/// The last line with anything in it, without what a terminal would obey.
fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;
    use lanyard_vault::HomeKey;

    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn every_line_that_is_printed_is_a_key() {
        let entropy = SeededEntropy::new(1);
        let [a, b] = [1, 2].map(|_| HomeKey::generate(&entropy));
        let text = [&a, &b].map(|key| KeyLine::Open(key.clone()).to_text().trim().to_owned()).join("\\n");
        let read = keys(&shell(&format!("echo about to print >&2; printf '{text}\\n'"))).await.unwrap();
        assert_eq!(read.iter().map(KeyLine::id).collect::<Vec<_>>(), [a.id(), b.id()]);
    }

    #[tokio::test]
    async fn what_a_command_says_beside_is_shown_in_the_hint_alone() {
        let error = keys(&shell("echo first >&2; printf 'no\\033[31m ticket\\n\\n' >&2; exit 3")).await.unwrap_err();
        assert_eq!(error.hint(), "it said: no[31m ticket");
        assert!(error.to_string().ends_with("failed (exit status: 3)"), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_key_is_not_repeated() {
        let error = keys(&shell("echo canary; yes canary | head -c 1000000")).await.unwrap_err();
        assert!(matches!(error, CommandError::NoKey(_)));
        assert!(!format!("{error} {error:?} {}", error.hint()).contains("canary"));
        assert!(matches!(keys(&shell("true")).await, Err(CommandError::NoKey(_))));
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_is_named() {
        let error = keys(&["/no/such/program".to_owned()]).await.unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
