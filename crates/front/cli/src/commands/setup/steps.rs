//! The commands that set up a credential.

use lanyard_credential::Kind;
use lanyard_protocol::Environment;

use super::questions::Answers;
use crate::output::pasted::quoted;

/// One command.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The steps to take at Webex before it.
    pub(super) notes: Vec<String>,
    /// Its words, without the program's.
    pub(super) words: Vec<String>,
    /// Whether setup continues if it fails.
    pub(super) may_fail: bool,
    /// The command that undoes it.
    pub(super) undo: Option<Vec<String>>,
}

/// All commands, and those to try next.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    pub(super) steps: Vec<Step>,
    pub(super) next: [String; 3],
}

impl Step {
    pub(super) fn new(words: Vec<String>) -> Self {
        Self { notes: Vec::new(), words, may_fail: false, undo: None }
    }

    fn of(words: &[&str]) -> Self {
        Self::new(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Returns the command as a person types it.
    pub(super) fn shown(&self) -> String {
        let words = self.words.iter().map(|word| quoted(word));
        std::iter::once("lanyard".into()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Steps {
    /// Returns the commands for some answers.
    pub(super) fn new(answers: &Answers, environment: &Environment) -> Self {
        let (name, pages) = (answers.name.as_str(), environment.pages());
        let issuer = format!("{name}-issuer");
        let mut steps = match answers.kind {
            Kind::Integration => {
                let mut login = vec!["login", name, "--app", name];
                login.extend(answers.how);
                vec![add_app(answers, name, "integration"), Step::of(&login)]
            }
            Kind::Personal => {
                let note = format!("Open {}, sign in, and copy your access token.", pages.personal_token);
                vec![Step { notes: vec![note], ..Step::of(&["add", "personal", name]) }]
            }
            Kind::Bot => {
                let note = format!("Open {}, choose Create a bot, and copy its access token.", pages.apps);
                vec![Step { notes: vec![note], ..Step::of(&["add", "bot", name]) }]
            }
            Kind::ServiceApp => service_app(answers, name, &pages),
            Kind::WorkspaceIntegration => {
                let note =
                    "Upload the manifest that `lanyard devices manifest` prints in Control Hub, and activate it.";
                let add = ["add", "workspace-integration", name, "--client-id", "ID", "--activation-file", "FILE"];
                vec![Step { notes: vec![note.to_owned()], ..Step::of(&add) }]
            }
            Kind::Guest => {
                let guest =
                    ["add", "guest", name, "--via", &issuer, "--subject", "guest-1", "--display-name", "A guest"];
                let mut steps = service_app(answers, &issuer, &pages);
                steps.push(Step::of(&guest));
                steps
            }
        };
        let mut test = vec!["test", if answers.kind == Kind::Guest { &issuer } else { name }];
        test.extend(answers.job.iter().flat_map(|job| ["--for", job.as_str()]));
        steps.push(Step { may_fail: true, ..Step::of(&test) });
        let next = [
            format!("lanyard api {name} people/me --jq .displayName"),
            format!("lanyard exec {name} -- python script.py"),
            "lanyard list".to_owned(),
        ];
        Self { steps, next }
    }

    /// Returns all commands as one line to paste.
    pub(super) fn in_one_line(&self) -> String {
        let shown = self.steps.iter().map(|step| {
            let asks = step.words.starts_with(&["app".to_owned(), "add".to_owned()]);
            format!("{}{}", step.shown(), if asks { " --client-id ID --client-secret-file FILE" } else { "" })
        });
        shown.collect::<Vec<_>>().join(" && ")
    }
}

/// Adds an app; `app add` prints what to register, and prompts for the rest.
fn add_app(answers: &Answers, name: &str, kind: &str) -> Step {
    let mut words = vec!["app", "add", name, "--kind", kind];
    words.extend(answers.job.iter().flat_map(|job| ["--for", job.as_str()]));
    if kind == "integration" {
        match answers.how {
            Some("--device") => words.push("--device"),
            _ => words.extend(["--redirect-uri", answers.redirect_uri.as_str()]),
        }
        if answers.job.is_none() {
            words.extend(["--scope", &answers.scopes]);
        }
    }
    let undo = ["app", "remove", name, "--yes"].map(str::to_owned).to_vec();
    Step { undo: Some(undo), ..Step::of(&words) }
}

fn service_app(answers: &Answers, name: &str, pages: &lanyard_protocol::Pages) -> Vec<Step> {
    let notes = vec![
        format!(
            "Choose Request admin authorization on the app's page. An administrator authorises it: {}.",
            pages.service_apps
        ),
        "Then enter the client secret on the app's page, choose Generate tokens, and copy the refresh token."
            .to_owned(),
    ];
    let add = Step { notes, ..Step::of(&["add", "service-app", name, "--app", name]) };
    vec![add_app(answers, name, "service-app"), add]
}
