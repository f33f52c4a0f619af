//! Which names the simulator answers to.
//!
//! A page of another site can point a name of its own at this machine and so have a browser talk to the simulator as if it were that
//! site. The browser then still says the name in `Host`, which is none of the simulator's.

use http::header::HOST;
use http::{HeaderMap, Uri};
use std::net::IpAddr;

/// Whether a request is meant for the simulator at `origin`: its own address, or any name of loopback. With `remote`, for a simulator
/// that other machines may reach, any address will do, and no name.
pub(super) fn is_ours(headers: &HeaderMap, uri: &Uri, origin: &str, remote: bool) -> bool {
    let mut said = headers.get_all(HOST).iter();
    let host = match (said.next(), said.next()) {
        // A second one could be read by somebody else.
        (_, Some(_)) => return false,
        (Some(host), None) => host.to_str().unwrap_or_default(),
        // HTTP/1.0 has none.
        (None, None) => return uri.authority().is_none(),
    };
    let port = |authority: &str| authority.rsplit_once(':').map(|(_, port)| port.to_owned());
    let own = origin.split_once("://").map_or(origin, |(_, authority)| authority);
    let (name, asked) = match host.rsplit_once(':') {
        Some((name, asked)) if !asked.ends_with(']') => (name, Some(asked.to_owned())),
        _ => (host, None),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let loopback = name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| remote || address.is_loopback());
    loopback && asked.or_else(|| Some("80".to_owned())) == port(own).or_else(|| Some("80".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_with_the_right_port_are_ours() {
        for (host, remote, expected) in [
            ("127.0.0.1:8080", false, true),
            ("localhost:8080", false, true),
            ("LOCALHOST:8080", false, true),
            ("[::1]:8080", false, true),
            ("127.0.0.1:8081", false, false),
            ("127.0.0.1", false, false),
            ("evil.example:8080", false, false),
            ("evil.example", false, false),
            ("localhost.evil.example:8080", false, false),
            ("10.0.0.9:8080", false, false),
            ("10.0.0.9:8080", true, true),
            ("evil.example:8080", true, false),
            ("", false, false),
        ] {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            let ours = is_ours(&headers, &Uri::from_static("/"), "http://127.0.0.1:8080", remote);
            assert_eq!(ours, expected, "{host} {remote}");
        }
    }
}
