//! Paging by `Link` header (RFC 5988, of which Webex guarantees `rel="next"` alone).

use http::HeaderMap;
use lanyard_secret::SafeUrl;
use url::Url;

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

/// The links of an answer as a client of the proxy may follow them: each target replaced by what `proxied` makes of it, its
/// parameters as they came. A target that it makes nothing of is left out.
pub fn proxied_links(headers: &HeaderMap, proxied: impl Fn(&str) -> Option<String>) -> Vec<String> {
    headers
        .get_all(http::header::LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(links)
        .filter_map(|(target, parameters)| Some(format!("<{}>{parameters}", proxied(target)?)))
        .collect()
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
fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    loop {
        let (parameter, after) = match unquoted(rest, b';') {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("rel")
        {
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            return relations.any(|relation| relation.eq_ignore_ascii_case("next"));
        }
        match after {
            Some(after) => rest = after,
            None => return false,
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
    fn links_are_replaced_one_by_one_and_left_out_where_they_lead_nowhere() {
        let mut headers = HeaderMap::new();
        for value in [r#"<a>; rel="next"; title="x, <y>", <b>; rel=prev"#, "<c>;rel=first, <d>", "nonsense"] {
            headers.append("link", HeaderValue::from_static(value));
        }
        let replaced = proxied_links(&headers, |target| (target != "b").then(|| format!("/p/{target}")));
        assert_eq!(replaced, [r#"</p/a>; rel="next"; title="x, <y>""#, "</p/c>;rel=first", "</p/d>"]);
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
        fn any_header_is_read_without_panic(text in "[ -~]{0,120}") {
            next(&[&text]);
        }
    }
}
