//! Failures, as they cross every entry point.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// The class of a failure, for a program that sees only the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
pub enum Class {
    /// The operation failed, for a reason of its own.
    Failed,
    /// The request itself is wrong.
    Usage,
    /// There is nothing of that name.
    NoSuchName,
    /// A person must sign in, authorise or grant something.
    PersonMustAct,
    /// Webex cannot be reached, or limits the calls.
    Unreachable,
    /// The store or its key is at fault.
    Store,
}

/// Declares the codes with their status, class, word and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $class:ident, $word:literal, $title:literal;)+) => {
        /// The kind of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it: the last part of the problem document's `type`, and the value of the header `Lanyard-Error`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)+
                }
            }

            /// The class that it belongs to.
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                }
            }

            /// The title, one for all problems of the kind.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }
    };
}

codes! {
    /// The request cannot be understood.
    BadRequest = BAD_REQUEST, Usage, "bad-request", "The request cannot be understood";
    /// A path that could be understood in two ways.
    BadPath = BAD_REQUEST, Usage, "bad-path", "The path is not accepted";
    /// There is no key, or it is not valid.
    Unauthorized = UNAUTHORIZED, PersonMustAct, "unauthorized", "A client key is required";
    /// The client's policy does not allow it.
    Refused = FORBIDDEN, PersonMustAct, "refused", "The client's policy does not allow it";
    /// The request named a host that is not this broker's.
    WrongHost = MISDIRECTED_REQUEST, Usage, "wrong-host", "Unknown host name";
    /// The command is for another store than the broker's.
    OtherStore = MISDIRECTED_REQUEST, Usage, "other-store", "The broker uses another store";
    /// There is nothing of that name.
    NoSuchName = NOT_FOUND, NoSuchName, "no-such-name", "There is nothing of that name";
    /// There is nothing at that path.
    NoSuchPath = NOT_FOUND, NoSuchName, "no-such-path", "Unknown path";
    /// This version has no such operation.
    NoSuchOperation = NOT_FOUND, Store, "no-such-operation", "Unknown operation";
    /// This version cannot read the operation's request.
    UnreadableOperation = BAD_REQUEST, Store, "unreadable-operation", "The operation's request cannot be read";
    /// The path does not have this method.
    Method = METHOD_NOT_ALLOWED, Usage, "method-not-allowed", "The method is not allowed here";
    /// A person must sign in, authorise or grant something.
    PersonMustAct = CONFLICT, PersonMustAct, "person-must-act", "A person must act";
    /// A credential of that name exists already.
    NameTaken = UNPROCESSABLE_ENTITY, Failed, "name-taken", "The name is taken";
    /// It could not be done, for a reason of its own.
    Failed = UNPROCESSABLE_ENTITY, Failed, "failed", "The request failed";
    /// The body is longer than is accepted.
    TooLong = PAYLOAD_TOO_LARGE, Usage, "too-long", "The body is too long";
    /// Webex asks to wait.
    Limited = TOO_MANY_REQUESTS, Unreachable, "limited", "Webex asks to wait";
    /// A client asked for the same thing again too soon.
    TooOften = TOO_MANY_REQUESTS, Unreachable, "too-often", "It was requested too often";
    /// A caller has as many runs under way as it may have.
    TooManyRuns = TOO_MANY_REQUESTS, Failed, "too-many-runs", "Too many runs are under way";
    /// Something inside went wrong.
    Internal = INTERNAL_SERVER_ERROR, Failed, "internal", "Something went wrong inside the broker";
    /// Webex did not give an answer that could be passed on.
    Upstream = BAD_GATEWAY, Unreachable, "webex-unreachable", "Webex did not answer";
    /// Webex cut the connection before it had answered.
    UpstreamCut = BAD_GATEWAY, Unreachable, "webex-cut-off", "Webex cut the connection";
    /// An answer of Webex, or of something before it, that is not HTTP.
    UpstreamGarbled = BAD_GATEWAY, Unreachable, "webex-garbled", "Webex's answer cannot be read";
    /// The client did not send its body in time.
    SlowBody = REQUEST_TIMEOUT, Usage, "body-too-slow", "The body did not arrive in time";
    /// Webex took too long.
    UpstreamSlow = GATEWAY_TIMEOUT, Unreachable, "webex-too-slow", "Webex took too long";
    /// There is no valid token at the moment.
    NoToken = SERVICE_UNAVAILABLE, Unreachable, "no-valid-token", "There is no valid token at the moment";
    /// The store cannot be reached or used.
    Store = SERVICE_UNAVAILABLE, Store, "store", "The store cannot be used";
    /// The broker is stopping, has stopped, or has as many connections as it takes.
    Busy = SERVICE_UNAVAILABLE, Unreachable, "busy", "The broker is busy";
}

impl Code {
    /// The code with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// The code of a failure of which only the class is known.
    pub const fn of_class(class: Class) -> Self {
        match class {
            Class::Failed => Self::Failed,
            Class::Usage => Self::BadRequest,
            Class::NoSuchName => Self::NoSuchName,
            Class::PersonMustAct => Self::PersonMustAct,
            Class::Unreachable => Self::Upstream,
            Class::Store => Self::Store,
        }
    }

    /// The word and the title, for the audit.
    pub fn in_audit(self) -> Arc<str> {
        let mut title = self.title().to_owned();
        if !title.starts_with("Webex") {
            title[..1].make_ascii_lowercase();
        }
        format!("{} ({title})", self.as_str()).into()
    }
}

/// A failure, as a person or a program sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    more: Box<More>,
}

/// The rest of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
struct More {
    /// Its own sentence, and those of its causes.
    said: Cause,
    hint: Option<String>,
    retry_after: Option<Duration>,
    /// The methods that a path has, for a problem with the method.
    allow: Option<String>,
    /// The reason in this program's own words, if the audit shows more than the code.
    why: Option<String>,
}

/// A sentence, with its cause.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Cause {
    message: String,
    source: Option<Box<Cause>>,
}

impl Problem {
    /// Creates a problem; `detail` describes this occurrence.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let said = Cause { message: detail.into(), source: None };
        Self { code, more: Box::new(More { said, hint: None, retry_after: None, allow: None, why: None }) }
    }

    /// Creates a problem with the sentence and the causes of an error.
    pub fn of(code: Code, error: &(dyn StdError + 'static)) -> Self {
        let mut problem = Self::new(code, "");
        problem.more.said = Cause::of(error);
        problem
    }

    /// Adds the causes of the failure.
    #[must_use]
    pub fn because(mut self, source: &(dyn StdError + 'static)) -> Self {
        self.more.said.source = Some(Box::new(Cause::of(source)));
        self
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.more.hint = Some(hint.into());
        self
    }

    /// Adds the time after which to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.more.retry_after = Some(wait);
        self
    }

    /// Adds the methods that the path has.
    #[must_use]
    pub fn allow(mut self, methods: impl Into<String>) -> Self {
        self.more.allow = Some(methods.into());
        self
    }

    /// Adds the reason in a few words of this program's own, for the audit.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.more.why = Some(why.into());
        self
    }

    /// Its kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its class, for programs.
    pub fn class(&self) -> Class {
        self.code.class()
    }

    /// The next step, if there is one.
    pub fn next_step(&self) -> Option<&str> {
        self.more.hint.as_deref()
    }

    /// The time after which to try again, if it is known.
    pub fn wait(&self) -> Option<Duration> {
        self.more.retry_after
    }

    /// The methods that the path has, for a problem with the method.
    pub fn allowed(&self) -> Option<&str> {
        self.more.allow.as_deref()
    }

    /// The sentence with those of its causes that add something, in one line.
    pub fn detail(&self) -> String {
        let mut detail = self.more.said.message.clone();
        let mut source = self.more.said.source.as_deref();
        while let Some(cause) = source {
            if !detail.contains(&cause.message) {
                detail = format!("{detail}: {}", cause.message);
            }
            source = cause.source.as_deref();
        }
        detail
    }

    /// Returns the text for the audit: the code's word and the reason, in this program's own words.
    pub fn in_audit(&self) -> Arc<str> {
        match &self.more.why {
            Some(why) => format!("{} ({why})", self.code.as_str()).into(),
            None => self.code.in_audit(),
        }
    }
}

impl Cause {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { message: error.to_string(), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.more.said.fmt(f)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.more.said.source()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// A problem as it is sent to another process. It includes the class, for a reader that does not have the code yet.
#[derive(serde::Deserialize, serde::Serialize)]
struct Travelling {
    code: String,
    class: Class,
    said: Cause,
    hint: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let travelling = Travelling {
            code: self.code.as_str().to_owned(),
            class: self.class(),
            said: self.more.said.clone(),
            hint: self.more.hint.clone(),
            retry_after_ms: self.more.retry_after.map(milliseconds),
        };
        travelling.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Problem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Travelling { code, class, said, hint, retry_after_ms } = Travelling::deserialize(deserializer)?;
        let code = Code::of(&code).unwrap_or(Code::of_class(class));
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Ok(Self { code, more: Box::new(More { said, hint, retry_after, allow: None, why: None }) })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::bytes::{decode, encode};

    #[test]
    fn a_problem_arrives_in_the_same_words_with_its_causes() {
        let source = io::Error::other(io::Error::from(io::ErrorKind::StorageFull));
        for &code in Code::ALL {
            let problem = Problem::new(code, "it failed").because(&source).retry_after(Duration::from_millis(1500));
            for problem in [problem.clone(), problem.hint("do this")] {
                let back: Problem = decode(&encode(&problem).unwrap()).unwrap();
                assert_eq!(back, problem);
                assert_eq!(back.source().map(ToString::to_string), Some(source.to_string()));
            }
        }
    }

    #[test]
    fn a_code_of_a_later_version_keeps_its_class() {
        let later = br#"{"code":"of-2030","class":"PersonMustAct","said":{"message":"m","source":null},"hint":null,"retry_after_ms":null,"more":1}"#;
        let problem: Problem = decode(later).unwrap();
        assert_eq!((problem.code(), problem.class()), (Code::PersonMustAct, Class::PersonMustAct));
    }

    #[test]
    fn a_class_is_that_of_its_code() {
        for class in
            [Class::Failed, Class::Usage, Class::NoSuchName, Class::PersonMustAct, Class::Unreachable, Class::Store]
        {
            assert_eq!(Code::of_class(class).class(), class);
        }
    }

    #[test]
    fn a_cause_that_adds_nothing_is_left_out_of_the_detail() {
        let inner = Problem::new(Code::Failed, "no space");
        let problem = Problem::new(Code::Store, "cannot write: no space").because(&inner);
        assert_eq!(problem.detail(), "cannot write: no space");
        assert_eq!(Problem::new(Code::Store, "cannot write").because(&inner).detail(), "cannot write: no space");
    }
}
