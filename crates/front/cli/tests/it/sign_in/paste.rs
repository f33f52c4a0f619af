//! The person carries the answer over.

use lanyard_testkit::{Elsewhere, Ended, Home, Options, Terminal, Webex};
use serde_json::json;
use url::Url;

use super::{code_exchanges, desk, login};

/// A person's edit of the address at which the browser ended, before it is pasted.
type Pasted<'a> = &'a dyn Fn(&Url) -> String;

/// Signs in with `--paste`; `pasted` makes what is pasted out of where the browser ended.
fn paste(webex: &Webex, home: &Home, name: &str, pasted: impl Fn(&Url) -> String) -> Ended {
    let (mut login, url) = login(home, &[name, "--app", "desk", "--paste"]);
    let redirected = webex.person_signs_in(&url, true);
    login.write_line(&pasted(&redirected));
    login.end()
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(found, _)| found == name).expect("it is there").1.into_owned()
}

#[test]
fn the_whole_address_its_query_and_the_bare_code_are_taken() {
    let (webex, home) = desk(Options::default());
    let without_scheme = |url: &Url| url.as_str().trim_start_matches("http://").to_owned();
    let pasted: [(&str, Pasted<'_>); 4] = [
        ("address", &|url| format!("  {url}  ")),
        ("as-shown", &without_scheme),
        ("query", &|url| format!("?{}", url.query().unwrap())),
        ("code", &|url| parameter(url, "code")),
    ];
    for (name, pasted) in pasted {
        let ended = paste(&webex, &home, name, pasted);
        assert!(ended.stderr.contains("address bar will begin with"), "{}", ended.stderr);
        ended.ok();
        assert_eq!(home.show(name)["state"], "active");
    }
}

#[test]
fn what_answers_no_sign_in_is_refused_before_anything_is_sent() {
    let (webex, home) = desk(Options::default());
    let another_origin = |url: &Url| {
        let mut url = url.clone();
        url.set_port(Some(9)).unwrap();
        url.to_string()
    };
    let pasted: [(&str, Pasted<'_>); 7] = [
        ("neither an address nor a code", &|_| "garbage".to_owned()),
        ("nothing was pasted", &|_| String::new()),
        ("neither an address nor a code", &|_| "I do not know what to paste".to_owned()),
        ("not the redirect URI of this sign-in", &another_origin),
        ("not the redirect URI of this sign-in", &|url| format!("https://evil.example/?{}", url.query().unwrap())),
        ("neither a code nor an error", &|url| url.as_str().split('?').next().unwrap().to_owned()),
        ("names code more than once", &|url| format!("{url}&code=another")),
    ];
    for (message, pasted) in pasted {
        let ended = paste(&webex, &home, "acme", pasted);
        assert!(ended.stderr.contains(message), "{message}: {}", ended.stderr);
        assert!(ended.hint().contains("--paste"), "{}", ended.stderr);
        ended.fails(2);
    }
    assert_eq!(code_exchanges(&webex), 0);
    home.run(["show", "acme"]).fails(3);
}

#[test]
fn a_word_that_is_no_code_is_asked_for_again_at_a_terminal() {
    let (webex, home) = desk(Options::default());
    let command = home.command(["login", "acme", "--app", "desk", "--paste"]);
    let (shown, code) = Terminal::run_typing(command, 100, "garbage\n\n0123456789abcdef0123456789abcdef\n");
    assert!(shown.contains("this is neither an address nor a code; paste the address"), "{shown}");
    assert!(shown.contains("nothing was pasted; paste the address"), "{shown}");
    assert!(shown.contains("Webex does not accept the code of this sign-in"), "{shown}");
    assert_eq!((code, code_exchanges(&webex)), (4, 1), "{shown}");
}

#[test]
fn a_spent_code_has_a_message_of_its_own() {
    let (webex, home) = desk(Options::default());
    let spent = std::cell::OnceCell::new();
    paste(&webex, &home, "acme", |url| spent.get_or_init(|| url.clone()).to_string()).ok();
    let token = home.token();
    let spent = spent.get().unwrap();

    // The whole address again: it is of another sign-in.
    let ended = paste(&webex, &home, "acme", |_| spent.to_string());
    assert!(ended.stderr.contains("belongs to another sign-in"), "{}", ended.stderr);
    ended.fails(4);
    assert_eq!(code_exchanges(&webex), 1);

    // The code alone, and the code under the new sign-in's state: only Webex can know.
    let code = parameter(spent, "code");
    let with_state = |url: &Url| format!("code={code}&state={}", parameter(url, "state"));
    for pasted in [&|_: &Url| code.clone() as String, &with_state] as [Pasted<'_>; 2] {
        let ended = paste(&webex, &home, "acme", pasted);
        assert!(ended.stderr.contains("Webex does not accept the code of this sign-in"), "{}", ended.stderr);
        assert!(ended.stderr.contains("acme keeps the tokens that it had"), "{}", ended.stderr);
        assert!(ended.hint().contains("works once"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(&code), "{}", ended.stderr);
        ended.fails(4);
    }
    assert_eq!(home.token(), token, "what was stored is unharmed");
}

#[test]
fn a_denial_can_be_pasted_too() {
    let (webex, home) = desk(Options::default());
    let (mut login, url) = login(&home, &["acme", "--app", "desk", "--paste"]);
    login.write_line(webex.person_signs_in(&url, false).as_str());
    let ended = login.end();
    assert!(ended.stderr.contains("access_denied"), "{}", ended.stderr);
    ended.fails(4);
}

#[test]
fn a_code_goes_nowhere_but_to_the_token_endpoint() {
    let (webex, home) = desk(Options::default());
    let elsewhere = Elsewhere::listen();
    let location = format!("{}/access_token", elsewhere.url());
    for status in [302, 307, 308] {
        let action = json!({ "status": status, "headers": { "location": location } });
        webex.fault(&json!({ "path": "/v1/access_token", "action": action }));
        let ended = paste(&webex, &home, "acme", Url::to_string);
        assert!(ended.stderr.contains(&format!("HTTP {status}")), "{}", ended.stderr);
        ended.fails(5);
    }
    home.run(["show", "acme"]).fails(3);

    // Nor does an access token follow a redirect, and the sign-in is good without knowing whose it is.
    let action = json!({ "status": 302, "headers": { "location": format!("{}/people/me", elsewhere.url()) } });
    webex.fault(&json!({ "path": "/v1/people/me", "action": action }));
    paste(&webex, &home, "acme", Url::to_string).ok();

    // Nor a refresh token: it is sent to Webex twice, as after any answer that is none.
    let action = json!({ "status": 307, "headers": { "location": location } });
    webex.fault(&json!({ "path": "/v1/access_token", "count": 2, "action": action }));
    home.run(["refresh", "acme", "--force"]).fails(5);
    elsewhere.saw_nobody();
    assert!(webex.accepts(&home.token()));
}
