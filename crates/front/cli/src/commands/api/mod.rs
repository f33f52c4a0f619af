//! `lanyard api`: any call of Webex, in the manner of `gh api`.

mod field;
mod page;

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lanyard_broker::{ApiPath, ApiReply, CallApi, Target};
use lanyard_credential::CredentialName;
use lanyard_protocol::{ErrorBody, Method};
use lanyard_secret::SecretBytes;

use self::field::Fields;
use self::page::Pages;
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::{self, Failure};
use crate::output::{self, foreign};

#[derive(Debug, Args)]
pub(crate) struct Api {
    // Not a comment of its own: the brackets would be links there.
    #[arg(
        required = true,
        num_args = 1..=3,
        value_name = "[NAME] [METHOD] PATH",
        help = "[NAME] [METHOD] PATH: the credential where there are several; a method, else GET, and POST where fields or a \
                body are given without --paginate or --lines; a path such as people/me, never an address"
    )]
    call: Vec<String>,
    #[arg(
        short = 'f',
        long = "raw-field",
        value_name = "KEY=VALUE",
        help = "A text field, KEY=VALUE: in the query of a GET, else in the JSON body; KEY[SUB]= and KEY[]= nest"
    )]
    raw_fields: Vec<String>,
    /// The same for numbers, true, false and null; @FILE is the content of a file, @- standard input
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
    /// The same, one item a line
    #[arg(long)]
    lines: bool,
    /// Print the status line and the headers first
    #[arg(short, long, conflicts_with_all = ["paginate", "lines"])]
    include: bool,
}

/// The longest body that is read from a file.
const LONGEST_INPUT: u64 = 64 * 1024 * 1024;

impl Api {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let words = Words::read(&self.call)?;
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
        caller.name = Some(context::credential(&caller.broker, words.name).await?);
        let first = caller.call(Target::Path(words.path, query)).await?;
        if paged && first.status.is_success() {
            return Pages::new(self.lines, common.json).print(&caller, first).await;
        }
        // How the call ended counts, whether or not somebody reads its answer to the end.
        match self.print(&first) {
            Err(Failure::Unread) => {}
            printed => printed?,
        }
        Ok(finish(&first, named, common.json))
    }

    fn body(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(path) = &self.input else { return Ok(None) };
        read_input(path).map(Some)
    }

    fn print(&self, reply: &ApiReply) -> Result<(), Failure> {
        if self.include {
            output::line(&format!("HTTP {}", reply.status))?;
            for (name, value) in &reply.headers {
                foreign::header(name.as_str(), value.as_bytes())?;
            }
            output::line("")?;
        }
        foreign::body(reply.body.expose_secret())
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

/// What is called again and again, page by page.
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
        Ok(self.broker.call(call).await?)
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

/// 4 where a person must act, 3 for what is not there, 5 where Webex is at fault or limits the calls.
fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => exit::code_of(lanyard_broker::Class::PersonMustAct),
        StatusCode::NOT_FOUND | StatusCode::GONE => exit::code_of(lanyard_broker::Class::NoSuchName),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => exit::code_of(lanyard_broker::Class::Unreachable),
        status if status.is_server_error() => exit::code_of(lanyard_broker::Class::Unreachable),
        _ => exit::code_of(lanyard_broker::Class::Failed),
    }
}

/// What to do about it; `named` is whether somebody wrote the method.
fn hint(reply: &ApiReply, named: bool) -> Option<String> {
    let name = &reply.credential.name;
    Some(match reply.status {
        StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED if !named && reply.method == Method::POST => {
            format!("fields make it a POST; for a query say so: lanyard api {name} GET PATH -f …")
        }
        StatusCode::UNAUTHORIZED => format!("see what is wrong: lanyard test {name}"),
        StatusCode::FORBIDDEN => {
            format!("a scope, a role or a licence is missing; see what there is: lanyard test {name} --for …")
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

/// The words before the flags.
#[derive(Debug)]
struct Words {
    name: Option<CredentialName>,
    method: Option<Method>,
    path: ApiPath,
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

impl Words {
    /// The last is the path. Names are in lower case and methods in upper case, so that the others are told apart.
    fn read(words: &[String]) -> Result<Self, Failure> {
        let usage = |message: String| Failure::Usage { message, hint: "lanyard api [NAME] [METHOD] PATH".to_owned() };
        let Some((path, before)) = words.split_last() else { return Err(usage("no path is given".to_owned())) };
        let path = ApiPath::parse(path).map_err(|error| usage(format!("{path:?}: {error}")))?;
        let is_method = |word: &String| METHODS.contains(&word.as_str());
        let (name, method) = match before {
            [] => (None, None),
            [word] if is_method(word) => (None, Some(word)),
            [word] => (Some(word), None),
            [name, word] if is_method(word) => (Some(name), Some(word)),
            [_, word, ..] => {
                return Err(usage(format!("unknown method {word:?}; use {}", METHODS.join(", "))));
            }
        };
        Ok(Self {
            name: name
                .map(|name| name.parse())
                .transpose()
                .map_err(|error: lanyard_credential::NameError| usage(error.to_string()))?,
            method: method.and_then(|word| Method::from_bytes(word.as_bytes()).ok()),
            path,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<(Option<String>, Option<String>, String), Failure> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        Words::read(&words).map(|words| {
            (
                words.name.map(|name| name.to_string()),
                words.method.map(|method| method.to_string()),
                words.path.as_str().to_owned(),
            )
        })
    }

    #[test]
    fn words_are_told_apart() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(words(&["people/me"]).expect("a path"), (None, None, "people/me".to_owned()));
        assert_eq!(words(&["acme", "people/me"]).expect("a path"), (some("acme"), None, "people/me".to_owned()));
        assert_eq!(words(&["DELETE", "rooms/x"]).expect("a path"), (None, some("DELETE"), "rooms/x".to_owned()));
        assert_eq!(
            words(&["acme", "POST", "rooms"]).expect("a path"),
            (some("acme"), some("POST"), "rooms".to_owned())
        );
        assert!(words(&["acme", "post", "rooms"]).is_err());
        assert!(words(&["ACME", "rooms"]).is_err());
        assert!(words(&["https://evil.example/"]).is_err());
    }

    #[test]
    fn a_status_has_its_exit_code() {
        for (status, expected) in [
            (401, 4),
            (403, 4),
            (404, 3),
            (410, 3),
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
