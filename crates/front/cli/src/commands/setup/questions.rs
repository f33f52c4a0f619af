//! The questions of `lanyard setup`, each with a default.

use lanyard_credential::{CredentialName, Job, Kind};
use lanyard_protocol::oauth::RedirectUri;

use crate::exit::Failure;
use crate::{output, prompt};

/// Whose identity Lanyard acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    You,
    Bot,
    Organisation,
    Guests,
}

/// The answers of a person.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// The kind of the credential. For guests, setup first adds a service app.
    pub(super) kind: Kind,
    /// The job; none for any program.
    pub(super) job: Option<Job>,
    /// The name of the credential, and of its app.
    pub(super) name: String,
    /// The scopes of an integration that is for any program.
    pub(super) scopes: String,
    /// How a person signs in, if not in a browser on this machine.
    pub(super) how: Option<&'static str>,
    pub(super) redirect_uri: RedirectUri,
}

const IDENTITIES: [(&str, Identity); 4] = [
    ("yours: it may do what you may do at Webex", Identity::You),
    ("a bot: a separate account, name@webex.bot", Identity::Bot),
    (
        "a service of the organisation: an administrator authorises it, and it depends on no person",
        Identity::Organisation,
    ),
    ("guests: people without an account", Identity::Guests),
];

const JOBS: [(&str, Option<Job>); 5] = [
    ("any program", None),
    ("devices: watch and control meeting-room devices", Some(Job::Devices)),
    ("calling: set up Webex Calling users", Some(Job::Calling)),
    ("phones: control phones and calls", Some(Job::Phones)),
    ("meetings: read meetings, recordings and transcripts", Some(Job::Meetings)),
];

const TIMES: [(&str, bool); 2] = [("until further notice", true), ("today: twelve hours at most", false)];

/// A scope with which a program can find out who it acts as.
const LEAST: &str = "spark:people_read";

impl Answers {
    /// Returns the default answers.
    pub(super) fn usual(how: Option<&'static str>, redirect_uri: RedirectUri) -> Self {
        Self { kind: Kind::Integration, job: None, name: "me".to_owned(), scopes: LEAST.to_owned(), how, redirect_uri }
    }

    /// Asks the questions.
    pub(super) fn ask(how: Option<&'static str>, redirect_uri: RedirectUri, taken: &[String]) -> Result<Self, Failure> {
        let (kind, job) = loop {
            let identity = prompt::choice("Whose identity should Lanyard use?", &IDENTITIES)?;
            let job = match identity {
                Identity::Guests => Some(Job::Guests),
                _ => prompt::choice("What is it for?", &JOBS)?,
            };
            let lasts = identity != Identity::You || prompt::choice("For how long?", &TIMES)?;
            let kind = kind_for(identity, lasts);
            let holds = if kind == Kind::Guest { Kind::ServiceApp } else { kind };
            let Some(why) = job.and_then(|job| job.impossible_for(holds)) else { break (kind, job) };
            output::note(&format!("that is not possible: {why}"));
        };
        output::note("");
        output::note(reason(kind));
        let scopes = match (kind, job) {
            (Kind::Integration, None) => {
                prompt::line("Which scopes does the program need, separated by spaces?", Some(LEAST))?
            }
            _ => String::new(),
        };
        let name = name(kind, taken)?;
        Ok(Self { kind, job, name, scopes, how, redirect_uri })
    }
}

/// Returns the kind for the answers, as the table in the guide shows it.
fn kind_for(identity: Identity, lasts: bool) -> Kind {
    match (identity, lasts) {
        (Identity::You, true) => Kind::Integration,
        (Identity::You, false) => Kind::Personal,
        (Identity::Bot, _) => Kind::Bot,
        (Identity::Organisation, _) => Kind::ServiceApp,
        (Identity::Guests, _) => Kind::Guest,
    }
}

/// Explains why the answers lead to this kind.
fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::Integration => {
            "That is an integration: you sign in once, it acts for you with the scopes that you allow, and Lanyard renews it automatically."
        }
        Kind::Personal => {
            "That is your personal token: it acts as you with all your permissions, and expires within twelve hours. It cannot be renewed."
        }
        Kind::Bot => {
            "That is a bot: its token is valid until you regenerate it. A bot sees only the devices and spaces that it is given."
        }
        Kind::WorkspaceIntegration => {
            "That is a workspace integration: an administrator activates it, and Webex pushes what changes in the rooms."
        }
        Kind::ServiceApp => {
            "That is a service app: an administrator authorises it once for the whole organisation, and Lanyard renews it automatically."
        }
        Kind::Guest => {
            "Guests need a service app, which issues their tokens, so that comes first. A guest's token is valid for about 18 hours, and a new one is issued when a program requests it."
        }
    }
}

/// Asks for a name that is not taken.
fn name(kind: Kind, taken: &[String]) -> Result<String, Failure> {
    let usual = match kind {
        Kind::Integration | Kind::Personal => "me",
        Kind::Bot => "bot",
        Kind::ServiceApp => "service",
        Kind::Guest => "guest",
        Kind::WorkspaceIntegration => "rooms",
    };
    let is_free = |name: &str| !taken.iter().any(|taken| taken == name);
    let numbered = (2..).map(|number| format!("{usual}-{number}"));
    let default = std::iter::once(usual.to_owned()).chain(numbered).find(|name| is_free(name)).unwrap_or_default();
    loop {
        let name = prompt::line("What should Lanyard call it?", Some(&default))?;
        match name.parse::<CredentialName>() {
            Ok(_) if is_free(&name) => return Ok(name),
            Ok(_) => output::note(&format!("the name {name} is taken")),
            Err(error) => output::note(&error.to_string()),
        }
    }
}
