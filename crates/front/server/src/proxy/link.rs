//! Addresses in an answer's headers.

use http::header::{LINK, LOCATION};
use http::{HeaderMap, HeaderValue};
use lanyard_protocol::{Environment, proxied, proxied_links};
use lanyard_secret::SafeUrl;

/// Makes `Link` and `Location` lead through the proxy, whose address for the credential is `base`; one that leads elsewhere is taken
/// out, since a client would follow it with its key.
pub(super) fn rewrite(headers: &mut HeaderMap, environment: &Environment, asked: &SafeUrl, base: &str) {
    let through = |target: &str| proxied(environment, asked, target).map(|path| format!("{base}{path}"));
    let links = proxied_links(headers, through);
    headers.remove(LINK);
    for value in links.iter().filter_map(|link| HeaderValue::from_str(link).ok()) {
        headers.append(LINK, value);
    }
    let location = headers.remove(LOCATION);
    if let Some(value) = location
        .and_then(|location| through(location.to_str().ok()?))
        .and_then(|location| HeaderValue::from_str(&location).ok())
    {
        headers.insert(LOCATION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(name: http::HeaderName, values: &[&'static str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        let asked = "https://webexapis.com/v1/people?max=2".parse().unwrap();
        rewrite(&mut headers, &Environment::commercial(), &asked, "http://127.0.0.1:7417/webex/acme");
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_link_to_the_environment_leads_through_the_proxy_and_another_is_left_out() {
        let values = [
            r#"<https://webexapis.com/v1/people?max=2&cursor=a%3D>; rel="next", <https://evil.example/v1/x>; rel="first""#,
            r#"<http://webexapis.com/v1/x>; rel="last""#,
        ];
        assert_eq!(
            rewritten(LINK, &values),
            [r#"<http://127.0.0.1:7417/webex/acme/v1/people?max=2&cursor=a%3D>; rel="next""#]
        );
    }

    #[test]
    fn a_redirect_stays_inside_or_goes_nowhere() {
        assert_eq!(rewritten(LOCATION, &["/v1/people/x"]), ["http://127.0.0.1:7417/webex/acme/v1/people/x"]);
        for elsewhere in ["https://evil.example/v1/people", "//evil.example/v1/people", "https://webexapis.com/"] {
            assert_eq!(rewritten(LOCATION, &[elsewhere]), [""; 0], "{elsewhere}");
        }
    }
}
