//! How long requests take.

use super::family::Family;
use crate::counts::Requests;

pub(super) fn families(requests: &Requests) -> [Family; 2] {
    let routed = requests.routed().into_iter().map(|((route, class), counted)| {
        (vec![("route", route.into_owned().into()), ("status", format!("{class}xx").into())], counted)
    });
    [
        Family::durations(
            "http_request_duration",
            "Time from a request to the head of its reply, by route and class of status. Tokens handed out from memory are \
             counted in lanyard_handout_duration_seconds.",
            routed,
        ),
        Family::durations(
            "handout_duration",
            "Time to hand out a token from memory over HTTP.",
            [(Vec::new(), requests.tokens())],
        ),
    ]
}
