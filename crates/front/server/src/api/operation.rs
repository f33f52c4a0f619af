//! Which operation a request asks for, read from its method, path and query.

use http::Method;
use lanyard_credential::{CredentialName, NameError};

use super::nothing_there;
use crate::problem::{Code, Problem};

/// An operation on credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `GET /api/v1/credentials`
    List,
    /// `POST /api/v1/credentials`
    Add,
    /// `GET /api/v1/credentials/{name}`
    Show(CredentialName),
    /// `DELETE /api/v1/credentials/{name}`
    Clear(CredentialName),
    /// `POST /api/v1/credentials/{name}/refresh`
    Refresh {
        /// The credential.
        name: CredentialName,
        /// The parameters of the renewal.
        how: Forcing,
    },
    /// `POST /api/v1/credentials/{name}/test`
    Test(CredentialName),
}

/// The parameters of a renewal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forcing {
    /// Whether to renew it even if it is not due.
    pub(super) force: bool,
    /// Whether to renew it without waiting for a process that is stuck or cannot be seen.
    pub(super) take_over: bool,
}

impl Operation {
    /// Reads a request. Segments are compared whole, and an empty one matches nothing.
    pub(super) fn read(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Problem> {
        let segments: Vec<&str> = path.strip_prefix("/api/v1/").unwrap_or_default().split('/').collect();
        let get = matches!(*method, Method::GET | Method::HEAD);
        let operation = match segments[..] {
            ["credentials"] if get => Self::List,
            ["credentials"] if *method == Method::POST => Self::Add,
            ["credentials"] => return Err(Problem::method(path, "GET, HEAD, POST")),
            ["credentials", name] if !name.is_empty() => match *method {
                _ if get => Self::Show(named(name)?),
                Method::DELETE => Self::Clear(named(name)?),
                _ => return Err(Problem::method(path, "GET, HEAD, DELETE")),
            },
            // A HEAD would be recorded as a hand-out although the caller receives no token.
            ["credentials", name, "token"] if !name.is_empty() => return Err(Problem::method(path, "GET")),
            ["credentials", name, what @ ("refresh" | "test")] if !name.is_empty() => match (method, what) {
                (&Method::POST, "refresh") => Self::Refresh { name: named(name)?, how: Forcing::read(query)? },
                (&Method::POST, _) => Self::Test(named(name)?),
                _ => return Err(Problem::method(path, "POST")),
            },
            _ => return Err(nothing_there(path)),
        };
        if !matches!(operation, Self::Refresh { .. }) {
            no_parameters(query)?;
        }
        Ok(operation)
    }

    /// Its name, as the audit has it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Add => "add",
            Self::Show(_) => "show",
            Self::Clear(_) => "clear",
            Self::Refresh { .. } => "refresh",
            Self::Test(_) => "test",
        }
    }

    /// The credential that it is about, if that exists.
    pub(super) fn name(&self) -> Option<&CredentialName> {
        match self {
            Self::List | Self::Add => None,
            Self::Show(name) | Self::Clear(name) | Self::Refresh { name, .. } | Self::Test(name) => Some(name),
        }
    }
}

/// A credential's name in a path or body.
pub(super) fn named(name: &str) -> Result<CredentialName, Problem> {
    name.parse().map_err(|error: NameError| {
        Problem::new(Code::NoSuchName, format!("{name:?} is not a credential's name: {error}"))
    })
}

impl Forcing {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let [mut force, mut take_over] = [None; 2];
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let hint = "the parameters are force and take_over, each once, as true or false: force=true";
            let refused = |why: String| Problem::new(Code::BadRequest, why).hint(hint);
            let parameter = match &*name {
                "force" => &mut force,
                "take_over" => &mut take_over,
                _ => return Err(refused(format!("unknown parameter {name:?}"))),
            };
            let read = match &*value {
                "true" => true,
                "false" => false,
                other => return Err(refused(format!("invalid value {other:?} for {name}"))),
            };
            if parameter.replace(read).is_some() {
                return Err(refused(format!("the parameter {name} was given twice")));
            }
        }
        Ok(Self { force: force.unwrap_or(false), take_over: take_over.unwrap_or(false) })
    }

    /// Whether it may renew before it is due.
    pub(super) const fn is_early(self) -> bool {
        self.force || self.take_over
    }
}

fn no_parameters(query: Option<&str>) -> Result<(), Problem> {
    let first = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).next();
    match first {
        None => Ok(()),
        Some((name, _)) => Err(Problem::new(Code::BadRequest, format!("unknown parameter {name:?}"))
            .hint("omit the query; GET /api/v1/openapi.json describes each operation")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, target: &str) -> Result<String, (Code, Option<String>)> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let method = method.parse().unwrap();
        match Operation::read(&method, path, query) {
            Ok(Operation::Refresh { name, how }) if how.take_over => Ok(format!("refresh!! {name}")),
            Ok(Operation::Refresh { name, how }) if how.force => Ok(format!("refresh! {name}")),
            Ok(operation) => {
                let name = operation.name().map(|name| format!(" {name}")).unwrap_or_default();
                Ok(format!("{}{name}", operation.word()))
            }
            Err(problem) => {
                let allow = problem.response().headers().get(http::header::ALLOW).cloned();
                Err((problem.code(), allow.map(|allow| allow.to_str().unwrap().to_owned())))
            }
        }
    }

    #[test]
    fn whole_segments_are_matched() {
        for (method, target, expected) in [
            ("GET", "/api/v1/credentials", "list"),
            ("HEAD", "/api/v1/credentials", "list"),
            ("POST", "/api/v1/credentials", "add"),
            ("GET", "/api/v1/credentials/acme", "show acme"),
            ("HEAD", "/api/v1/credentials/acme", "show acme"),
            ("DELETE", "/api/v1/credentials/acme", "clear acme"),
            ("POST", "/api/v1/credentials/acme/test", "test acme"),
            ("POST", "/api/v1/credentials/acme/refresh", "refresh acme"),
            ("POST", "/api/v1/credentials/acme/refresh?", "refresh acme"),
            ("POST", "/api/v1/credentials/acme/refresh?force=false", "refresh acme"),
            ("POST", "/api/v1/credentials/acme/refresh?force=true", "refresh! acme"),
            ("POST", "/api/v1/credentials/acme/refresh?take_over=true", "refresh!! acme"),
            ("POST", "/api/v1/credentials/acme/refresh?take_over=false&force=true", "refresh! acme"),
            ("POST", "/api/v1/credentials/acme/refresh?f%6Frce=tru%65", "refresh! acme"),
        ] {
            assert_eq!(read(method, target).as_deref(), Ok(expected), "{method} {target}");
        }
        for (method, target) in [
            ("DELETE", "/api/v1/credentialsacme"),
            ("DELETE", "/api/v1/credentials//acme"),
            ("DELETE", "/api/v1/credentials/acme/"),
            ("DELETE", "/api/v1//credentials/acme"),
            ("DELETE", "//api/v1/credentials/acme"),
            ("GET", "/api/v1/credentials/"),
            ("GET", "/api/v1/credentials//token"),
            ("POST", "/api/v1/credentials//refresh"),
            ("POST", "/api/v1/credentials/acme/refresh/"),
            ("POST", "/api/v1/credentials/acme/refresh/x"),
            ("GET", "/api/v1"),
            ("GET", "/api/v2/credentials"),
            ("GET", "/"),
        ] {
            assert_eq!(read(method, target), Err((Code::NoSuchPath, None)), "{method} {target}");
        }
    }

    #[test]
    fn a_method_that_a_path_does_not_have_is_told_which_it_has() {
        for (method, target, allow) in [
            ("PUT", "/api/v1/credentials", "GET, HEAD, POST"),
            ("POST", "/api/v1/credentials/acme", "GET, HEAD, DELETE"),
            ("HEAD", "/api/v1/credentials/acme/token", "GET"),
            ("GET", "/api/v1/credentials/acme/refresh", "POST"),
            ("PATCH", "/api/v1/credentials/acme/test", "POST"),
        ] {
            assert_eq!(read(method, target), Err((Code::Method, Some(allow.to_owned()))), "{method} {target}");
        }
    }

    #[test]
    fn a_query_that_is_not_known_is_refused() {
        for query in
            ["force", "force=", "force=1", "force=True", "force=true&force=true", "x=1", "x=1&force=true", "Force=true"]
        {
            let target = format!("/api/v1/credentials/acme/refresh?{query}");
            assert_eq!(read("POST", &target), Err((Code::BadRequest, None)), "{query}");
        }
        for (method, target) in
            [("GET", "/api/v1/credentials?kind=bot"), ("DELETE", "/api/v1/credentials/acme?dry_run=true")]
        {
            assert_eq!(read(method, target), Err((Code::BadRequest, None)), "{method} {target}");
        }
    }
}
