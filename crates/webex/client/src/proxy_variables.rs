//! The proxy that the environment names, checked before anything is sent.
//!
//! The library that applies these variables ignores a value that it cannot read, and would connect past the proxy.

use std::ffi::OsString;

use thiserror::Error;
use url::Url;

/// A variable that names a proxy and cannot be read. Its value is not repeated, because it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{variable} is not the address of a proxy: {fault}; nothing was sent")]
pub struct UnusableProxy {
    /// The variable.
    pub variable: &'static str,
    fault: &'static str,
}

/// The variables that apply to https, first come first served: each pair by its upper-case name.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];

/// Checks the variables that apply to https.
pub(crate) fn check() -> Result<(), UnusableProxy> {
    check_in(|name| std::env::var_os(name))
}

fn check_in(value: impl Fn(&str) -> Option<OsString>) -> Result<(), UnusableProxy> {
    for names in VARIABLES {
        let Some((variable, value)) = names.into_iter().find_map(|name| Some((name, value(name)?))) else { continue };
        if value.is_empty() {
            continue;
        }
        return match value.to_str().ok_or("it is not UTF-8").and_then(address) {
            Ok(()) => Ok(()),
            Err(fault) => Err(UnusableProxy { variable, fault }),
        };
    }
    Ok(())
}

const FORM: &str = "expected http://HOST:PORT";

/// Whether a text is the address of a proxy, to the letter: `http://HOST:PORT`, `HOST:PORT`, or either with `USER:PASSWORD@`.
fn address(text: &str) -> Result<(), &'static str> {
    if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        return Err("it contains white space");
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    if !matches!(scheme, "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h") {
        return Err("its scheme is unknown; expected http://HOST:PORT");
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains('@') {
        return Err("a user name or password with @ in it must be written with %40");
    }
    if authority.contains('\\') {
        return Err("a user name with a backslash in it must be written with %5C");
    }
    if rest.len() > authority.len() && rest[authority.len()..] != *"/" {
        return Err("a user name or password with /, ? or # in it must be written with %2F, %3F or %23");
    }
    // Both are asked: one is what the connection is made with, the other is stricter about hosts.
    let is_read = format!("{scheme}://{authority}/").parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some());
    let is_host = Url::parse(&format!("http://{host}/")).is_ok_and(|url| url.has_host());
    if is_read && is_host { Ok(()) } else { Err(FORM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_to_the_letter_or_refused() {
        for good in [
            "http://127.0.0.1:3128",
            "http://proxy.example:3128/",
            "https://proxy.example",
            "proxy.example:3128",
            "proxy",
            "http://[::1]:3128",
            "http://user:p%40ss%3Aw0rd@proxy.example:3128",
            "http://DOM%5Cuser:pw@proxy.example:3128",
            "user:pw@proxy.example:3128",
            "socks5h://proxy.example:1080",
        ] {
            assert_eq!(address(good), Ok(()), "{good}");
        }
        for bad in [
            "http://DOM\\user:canary@127.0.0.1:1",
            "http://[::1:1",
            "http://127.0.0.1:1x",
            "http://127.0.0.1:99999",
            "proxy host",
            "http://user:can@ary@127.0.0.1:1",
            "http://user:can/ary@127.0.0.1:1",
            "http://user:can#ary@127.0.0.1:1",
            "http://",
            "ftp://proxy.example:21",
            "http:proxy.example:3128",
            "http://proxy.example\n:3128",
        ] {
            let fault = address(bad).expect_err(bad);
            assert!(!fault.contains("canary"), "{fault}");
        }
    }

    #[test]
    fn the_variable_that_applies_is_named() {
        let with = |set: &[(&str, &str)]| {
            let found = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
            check_in(found).map_err(|error| error.variable)
        };
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&[("HTTPS_PROXY", "a b")]), Err("HTTPS_PROXY"));
        assert_eq!(with(&[("https_proxy", "a b")]), Err("https_proxy"));
        assert_eq!(with(&[("HTTPS_PROXY", ""), ("all_proxy", "a b")]), Err("all_proxy"));
        assert_eq!(with(&[("HTTPS_PROXY", "a:1"), ("ALL_PROXY", "a b")]), Ok(()));
        assert_eq!(with(&[("HTTP_PROXY", "a b")]), Ok(()));
        let error = UnusableProxy { variable: "HTTPS_PROXY", fault: FORM };
        assert_eq!(
            error.to_string(),
            "HTTPS_PROXY is not the address of a proxy: expected http://HOST:PORT; nothing was sent"
        );
    }
}
