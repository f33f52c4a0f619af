//! `lanyard api`: any call of Webex, in the manner of `gh api`.

mod field;
mod filter;
mod page;
mod words;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lanyard_broker::{ApiReply, CallApi, Target};
use lanyard_credential::CredentialName;
use lanyard_protocol::{ErrorBody, Method};
use lanyard_secret::SecretBytes;

use self::field::Fields;
use self::filter::Expression;
use self::page::{Form, Pages};
use self::words::{Words, method};
use super::Examples;
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::{self, Failure};
use crate::output::{self, foreign};

/// Make any Webex API call with a credential
#[derive(Debug, Args)]
pub(crate) struct Api {
    // Not a comment of its own: the brackets would be links there.
    #[arg(
        required = true,
        num_args = 1..=3,
        value_name = "[NAME] [METHOD] PATH",
        help = "[NAME] [METHOD] PATH: the credential if there are several; the method; a path such as people/me, or an \
                address of the credential's own Webex, such as a copied link to the next page"
    )]
    call: Vec<String>,
    /// The method [default: GET, or POST if fields or a body are given without --paginate or --lines]
    #[arg(short = 'X', long, value_name = "METHOD", value_parser = method)]
    method: Option<Method>,
    #[arg(
        short = 'f',
        long = "raw-field",
        value_name = "KEY=VALUE",
        help = "A text field, KEY=VALUE: in the query of a GET, else in the JSON body; KEY[SUB]= and KEY[]= nest"
    )]
    raw_fields: Vec<String>,
    /// Like -f, but for numbers, true, false, null and the content of files (@FILE, @- for standard input)
    #[arg(short = 'F', long = "field", value_name = "KEY=VALUE")]
    fields: Vec<String>,
    /// The body, from a file, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["raw_fields", "fields"])]
    input: Option<PathBuf>,
    /// A header of your own; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Follow all pages, and print their items as one array
    #[arg(long)]
    paginate: bool,
    /// Follow all pages, and print one item per line
    #[arg(long)]
    lines: bool,
    /// Filter the response, or with --paginate each page, through a jq expression; print one result per line
    #[arg(short = 'q', long = "jq", value_name = "EXPRESSION", conflicts_with = "lines")]
    expression: Option<String>,
    /// Print the status line and the headers first
    #[arg(short, long, conflicts_with_all = ["paginate", "lines"])]
    include: bool,
}

/// The longest body that is read from a file.
const LONGEST_INPUT: u64 = 64 * 1024 * 1024;

impl Api {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let words = Words::read(&self.call, self.method.clone())?;
        let expression = self.expression.as_deref().map(Expression::compile).transpose()?;
        let fields = Fields::read(&self.raw_fields, &self.fields)?;
        let paged = self.paginate || self.lines;
        let body = self.body()?;
        let named = words.method.is_some();
        let method = words
            .method
            .unwrap_or_else(|| if body.is_some() || !fields.is_empty() && !paged { Method::POST } else { Method::GET });
        let in_query = matches!(method, Method::GET | Method::HEAD | Method::DELETE) || body.is_some();
        if paged && method != Method::GET {
            return Err(Failure::Usage {
                message: "only a GET has pages".to_owned(),
                hint: "omit --paginate and --lines, or the method".to_owned(),
            });
        }
        let (query, body) = match (in_query, body) {
            (true, body) => (fields.query()?, body.unwrap_or_default()),
            (false, _) if fields.is_empty() => (Vec::new(), Vec::new()),
            (false, _) => (Vec::new(), fields.json()?.to_string().into_bytes()),
        };
        let mut caller = Caller {
            broker: common.broker().await?,
            name: None,
            method,
            headers: headers(&self.headers, paged)?,
            body,
            expected: common.expected()?,
        };
        words.ambiguous.refuse(&caller.broker).await?;
        caller.name = Some(context::credential(&caller.broker, words.name).await?);
        let path = words.path.within(&caller).await?;
        let first = caller.call(Target::Path(path, query)).await?;
        if paged && first.status.is_success() {
            let form = match (expression, self.lines) {
                (Some(expression), _) => Form::Filtered(expression),
                (None, true) => Form::Lines,
                (None, false) => Form::Array,
            };
            return Pages::new(form, common.json).print(&caller, first).await;
        }
        self.print(&first, expression.as_ref())?;
        Ok(finish(&first, named, common.json))
    }

    fn body(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.input else { return Ok(None) };
        read_input(path).map(Some)
    }

    /// Prints a reply. The body of an error is printed unfiltered, because it explains the error.
    fn print(&self, reply: &ApiReply, expression: Option<&Expression>) -> Result<(), Failure> {
        if self.include {
            output::line(&format!("HTTP {}", reply.status))?;
            for (name, value) in &reply.headers {
                foreign::header(name.as_str(), value.as_bytes())?;
            }
            output::line("")?;
        }
        match expression.filter(|_| reply.status.is_success()) {
            Some(expression) => expression.print(reply.body.expose_secret()),
            None => foreign::body(reply.body.expose_secret()),
        }
    }
}

/// Reads a file, or standard input for `-`, up to a bound.
fn read_input(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let read = if path == std::path::Path::new("-") {
        std::io::stdin().take(LONGEST_INPUT + 1).read_to_end(&mut content)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_INPUT + 1).read_to_end(&mut content))
    };
    let length = read.map_err(Failure::io(format!("cannot read {}", path.display())))?;
    if length as u64 > LONGEST_INPUT {
        return Err(Failure::Usage {
            message: format!("{} is longer than {LONGEST_INPUT} bytes", path.display()),
            hint: "send less at once".to_owned(),
        });
    }
    Ok(content)
}

/// A call that is repeated, page by page.
#[derive(Debug)]
struct Caller {
    broker: Access,
    name: Option<CredentialName>,
    method: Method,
    headers: HeaderMap,
    body: Vec<u8>,
    expected: Option<lanyard_protocol::Environment>,
}

impl Caller {
    async fn call(&self, target: Target) -> Result<ApiReply, Failure> {
        let name =
            self.name.clone().ok_or_else(|| Failure::Other { message: "no credential".to_owned(), hint: None })?;
        let call = CallApi {
            name,
            method: self.method.clone(),
            target,
            headers: self.headers.clone(),
            body: SecretBytes::new(self.body.clone()),
            expected: self.expected.clone(),
        };
        let reply = self.broker.perform(call).await?;
        if let Some(why) = &reply.unrecorded {
            output::note(&format!("warning: this call is missing from the audit: {why}"));
        }
        Ok(reply)
    }
}

/// Says on stderr what a refusal means, and gives the exit code of a status.
fn finish(reply: &ApiReply, named: bool, json: bool) -> ExitCode {
    if reply.status.is_success() {
        return ExitCode::SUCCESS;
    }
    let said = ErrorBody::parse(reply.body.expose_secret());
    let tracking = reply.tracking_id.as_deref().or(said.tracking_id.as_deref());
    let tracking = tracking.map(|id| format!(" (tracking id {id})")).unwrap_or_default();
    let (code, hint) = (code(reply.status), hint(reply, named));
    let message = format!("Webex answered {} {} with {}{tracking}", reply.method, reply.path, reply.status);
    exit::tell_said(&message, hint.as_deref(), code, json);
    ExitCode::from(code)
}

/// 4 if a person must act, 5 if Webex fails or limits the calls. A path that does not exist is an ordinary failure: 3 is for names
/// that Lanyard does not have.
fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::code_of(lanyard_operation::Class::PersonMustAct),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => exit::code_of(lanyard_operation::Class::Unreachable),
        status if status.is_server_error() => exit::code_of(lanyard_operation::Class::Unreachable),
        _ => exit::code_of(lanyard_operation::Class::Failed),
    }
}

/// The next step; `named` says whether the method was given.
fn hint(reply: &ApiReply, named: bool) -> Option<String> {
    let name = &reply.name;
    Some(match reply.status {
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED if !named && reply.method == Method::POST => {
            format!("fields make it a POST; for a query, name the method: lanyard api {name} GET PATH -f KEY=VALUE")
        }
        StatusCode::UNAUTHORIZED => format!("see what is wrong: lanyard test {name}"),
        StatusCode::FORBIDDEN => {
            format!("a scope, a role or a licence is missing; see the scopes that it has: lanyard show {name}")
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => {
            let wait = reply.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = wait.map(str::trim).filter(|wait| wait.parse::<u64>().is_ok());
            match (seconds, wait.filter(|wait| wait.ends_with(" GMT"))) {
                (Some(seconds), _) => format!("try again in {seconds} s"),
                (None, Some(date)) => format!("try again after {date}"),
                (None, None) => "try again later".to_owned(),
            }
        }
        StatusCode::GATEWAY_TIMEOUT => "ask for less at once: a smaller max".to_owned(),
        _ => return None,
    })
}

/// `Name: value`, but none that are the credential's or the connection's own.
fn headers(given: &[String], paged: bool) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for line in given {
        let usage = |message: &str| Failure::Usage {
            message: format!("the header {:?} {message}", line.split(':').next().unwrap_or_default()),
            hint: "write it as NAME: VALUE".to_owned(),
        };
        let (name, value) = line.split_once(':').ok_or_else(|| usage("has no colon"))?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| usage("has no such name"))?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| usage("has characters that cannot be sent"))?;
        if !CallApi::may_set(&name) {
            return Err(Failure::Usage {
                message: format!("the header {name} is not yours to set"),
                hint: "Lanyard adds the credential's token".to_owned(),
            });
        }
        headers.append(name, value);
    }
    if paged {
        headers.entry(http::header::ACCEPT_ENCODING).or_insert(lanyard_client::ACCEPTED_CODINGS);
    }
    Ok(headers)
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "api",
    &[
        "lanyard api acme people/me",
        "lanyard api acme GET devices -f connectionStatus=disconnected --paginate",
        "lanyard api acme POST rooms -f title=Standup",
        "lanyard api acme people --paginate --jq '.items[].displayName'",
    ],
)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_exit_code() {
        for (status, expected) in [
            (401, 4),
            (403, 4),
            (404, 1),
            (410, 1),
            (429, 5),
            (423, 5),
            (500, 5),
            (504, 5),
            (400, 1),
            (409, 1),
            (301, 1),
        ] {
            assert_eq!(code(StatusCode::from_u16(status).expect("a status")), expected, "{status}");
        }
    }

    #[test]
    fn the_token_is_not_the_callers_to_set() {
        assert!(headers(&["Authorization: Bearer x".to_owned()], false).is_err());
        assert!(headers(&["host: evil.example".to_owned()], false).is_err());
        assert_eq!(
            headers(&["timezone: Europe/Berlin".to_owned()], false).expect("a header")["timezone"],
            "Europe/Berlin"
        );
    }
}
