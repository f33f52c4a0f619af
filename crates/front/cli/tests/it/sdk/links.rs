//! `Link` headers that the proxy passes on, as read by a real client.

use lanyard_testkit::{Home, Running, Webex};
use serde_json::json;

use super::webexpythonsdk;
use crate::signed_in;

/// Shows each link as `requests` has it, which most Python programs turn pages with.
const SCRIPT: &str = "
import os, requests

base = os.environ['WEBEX_BASE_URL']
answer = requests.get(base + '/rooms', headers={'Authorization': 'Bearer ' + os.environ['WEBEX_ACCESS_TOKEN']})
links = [f\"{link['rel']}={link['url'].replace(base, 'BASE')}\" for link in answer.links.values()]
print(answer.status_code, ' '.join(links))
";

/// The links that `requests` finds in a reply of Webex with this header.
fn found(webex: &Webex, home: &Home, header: &str) -> String {
    let action = json!({"status": 200, "body": {"items": []}, "headers": {"link": header}});
    webex.fault(&json!({"path": "/v1/rooms", "action": action}));
    let script = home.file("links.py", SCRIPT);
    let mut command = home.command(["exec", "acme", "--proxy", "--"]);
    command.arg(webexpythonsdk()).arg(&script);
    Running::start(&mut command).end().ok()
}

#[test]
fn a_real_client_is_led_through_the_proxy_or_nowhere() {
    let webex = Webex::with(lanyard_testkit::Options::default());
    let home = signed_in(&webex);
    for (header, expected) in [
        ("</v1/rooms?cursor=1>; rel=\"next\"", "200 next=BASE/rooms?cursor=1"),
        // Split at `, <`, whatever stands in quotes.
        (
            "</v1/rooms?cursor=1>; rel=\"first\"; title=\", <http://evil.example/steal>; rel=next; x=\"",
            "200 first=BASE/rooms?cursor=1",
        ),
        ("</v1/rooms?a=b;c=d>; rel=next; anchor=\"http://evil.example\"", "200 next=BASE/rooms?a=b%3Bc=d"),
        ("<http://evil.example/v1/rooms>; rel=next", "502"),
        ("</v1/rooms>; title='a, <http://evil.example/>; rel=next'", "502"),
    ] {
        assert_eq!(found(&webex, &home, header).trim(), expected, "{header}");
    }
}
