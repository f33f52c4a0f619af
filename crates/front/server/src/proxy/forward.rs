//! A call, sent with the credential's token, and its answer, passed on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use lanyard_broker::{Broker, CredentialTokens, Error, Pass};
use lanyard_client::{IssuedToken, Outgoing, TokenSource, Upload};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_protocol::{OrgId, ProxyPath, ProxyPathError};
use lanyard_secret::{SafeUrl, SecretBytes};
use zeroize::Zeroizing;

use super::begun::begun;
use super::org::Pin;
use super::withdrawn::Withdrawn;
use super::{admission, headers, trouble};
use crate::body::{Body, BoxError};
use crate::problem::{Code, Problem};

/// Makes calls of Webex for programs that hold no token.
#[derive(Debug)]
pub struct Proxy {
    broker: Broker,
}

/// A call that could be read; whether it may be made is a policy's question. Its `Debug` shows method and path alone.
pub struct Forward<B> {
    name: CredentialName,
    path: ProxyPath,
    query: Option<String>,
    method: Method,
    headers: HeaderMap,
    body: B,
    base: String,
    org: Option<OrgId>,
    credential: Option<CredentialId>,
    permit: Permit,
}

/// Decides whether the caller may still make its call, after it waited.
pub(crate) type Permit = Arc<dyn Fn() -> Result<(), Problem> + Send + Sync>;

impl<B> fmt::Debug for Forward<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} as {}", self.method, self.path, self.name)
    }
}

/// The longest body that is held, so that it can be sent once more.
const HELD: u64 = 1024 * 1024;
/// How long such a body may take to come.
const COMES_WITHIN: Duration = Duration::from_secs(30);

impl<B> Forward<B> {
    /// Reads a request to the proxy. `below` is its path after `/webex/{name}` as it stands in the request line, and `base` the
    /// address under which the client would find that again, without a slash at its end: `http://127.0.0.1:7417/webex/acme`, or the
    /// path alone. Refused is what two readers could understand differently.
    pub fn read(
        request: Request<B>,
        name: CredentialName,
        below: &str,
        base: impl Into<String>,
    ) -> Result<Self, Problem> {
        Self::of(request, name, ProxyPath::parse(below), base)
    }

    /// Like [`read`](Self::read), with the path as it was read.
    pub(crate) fn of(
        request: Request<B>,
        name: CredentialName,
        path: Result<ProxyPath, ProxyPathError>,
        base: impl Into<String>,
    ) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        admission::admit(&parts)?;
        let path = path.map_err(unreadable)?;
        let Parts { method, uri, headers, .. } = parts;
        let query = uri.query().map(str::to_owned);
        let permit: Permit = Arc::new(|| Ok(()));
        Ok(Self { name, path, query, method, headers, body, base: base.into(), org: None, credential: None, permit })
    }

    /// Holds the caller to one organisation.
    #[must_use]
    pub fn held_to(self, org: Option<OrgId>) -> Self {
        Self { org, ..self }
    }

    /// Binds the call to the credential that its caller was authorised for. If the name leads to another one by the time the body has
    /// come, the call fails as if there were none.
    #[must_use]
    pub fn bound_to(self, credential: Option<CredentialId>) -> Self {
        Self { credential, ..self }
    }

    /// Has the caller checked again right before its call is sent, because its body, or a renewal, may have taken long.
    #[must_use]
    pub(crate) fn permitted_by(self, permit: Permit) -> Self {
        Self { permit, ..self }
    }

    /// The method, for a policy.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where the call goes, for a policy: [`ProxyPath::segments`], and [`yields_credential`](lanyard_protocol::yields_credential).
    pub fn path(&self) -> &ProxyPath {
        &self.path
    }
}

/// A body as it came.
enum Held {
    /// Short, or none.
    Whole(SecretBytes),
    /// Long, or of unknown length.
    Passing(BoxBody<Bytes, BoxError>),
}

impl Proxy {
    /// A proxy over a broker.
    pub fn new(broker: Broker) -> Self {
        Self { broker }
    }

    /// Makes the call, and passes the answer on as it comes. An answer that is Webex's own has no `Lanyard-Error` header; one that
    /// has it is a problem document.
    ///
    /// A 401 is looked into: where Webex really does not accept the token any more and a new one is to be had, the call is repeated
    /// once, if its body is available (none, or one of known length up to 1 MiB). A 429 is passed on, and holds back the next calls of
    /// the same subject to the same API, whoever makes them. A call whose credential is cleared or disabled ends, at whatever stage.
    pub async fn forward<B>(&self, call: Forward<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let shown = tracing::enabled!(tracing::Level::DEBUG).then(|| format!("{call:?}"));
        match Box::pin(self.attempt(call)).await {
            Ok(response) => response,
            Err(problem) => {
                tracing::debug!(call = shown, code = problem.code().as_str(), "not forwarded");
                crate::problem::response(&problem)
            }
        }
    }

    async fn attempt<B>(&self, call: Forward<B>) -> Result<Response<Body>, Problem>
    where
        B: HttpBody<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let Forward { name, path, query, method, headers, body, base, org, credential, permit } = call;
        let pin = org.as_ref().map(Pin);
        let segments = path.segments();
        let named = pin.map(|pin| pin.head(&segments, query.as_deref())).transpose()?;
        let body = self.hold(body).await?;
        let named = match (pin, named, &body) {
            (Some(pin), Some(named), Held::Whole(body)) => {
                Some(pin.body(&method, &segments, &headers, body.expose_secret(), named)?)
            }
            (Some(_), ..) => return Err(too_long_to_read()),
            (None, ..) => None,
        };
        let tokens = self.broker.tokens_of(&name).bound_to(credential);
        let Pass { id, organisation, issued, .. } = tokens.pass().await?;
        permit()?;
        let query = match (pin, &named) {
            (Some(pin), Some(named)) => pin.settle(&method, &segments, query, named, organisation.as_deref())?,
            _ => query,
        };
        let Some(url) = path.url(&issued.environment) else { return Err(no_such_service(&path)) };
        let mut whole = url.into_inner();
        whole.set_query(query.as_deref());
        let url = SafeUrl::new(whole);
        let body = match body {
            Held::Passing(stream) => Upload::Stream(stream),
            Held::Whole(bytes) => Upload::whole(bytes),
        };
        let request = Outgoing { method: method.clone(), url: url.clone(), headers: headers::up(&headers), body };
        let mut withdrawn = Withdrawn::of(self.broker.memory(), id);
        let client = tokens.client_of(Permitted { tokens, permit });
        let sent = async {
            let answered = client.stream_with(issued, request).await.map_err(|error| trouble::problem(&error))?;
            let status = answered.answer.response.status();
            // A token that was renewed during the call is in memory at the next lookup.
            if let Some(memory) = self.broker.memory()
                && (status == StatusCode::UNAUTHORIZED || !memory.holds(name.as_str(), answered.token.generation))
            {
                memory.poke();
            }
            begun(answered, &url).await
        };
        let begun = withdrawn.unless(sent).await?;
        begun.passed_on(&method, &url, &base, withdrawn)
    }

    /// Takes a short body whole, and leaves a long one as it is.
    async fn hold<B>(&self, body: B) -> Result<Held, Problem>
    where
        B: HttpBody<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        let Some(length) = body.size_hint().exact().filter(|length| *length <= HELD) else {
            return Ok(Held::Passing(body.map_err(Into::into).boxed()));
        };
        if length == 0 {
            return Ok(Held::Whole(SecretBytes::new(Vec::new())));
        }
        let patience = self.broker.parts().sleep.sleep(COMES_WITHIN);
        match select(Box::pin(read(body, length)), patience).await {
            Either::Left((read, _)) => read.map(Held::Whole),
            Either::Right(_) => Err(Problem::new(Code::SlowBody, "the request's body did not arrive in time")),
        }
    }
}

/// The tokens of a caller that is checked again before it gets another one.
#[derive(Clone)]
struct Permitted<'a> {
    tokens: CredentialTokens<'a>,
    permit: Permit,
}

/// Why there is no other token.
#[derive(Debug, thiserror::Error)]
enum NotIssued {
    #[error(transparent)]
    Tokens(#[from] Error),
    #[error("the caller may not make this call any more: {0}")]
    Refused(Problem),
}

impl TokenSource for Permitted<'_> {
    type Error = NotIssued;

    async fn issue(&self) -> Result<IssuedToken, NotIssued> {
        let issued = self.tokens.issue().await?;
        (self.permit)().map_err(NotIssued::Refused)?;
        Ok(issued)
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, NotIssued> {
        let replaced = self.tokens.replace(refused).await?;
        (self.permit)().map_err(NotIssued::Refused)?;
        Ok(replaced)
    }
}

/// A body of known length.
async fn read<B: HttpBody<Data = Bytes>>(body: B, length: u64) -> Result<SecretBytes, Problem> {
    // Large enough from the start: no outgrown copy stays in memory.
    let mut held = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default()));
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::new(Code::BadRequest, "the request's body ended early"))?;
        if let Some(data) = frame.data_ref() {
            held.extend_from_slice(data);
        }
    }
    Ok(SecretBytes::new(std::mem::take(&mut *held)))
}

fn unreadable(error: ProxyPathError) -> Problem {
    let hint = match error {
        ProxyPathError::UnknownUpstream | ProxyPathError::Nothing => {
            "ask for /webex/NAME/v1/…, /webex/NAME/identity/…, or /webex/NAME/@analytics/…"
        }
        _ => "write each segment once, without dots, slashes or backslashes inside it",
    };
    Problem::new(Code::BadPath, error.to_string()).hint(hint)
}

fn no_such_service(path: &ProxyPath) -> Problem {
    let name = path.upstream().name();
    Problem::new(Code::NoSuchPath, format!("the credential's Webex has no service {name} that is known"))
}

fn too_long_to_read() -> Problem {
    Problem::new(
        Code::TooLong,
        "this client is limited to one organisation, and a body of more than 1 MiB, or of unknown length, cannot be checked for another",
    )
    .hint("send a Content-Length, and less at once")
}
