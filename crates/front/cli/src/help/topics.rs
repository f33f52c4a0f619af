//! Help that all commands share: options, variables, exit codes, files.

use clap::Command;

/// The variables that Lanyard reads.
pub(crate) const ENVIRONMENT: [(&str, &str); 17] = [
    ("LANYARD_HOME", "the home, if --home is omitted [default: ~/.local/share/lanyard]"),
    ("LANYARD_CREDENTIAL", "the credential, if a command names none"),
    ("LANYARD_WEBEX_URL", "the API address of the Webex that a new app or credential belongs to"),
    ("LANYARD_KEY_SOURCE", "a new home's key: keyring, file, passphrase, command or key-file"),
    ("LANYARD_KEY_FILE", "a file with the home's key, such as a container's secret"),
    ("LANYARD_PASSPHRASE_FILE", "a file with the passphrase of the home's key"),
    ("LANYARD_NEW_PASSPHRASE_FILE", "a file with the passphrase that will replace it"),
    ("LANYARD_STORE", "the PostgreSQL database that holds the store, instead of the one in lanyard.toml"),
    ("LANYARD_STORE_PASSWORD_FILE", "a file with the password for that database"),
    ("LANYARD_UPGRADE_STORE", "1 upgrades that database's schema; stop its brokers first"),
    ("LANYARD_LOG", "what is logged on stderr, such as debug or lanyard_broker=debug"),
    ("NO_COLOR", "any value switches colours off"),
    ("CLICOLOR_FORCE", "1 switches colours on, even on a pipe"),
    ("BROWSER", "the browser that lanyard login opens"),
    ("HTTPS_PROXY, NO_PROXY", "the proxy for calls to Webex, and the hosts to reach without it"),
    ("XDG_DATA_HOME", "where homes are kept, instead of ~/.local/share"),
    ("WEBEX_ACCESS_TOKEN", "set by lanyard exec for the program; with --proxy also WEBEX_BASE_URL"),
];

/// The exit codes.
pub(crate) const EXIT_CODES: [(&str, &str); 10] = [
    ("0", "done"),
    ("1", "failed"),
    ("2", "the command line or the settings are invalid"),
    ("3", "no such name"),
    ("4", "a person must act: sign in, authorise, grant"),
    ("5", "Webex is unreachable or limits the calls"),
    ("6", "the store or its key is at fault"),
    ("125", "lanyard exec: Lanyard failed; otherwise the exit code is the program's"),
    ("126", "lanyard exec: the program cannot be run"),
    ("127", "lanyard exec: the program does not exist"),
];

/// The files of a home.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("~/.local/share/lanyard", "the home, unless --home or LANYARD_HOME names another"),
    ("lanyard.db", "in the home: the database; every secret in it is sealed"),
    ("home.key", "in the home: the key that opens them, unless it is kept elsewhere"),
    ("lanyard.toml", "in the home: settings"),
];

/// A page for each topic, as `lanyard help TOPIC` prints it.
pub(super) fn all(command: &Command) -> Vec<Command> {
    let options = command.get_arguments().filter(|argument| argument.is_global_set()).cloned();
    vec![
        Command::new("options")
            .about("Options of every command")
            .args(options.map(|option| option.global(false)))
            .disable_help_flag(true)
            .hide(true)
            .help_template("{all-args}"),
        page("environment", "Environment variables", &ENVIRONMENT),
        page("exit-codes", "Exit codes", &EXIT_CODES),
    ]
}

fn page(name: &'static str, title: &str, rows: &[(&str, &str)]) -> Command {
    let width = rows.iter().map(|(word, _)| word.len()).max().unwrap_or_default();
    let heading = super::HEADING;
    let lines = rows.iter().map(|(word, meaning)| format!("  {word:width$}  {meaning}"));
    let text = [format!("{heading}{title}:{heading:#}")].into_iter().chain(lines).collect::<Vec<_>>().join("\n");
    Command::new(name).hide(true).disable_help_flag(true).about(title.to_owned()).help_template(text)
}
