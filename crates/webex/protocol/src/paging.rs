//! Paging by `Link` header (RFC 5988, of which Webex guarantees `rel="next"` alone).

use http::HeaderMap;
use lanyard_secret::SafeUrl;
use serde::Deserialize;
use url::Url;

/// A page of a list: `{"items":[…]}`. It may be empty and still have a next page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
}

/// The address of the next page, resolved against the address that was asked. Whether a token may go there is the caller's
/// question: see [`Environment::permits`](crate::Environment::permits).
pub fn next_link(asked: &SafeUrl, headers: &HeaderMap) -> Option<SafeUrl> {
    headers
        .get_all(http::header::LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(links)
        .find(|(_, parameters)| is_next(parameters))
        .and_then(|(target, _)| Url::options().base_url(Some(asked.expose())).parse(target).ok())
        .map(SafeUrl::new)
}

/// Splits `<a>; rel="next", <b>; rel=prev` into targets and their parameters. Commas inside `<…>` and quotes do not split.
fn links(header: &str) -> Vec<(&str, &str)> {
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
    found
}

fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return index,
            _ => {}
        }
    }
    text.len()
}

/// `rel` may be quoted or bare, hold several relations, and be written in any case.
fn is_next(parameters: &str) -> bool {
    parameters.split(';').any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split_ascii_whitespace()
                    .any(|relation| relation.eq_ignore_ascii_case("next"))
        })
    })
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
        next_link(&"https://webexapis.com/v1/people".parse().unwrap(), &headers).map(|url| url.expose().to_string())
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
        for header in ["", "nonsense", "<https://a.example", r#"<https://a.example>; rel="prev""#, "<>; title=next"] {
            assert_eq!(next(&[header]), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(text in "[ -~]{0,120}") {
            next(&[&text]);
        }
    }
}
