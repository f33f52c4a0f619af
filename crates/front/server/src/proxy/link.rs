//! Addresses in an answer's headers.

use http::header::{LINK, LOCATION};
use http::{HeaderMap, HeaderValue};
use lanyard_protocol::{Environment, Link, Links, ascii, proxied};
use lanyard_secret::SafeUrl;

/// A list goes on at an address that the client cannot be led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CutOff;

/// Makes `Link` and `Location` lead through the proxy, whose address for the credential is `base`. Both are written again, from target
/// and relations alone: a client may read the rest of a header in another way than it was read here. One that leads elsewhere is
/// taken out, since a client would follow it with its key.
///
/// Fails where that would be the next page of a list: a client would believe that it has all of it.
pub(super) fn rewrite(
    headers: &mut HeaderMap,
    environment: &Environment,
    asked: &SafeUrl,
    base: &str,
) -> Result<(), CutOff> {
    if !headers.contains_key(LINK) && !headers.contains_key(LOCATION) {
        return Ok(());
    }
    let through = |target: &str| proxied(environment, asked, target).map(|path| format!("{base}{path}"));
    let read = Links::read(headers);
    headers.remove(LINK);
    let (mut is_cut, mut goes_on) = (read.is_cut, false);
    for link in &read.links {
        if let Some(value) = through(&link.target).and_then(|target| written(&target, link)) {
            goes_on |= link.is_next();
            headers.append(LINK, value);
        } else {
            is_cut |= link.is_next();
            tracing::warn!(url = %asked, relations = ?link.relations, "a link in Webex's answer leads elsewhere; left out");
        }
    }
    let location = headers.remove(LOCATION);
    if let Some(value) = location
        .and_then(|location| through(&ascii(location.as_bytes())))
        .and_then(|location| HeaderValue::from_str(&location).ok())
    {
        headers.insert(LOCATION, value);
    }
    if is_cut && !goes_on { Err(CutOff) } else { Ok(()) }
}

/// A link as every reader reads it. Some readers end a target at the first semicolon.
fn written(target: &str, link: &Link) -> Option<HeaderValue> {
    let plain = |relation: &&String| relation.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    let relations: Vec<_> = link.relations.iter().filter(plain).map(String::as_str).collect();
    let target = target.replace(';', "%3B");
    if relations.is_empty() || target.contains(['<', '>', '"', ' ']) {
        return None;
    }
    HeaderValue::from_str(&format!("<{target}>; rel=\"{}\"", relations.join(" "))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(name: http::HeaderName, values: &[&'static [u8]]) -> Result<Vec<String>, CutOff> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value).unwrap());
        }
        let asked = "https://webexapis.com/v1/people?max=2".parse().unwrap();
        rewrite(&mut headers, &Environment::commercial(), &asked, "http://127.0.0.1:7417/webex/acme")?;
        Ok(headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_link_to_the_environment_leads_through_the_proxy_and_another_is_left_out() {
        let values: [&[u8]; 2] = [
            br#"<https://webexapis.com/v1/people?max=2&cursor=a%3D>; rel="next", <https://evil.example/v1/x>; rel="first""#,
            br#"<http://webexapis.com/v1/x>; rel="last""#,
        ];
        assert_eq!(
            rewritten(LINK, &values).unwrap(),
            [r#"<http://127.0.0.1:7417/webex/acme/v1/people?max=2&cursor=a%3D>; rel="next""#]
        );
    }

    #[test]
    fn a_link_is_written_again_from_target_and_relations() {
        let base = "http://127.0.0.1:7417/webex/acme";
        let values: [(&[u8], &str); 5] = [
            // Read by some as two links.
            (
                br#"</v1/people?cursor=1>; rel="first"; title=", <http://evil.example/steal>; rel=next; x=""#,
                r#"/v1/people?cursor=1>; rel="first""#,
            ),
            (
                br#"</v1/people?a=b;c=d>; rel="NEXT prev https://evil.example/rel""#,
                r#"/v1/people?a=b%3Bc=d>; rel="next prev""#,
            ),
            (
                b"</v1/people?displayName=Zo\xc3\xab>; rel=next; title=\xeb",
                r#"/v1/people?displayName=Zo%C3%AB>; rel="next""#,
            ),
            (
                br#"</v1/people?q=a b"c'd>; rel=next; anchor="http://evil.example/""#,
                r#"/v1/people?q=a%20b%22c%27d>; rel="next""#,
            ),
            (br"</v1/people,x>;rel=next", r#"/v1/people,x>; rel="next""#),
        ];
        for (raw, expected) in values {
            let found = rewritten(LINK, &[raw]).unwrap();
            assert!(found.iter().all(|link| !link.contains("evil")), "{found:?}");
            assert_eq!(found[0], format!("<{base}{expected}"));
        }
    }

    #[test]
    fn a_list_is_not_shortened_in_silence() {
        let elsewhere: [&[u8]; 6] = [
            b"</v1/people?cursor=1>; title='a, <http://evil.example/>; rel=next'; rel='next'",
            b"<https://evil.example/v1/x>; rel=next",
            b"<http://webexapis.com/v1/people?cursor=1>; rel=\"next\"",
            b"<https,http://webexapis.com/v1/people>; rel=next, <//evil.example>; rel=next",
            b"https://webexapis.com/v1/people?cursor=1; rel=next",
            b"</v1/a%2Fb>; rel=next",
        ];
        for raw in elsewhere {
            assert_eq!(rewritten(LINK, &[raw]), Err(CutOff), "{}", String::from_utf8_lossy(raw));
        }
        for harmless in [&b"nonsense"[..], b"<https://evil.example>; rel=prev", b"<a>"] {
            assert_eq!(rewritten(LINK, &[harmless]), Ok(vec![]), "{}", String::from_utf8_lossy(harmless));
        }
    }

    #[test]
    fn a_redirect_stays_inside_or_goes_nowhere() {
        let inside: [(&[u8], &str); 2] = [
            (b"/v1/people/x", "http://127.0.0.1:7417/webex/acme/v1/people/x"),
            (b"/v1/people/Zo\xc3\xab", "http://127.0.0.1:7417/webex/acme/v1/people/Zo%C3%AB"),
        ];
        for (raw, expected) in inside {
            assert_eq!(rewritten(LOCATION, &[raw]).unwrap(), [expected]);
        }
        for elsewhere in
            [&b"https://evil.example/v1/people"[..], b"//evil.example/v1/people", b"https://webexapis.com/"]
        {
            assert_eq!(rewritten(LOCATION, &[elsewhere]), Ok(vec![]), "{}", String::from_utf8_lossy(elsewhere));
        }
    }
}
