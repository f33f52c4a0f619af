//! Requests that try to reach, through the proxy, what was not asked for.

/// A request, and how it ends.
#[derive(Clone, Debug)]
pub struct Attack {
    /// The bytes.
    pub request: String,
    /// The refusal that the request gets.
    pub refused: Refusal,
}

/// Whose answer an attack gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Lanyard's problem of this code.
    By(u16, &'static str),
    /// hyper's, before Lanyard sees it: a bare status, or a connection that is closed.
    ByHyper,
}

impl Refusal {
    /// Whether this reply is that: its status, and the code of Lanyard's problem. `None` where the connection was closed without one.
    pub fn is(self, seen: Option<(u16, Option<&str>)>) -> bool {
        match self {
            Self::By(status, code) => seen == Some((status, Some(code))),
            Self::ByHyper => matches!(seen, None | Some((400, None))),
        }
    }
}

/// All of them, against the credential `me`. They name the proxy as `host`, and try to reach `elsewhere` (`HOST:PORT`).
pub fn attacks(host: &str, elsewhere: &str, authorization: Option<&str>) -> Vec<Attack> {
    let authorization = authorization.map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
    let line = |(method, target, refused)| {
        (format!("{method} {target} HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n"), refused)
    };
    let requests = REQUESTS.map(|(text, refused)| (text.to_owned(), refused));
    let all = TARGETS.map(line).into_iter().chain(requests);
    all.map(|(text, refused)| {
        let text = text.replace("HOST", host).replace("ELSEWHERE", elsewhere);
        Attack { request: text.replacen("\r\n\r\n", &format!("\r\n{authorization}\r\n"), 1), refused }
    })
    .collect()
}

const PATH: Refusal = Refusal::By(400, "bad-path");
const HEAD: Refusal = Refusal::By(400, "bad-request");
const METHOD: Refusal = Refusal::By(405, "method-not-allowed");

/// The request lines.
const TARGETS: [(&str, &str, Refusal); 32] = [
    ("GET", "/webex/me/v1/../identity/x", PATH),
    ("GET", "/webex/me/v1/people/..", PATH),
    ("GET", "/webex/me/v1/./people/me", PATH),
    ("GET", "/webex/me/../acme/v1/people/me", PATH),
    ("GET", "/webex/me/v1/%2e%2e/identity/x", PATH),
    ("GET", "/webex/me/v1/%2E./identity/x", PATH),
    ("GET", "/webex/me/v1/..;/identity/x", PATH),
    ("GET", "/webex/me/v1/..%3b/identity/x", PATH),
    ("GET", "/webex/me/v1/%252e%252e/identity/x", PATH),
    ("GET", "/webex/me/v1/people%2Fme", PATH),
    ("GET", "/webex/me/v1%2fpeople/me", PATH),
    ("GET", "/webex/me/v1/people%5Cme", PATH),
    ("GET", "/webex/me/v1/people\\me", PATH),
    ("GET", "/webex/me\\v1/people/me", PATH),
    ("GET", "/webex/me//v1/people/me", PATH),
    ("GET", "/webex/me/v1//people/me", PATH),
    ("GET", "/webex/me/v1/people//", PATH),
    ("GET", "/webex/me/v1/people/%00", PATH),
    ("GET", "/webex/me/v1/people/%0d%0aHost:%20evil", PATH),
    ("GET", "/webex/me/v1/people/%ff", PATH),
    ("GET", "/webex/me/v1/people/%zz", PATH),
    ("GET", "/webex/me/v1/people/%", PATH),
    ("GET", "/webex/me/v1", PATH),
    ("GET", "/webex/me/idb/oauth2/v1/revoke", PATH),
    ("GET", "/webex/me/_sim/record", PATH),
    ("GET", "/webex/me/@evil.example/v1/people", PATH),
    ("GET", "http://ELSEWHERE/webex/me/v1/people/me", HEAD),
    ("GET", "https://ELSEWHERE/v1/people/me", HEAD),
    ("CONNECT", "ELSEWHERE", METHOD),
    ("TRACE", "/webex/me/v1/people/me", METHOD),
    ("GET", "ELSEWHERE/v1/people/me", Refusal::ByHyper),
    ("GET", "/webex/me/v1/people me", Refusal::ByHyper),
];

/// Whole requests.
const REQUESTS: [(&str, Refusal); 10] = [
    ("GET /webex/me/v1/people/me HTTP/1.1\r\nhost: HOST\r\nhost: ELSEWHERE\r\nconnection: close\r\n\r\n", HEAD),
    (
        "GET /webex/me/v1/people/me HTTP/1.1\r\nhost: HOST\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
        HEAD,
    ),
    (
        "GET /webex/me/v1/people/me HTTP/1.1\r\nhost: HOST\r\nconnection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\n\r\n",
        HEAD,
    ),
    (
        "POST /webex/me/v1/rooms HTTP/1.1\r\nhost: HOST\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
        Refusal::ByHyper,
    ),
    ("POST /webex/me/v1/rooms HTTP/1.1\r\nhost: HOST\r\ncontent-length: +4\r\n\r\nabcd", Refusal::ByHyper),
    (
        "POST /webex/me/v1/rooms HTTP/1.1\r\nhost: HOST\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        Refusal::ByHyper,
    ),
    ("POST /webex/me/v1/rooms HTTP/1.0\r\nhost: HOST\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", Refusal::ByHyper),
    ("GET /webex/me/v1/people/me HTTP/1.1\r\nhost : HOST\r\n\r\n", Refusal::ByHyper),
    ("GET /webex/me/v1/people/me HTTP/1.1\r\nhost: HOST\r\n folded: b\r\n\r\n", Refusal::ByHyper),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal::ByHyper),
];
