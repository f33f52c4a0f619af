//! Signing in to the pages, and the checks before them.

mod guard;
mod pages;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};

pub(super) use guard::{administrator, person};
pub(super) use pages::{SignIn, show, sign_in, sign_out};

use super::page::Problem;
use crate::browsers::Who;
use crate::webex::{Setting, State, Webex};

/// The account signed in at the browser that sends these headers, if it may still sign in.
pub(super) fn signed_in(webex: &Webex, state: &State, headers: &HeaderMap) -> Option<Who> {
    let who = state.sessions.of(cookie(headers, webex.setting()), webex.now())?.who?;
    state.directory.account(who.account).filter(|account| account.signs_in).map(|_| who)
}

/// Cookies know no ports: two simulators on one machine would take each other's.
fn cookie_name(setting: &Setting) -> String {
    let port = setting.origin().rsplit(':').next().unwrap_or_default();
    format!("simulator_session_{port}")
}

fn cookie<'h>(headers: &'h HeaderMap, setting: &Setting) -> Option<&'h str> {
    let name = cookie_name(setting);
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// No script reads it, and no other site's form sends it. It ends with the browser, and by the simulator's clock before.
fn set_cookie(setting: &Setting, value: &str) -> HeaderValue {
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", cookie_name(setting));
    HeaderValue::try_from(text).expect("a random text is plain ASCII")
}

/// A form that this session was not shown.
fn foreign() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "This form does not belong to your session.",
        "Nothing was changed. Open the page again and send its form from there.",
    )
    .with_way("/", "Back to the start")
}
