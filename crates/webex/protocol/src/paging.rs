//! Paging by `Link` header (RFC 5988, of which Webex guarantees `rel="next"` alone).

use std::fmt::Write as _;

use http::HeaderMap;
use lanyard_secret::SafeUrl;
use thiserror::Error;
use url::Url;

/// The contents of an answer's `Link` headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The links, in their order.
    pub links: Vec<Link>,
    /// Whether something that cannot be read as a link speaks of a next page: a list may be longer than its links say.
    pub is_cut: bool,
}

/// A link: where it leads, and how that is related to what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The target as it stands there, a reference relative to the address that was asked. What is not visible ASCII is
    /// percent-encoded: some servers write letters raw.
    pub target: String,
    /// The relations, in lower case: `next`, `prev`.
    pub relations: Vec<String>,
}

impl Links {
    /// Reads all `Link` headers.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for value in headers.get_all(http::header::LINK) {
            let text = ascii(value.as_bytes());
            let (read, unread) = links(&text);
            for (target, parameters) in read {
                // Two targets that run into one: the first has no `>`.
                found.is_cut |= target.contains('<');
                found.links.push(Link { target: target.to_owned(), relations: relations(parameters) });
            }
            found.is_cut |= unread.to_ascii_lowercase().contains("next");
        }
        found
    }

    /// The first link to the next page.
    pub fn next(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.is_next())
    }
}

impl Link {
    /// Whether it leads to the next page of a list.
    pub fn is_next(&self) -> bool {
        self.relations.iter().any(|relation| relation == "next")
    }
}

/// The bytes of a header as visible ASCII: everything else is percent-encoded, except spaces and tabs.
pub fn ascii(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b' ' | b'\t' | 0x21..=0x7e => text.push(char::from(byte)),
            // A string can always be written to.
            _ => _ = write!(text, "%{byte:02X}"),
        }
    }
    text
}

/// A `Link` header that speaks of a next page and does not say where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the Link header of the answer cannot be read")]
pub struct UnreadableLink;

/// The address of the next page, resolved against the address that was asked. Whether a token may go there is the caller's
/// question: see [`Environment::permits`](crate::Environment::permits).
pub fn next_link(asked: &SafeUrl, headers: &HeaderMap) -> Result<Option<SafeUrl>, UnreadableLink> {
    let links = Links::read(headers);
    let Some(link) = links.next() else { return if links.is_cut { Err(UnreadableLink) } else { Ok(None) } };
    if link.target.contains('<') {
        return Err(UnreadableLink);
    }
    // `https,http://…` was seen: as a relative address it would lead to a page that nobody meant.
    if link.target.contains("://") && Url::parse(&link.target).is_err() {
        return Err(UnreadableLink);
    }
    let next = Url::options().base_url(Some(asked.expose())).parse(&link.target);
    next.map(SafeUrl::new).map(Some).map_err(|_| UnreadableLink)
}

/// Splits `<a>; rel="next", <b>; rel=prev` into targets and their parameters, and what is left where no further target is found.
/// Commas inside `<…>` and quotes do not split.
fn links(header: &str) -> (Vec<(&str, &str)>, &str) {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((target, after)) = after.split_once('>') else {
            break;
        };
        let end = end_of_parameters(after);
        found.push((target.trim(), &after[..end]));
        rest = &after[end..];
    }
    (found, rest)
}

fn end_of_parameters(text: &str) -> usize {
    unquoted(text, b',').unwrap_or(text.len())
}

/// Where `separator` first stands outside quotes.
fn unquoted(text: &str, separator: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// `rel` may be quoted or bare, hold several relations, and be written in any case; only the first `rel` counts (RFC 8288,
/// section 3.3).
fn relations(parameters: &str) -> Vec<String> {
    let mut rest = parameters;
    loop {
        let (parameter, after) = match unquoted(rest, b';') {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let value = value.trim().trim_matches(['"', '\'']);
            return value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
        }
        match after {
            Some(after) => rest = after,
            None => return Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn next(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("link", HeaderValue::from_str(value).unwrap());
        }
        let next = next_link(&"https://webexapis.com/v1/people".parse().unwrap(), &headers);
        next.expect(values[0]).map(|url| url.expose().to_string())
    }

    #[test]
    fn the_next_link_is_found_in_every_spelling() {
        let expected = Some("https://webexapis.com/v1/people?cursor=a,b".to_owned());
        for header in [
            r#"<https://webexapis.com/v1/people?cursor=a,b>; rel="next""#,
            r"<https://webexapis.com/v1/people?cursor=a,b>;rel=next",
            r#"<https://webexapis.com/v1/x>; rel="first", <https://webexapis.com/v1/people?cursor=a,b>; rel="next""#,
            r#"<https://webexapis.com/v1/people?cursor=a,b>; title="a, <b>"; REL="prev NEXT""#,
            r"</v1/people?cursor=a,b>; rel=next",
        ] {
            assert_eq!(next(&[header]), expected, "{header}");
        }
        assert_eq!(next(&["<https://webexapis.com/v1/x>; rel=prev", "</v1/people?cursor=a,b>; rel=next"]), expected);
    }

    #[test]
    fn no_next_link_is_no_next_page() {
        for header in [
            "",
            "nonsense",
            "<https://a.example",
            r#"<https://a.example>; rel="prev""#,
            "<>; title=next",
            r#"<https://a.example>; title="; rel=next""#,
            r"<https://a.example>; rel=prev; rel=next",
            r#"<https://a.example>; title="<b>; rel=next, <c>; rel=next""#,
        ] {
            assert_eq!(next(&[header]), None, "{header}");
        }
    }

    #[test]
    fn raw_letters_are_percent_encoded() {
        for (raw, target) in [
            ("</v1/people?displayName=Zo\u{eb}>; rel=\"next\"".as_bytes(), "/v1/people?displayName=Zo%C3%AB"),
            (b"</v1/people?displayName=Zo\xeb>; rel=\"next\"", "/v1/people?displayName=Zo%EB"),
            (b"</v1/x>; rel=\"prev\"; title=\"\xeb\", </v1/people?a=b>; rel='next'", "/v1/people?a=b"),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("link", HeaderValue::from_bytes(raw).unwrap());
            assert_eq!(Links::read(&headers).next().map(|link| link.target.as_str()), Some(target));
            assert!(next_link(&"https://webexapis.com/v1/people".parse().unwrap(), &headers).unwrap().is_some());
        }
    }

    #[test]
    fn a_link_that_cannot_be_read_is_known_to_speak_of_a_next_page() {
        for (header, is_cut) in [
            ("nonsense", false),
            ("https://webexapis.com/v1/people?cursor=1; rel=\"next\"", true),
            ("<https://webexapis.com/v1/people; rel=NEXT", true),
            ("</v1/people>; rel=prev, <https://webexapis.com/v1/people; rel=next", true),
            ("<https://webexapis.com/v1/people; rel=prev, </v1/people>; rel=next", true),
            ("</v1/people?cursor=next>; rel=prev", false),
            ("</v1/people>; rel=next", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.append("link", HeaderValue::from_static(header));
            assert_eq!(Links::read(&headers).is_cut, is_cut, "{header}");
        }
    }

    #[test]
    fn a_next_page_whose_address_cannot_be_read_is_an_error() {
        for header in [
            "https://webexapis.com/v1/x; rel=next",
            "<https,http://webexapis.com/v1/x>; rel=next",
            "<http://[>; rel=next",
        ] {
            let mut headers = HeaderMap::new();
            headers.append("link", HeaderValue::from_static(header));
            let asked = "https://webexapis.com/v1/people".parse().unwrap();
            assert_eq!(next_link(&asked, &headers), Err(UnreadableLink), "{header}");
        }
    }

    proptest! {
        #[test]
        fn the_next_link_is_found_among_any_others(
            cursor in "[a-zA-Z0-9,;=]{1,20}",
            others in proptest::collection::vec(("[a-z]{1,8}", "(prev|first|last|nextish)", "[a-z,;<> =]{0,12}"), 0..4),
            place in 0usize..5,
            spelling in 0usize..6,
        ) {
            let relation = ["rel=\"next\"", "rel=next", "REL=Next", "rel = \"prev next\"", "title=\"a;b,c\";rel=next", "rel=next;title=x"][spelling];
            let mut links: Vec<String> =
                others.iter().map(|(path, rel, title)| format!("</v1/{path}>; title=\"{title}\"; rel=\"{rel}\"")).collect();
            links.insert(place.min(links.len()), format!("<https://webexapis.com/v1/people?cursor={cursor}>; {relation}"));
            let expected = Some(format!("https://webexapis.com/v1/people?cursor={cursor}"));
            prop_assert_eq!(next(&[&links.join(", ")]), expected.clone());
            let separate: Vec<&str> = links.iter().map(String::as_str).collect();
            prop_assert_eq!(next(&separate), expected);
        }

        #[test]
        fn any_header_is_read_without_panic(value in proptest::collection::vec(0x20u8.., 0..120)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let headers = HeaderMap::from_iter([(http::header::LINK, value)]);
                let _ = next_link(&"https://webexapis.com/v1/people".parse().unwrap(), &headers);
            }
        }
    }
}
