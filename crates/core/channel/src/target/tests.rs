//! How targets are shown, written and checked.

use serde_json::{Value, json};

use super::*;

fn secret(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

/// One target of each kind, every secret of which contains `canary`.
fn targets() -> Vec<Value> {
    let key = secret("canary-canary-canary-canary");
    vec![
        json!({ "kind": "command", "argv": ["/usr/local/bin/notify", "--token", "canary"] }),
        json!({ "kind": "webhook", "url": secret("https://hooks.example:8443/canary?canary=1"), "secret": key, "allow_private": true }),
        json!({
            "kind": "alertmanager",
            "url": secret("https://alerts.example/canary"),
            "auth": { "scheme": "bearer", "token": secret("canary") },
            "labels": ["customer"],
            "allow_private": false,
        }),
        json!({
            "kind": "alertmanager",
            "url": secret("https://alerts.example/"),
            "auth": { "scheme": "basic", "username": "lanyard", "password": secret("canary") },
            "labels": [],
            "allow_private": false,
        }),
        json!({ "kind": "alertmanager", "url": secret("https://alerts.example/"), "auth": null, "labels": [], "allow_private": false }),
        json!({
            "kind": "json",
            "url": secret("https://service.example/api/canary"),
            "headers": { "x-api-key": secret("canary") },
            "template": { "key": "canary", "short": "{{data.summary}}" },
            "allow_private": false,
        }),
        json!({ "kind": "space", "credential": "6ac7d7d6-0000-4000-8000-000000000000", "room": "Y2lzY29zcGFyazovL3VzL1JPT00" }),
        json!({
            "kind": "mail",
            "server": "smtp://mail.example:587",
            "username": "lanyard",
            "password": secret("canary"),
            "from": "lanyard@msp.example",
            "to": ["noc@msp.example", "duty@msp.example"],
            "allow_private": false,
            "allow_plaintext": false,
        }),
    ]
}

fn read(wire: &Value) -> Target {
    serde_json::from_value(wire.clone()).unwrap_or_else(|error| panic!("{wire}: {error}"))
}

#[test]
fn a_target_reads_back_as_it_was_written() {
    for wire in targets() {
        let target = read(&wire);
        assert_eq!(target.check(), Ok(()), "{wire}");
        let document = target.document();
        assert_eq!(serde_json::from_slice::<Value>(document.expose_secret()).unwrap(), wire);
        let back = Target::from_document(&document).unwrap();
        assert_eq!(back.document().expose_secret(), document.expose_secret());
        let mut odd = wire.clone();
        odd["unknown"] = true.into();
        assert!(serde_json::from_value::<Target>(odd).is_err(), "{wire}");
    }
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    for wire in targets() {
        let target = read(&wire);
        let shown = format!("{target:?} {target:#?} {target} {} {}", target.receiver(), target.kind());
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!shown.contains(&secret("canary")), "{shown}");
    }
    let shown: Vec<_> = targets().iter().map(|wire| read(wire).to_string()).collect();
    assert_eq!(
        shown,
        [
            "command notify",
            "webhook https://hooks.example:8443",
            "alertmanager https://alerts.example",
            "alertmanager https://alerts.example",
            "alertmanager https://alerts.example",
            "json https://service.example",
            "space Y2lzY29zcGFyazovL3VzL1JPT00",
            "mail noc@msp.example, duty@msp.example",
        ]
    );
}

#[test]
fn a_refused_value_is_not_repeated() {
    for (field, odd) in [
        ("url", json!(secret("ftp://canary.example/canary"))),
        ("url", json!(secret("https://canary:canary@hooks.example/"))),
        ("url", json!("canary canary")),
        ("secret", json!(secret("canary"))),
        ("secret", json!("canary canary")),
    ] {
        let mut wire = targets()[1].clone();
        wire[field] = odd;
        let error = serde_json::from_value::<Target>(wire).unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }
    let broken = SecretBytes::new(br#"{"kind":"canary"}"#.to_vec());
    let error = Target::from_document(&broken).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
}

fn webhook(url: &str, allow_private: bool) -> Result<(), TargetError> {
    let url: Address = url.parse()?;
    url.reach(allow_private).map(drop)
}

#[test]
fn an_address_is_https_unless_it_is_private() {
    assert_eq!(webhook("https://hooks.example/a?b", false), Ok(()));
    assert_eq!(webhook("https://8.8.8.8/", false), Ok(()));
    let required = TargetError::HttpsRequired("hooks.example".to_owned());
    assert_eq!(webhook("http://hooks.example/", false), Err(required));
    // Its addresses are checked when a connection is made.
    assert_eq!(webhook("http://hooks.internal/", true), Ok(()));
    assert_eq!(webhook("http://127.0.0.1:9093/", true), Ok(()));
    assert_eq!(webhook("http://10.0.0.1/", true), Ok(()));
    assert!(matches!(webhook("http://8.8.8.8/", true), Err(TargetError::AddressRefused { .. })));
    for odd in
        ["", "hooks.example", "//hooks.example", "ftp://hooks.example", "https://a:b@hooks.example", "https://x/#y"]
    {
        assert_eq!(webhook(odd, true), Err(TargetError::Address), "{odd}");
    }
}

#[test]
fn a_literal_address_is_refused_in_each_of_its_spellings() {
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://127.0.0.1./",
        "https://%31%32%37.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[0:0:0:0:0:ffff:7f00:1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/",
        "https://①②⑦.⓪.⓪.①/",
    ] {
        assert!(
            matches!(webhook(url, false), Err(TargetError::AddressRefused { .. })),
            "{url}: {:?}",
            webhook(url, false)
        );
    }
    for url in
        ["https://169.254.169.254/", "https://2852039166/", "https://[::ffff:a9fe:a9fe]/", "https://[fd00:ec2::254]/"]
    {
        assert!(matches!(webhook(url, true), Err(TargetError::AddressRefused { .. })), "{url}");
    }
}

#[test]
fn a_header_that_belongs_to_the_connection_or_breaks_a_line_is_refused() {
    let with = |name: &str, value: &str| {
        let mut wire = targets()[5].clone();
        wire["headers"] = json!({ name: secret(value) });
        read(&wire).check()
    };
    assert_eq!(with("Authorization", "Basic canary"), Ok(()));
    for (name, value) in [
        ("host", "internal"),
        ("Content-Length", "0"),
        ("transfer-encoding", "chunked"),
        ("x-key", "canary\r\nx-evil: 1"),
        ("x-key\r\nx-evil", "canary"),
        ("", "canary"),
    ] {
        let error = with(name, value).unwrap_err();
        assert!(matches!(error, TargetError::Header(_)), "{name:?}");
        assert!(!format!("{error} {error:?}").contains("canary") && !error.to_string().contains('\n'), "{error}");
    }
}

#[test]
fn a_mail_address_cannot_carry_another_command_or_header() {
    for good in ["noc@msp.example", "a.b+c@xn--bcher-kva.example", "root@localhost"] {
        assert_eq!(good.parse::<MailAddress>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "noc",
        "@msp.example",
        "noc@",
        "noc@msp.example\r\nBcc: evil@evil.example",
        "noc@msp.example>\r\nRCPT TO:<evil@evil.example",
        "\"a b\"@msp.example",
        "a b@msp.example",
        "Noc <noc@msp.example>",
        "noc@msp.example,evil@evil.example",
        "noc@[127.0.0.1]",
        "noc@evil@msp.example",
        "nöc@msp.example",
        "noc@müller.example",
        ".noc@msp.example",
        "noc@-msp.example",
    ] {
        assert!(bad.parse::<MailAddress>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_mail_server_is_a_scheme_a_host_and_a_port() {
    for (text, shown) in [
        ("smtp://mail.example", "smtp://mail.example:587"),
        ("smtp://mail.example:25/", "smtp://mail.example:25"),
        ("smtps://MAIL.example", "smtps://mail.example:465"),
        ("smtps://[2001:db8::1]:465", "smtps://[2001:db8::1]:465"),
        ("smtp://0x7f.1", "smtp://127.0.0.1:587"),
    ] {
        assert_eq!(text.parse::<MailServer>().unwrap().to_string(), shown);
    }
    for bad in [
        "mail.example",
        "http://mail.example",
        "smtp://u:p@mail.example",
        "smtp://mail.example/x",
        "smtp://mail.example?x",
        "smtp://",
    ] {
        assert!(bad.parse::<MailServer>().is_err(), "{bad}");
    }
}

#[test]
fn a_mail_target_needs_recipients_a_whole_login_and_a_reachable_server() {
    let with = |field: &str, value: Value| {
        let mut wire = targets()[7].clone();
        wire[field] = value;
        read(&wire).check()
    };
    assert_eq!(with("to", json!([])), Err(TargetError::NoRecipient));
    assert_eq!(with("username", Value::Null), Err(TargetError::HalfALogin));
    assert!(matches!(with("server", json!("smtp://10.0.0.1")), Err(TargetError::AddressRefused { .. })));
    assert!(matches!(with("server", json!("smtp://0x7f.1")), Err(TargetError::AddressRefused { .. })));
    let plain = |server: &str| {
        let mut wire = targets()[7].clone();
        (wire["server"], wire["allow_plaintext"]) = (json!(server), json!(true));
        read(&wire).check()
    };
    assert_eq!(plain("smtp://127.0.0.1:25"), Ok(()));
    assert_eq!(plain("smtps://127.0.0.1"), Err(TargetError::PlaintextOverTls));
    assert!(matches!(plain("smtp://10.0.0.1:25"), Err(TargetError::AddressRefused { .. })));
    assert!(matches!(plain("smtp://8.8.8.8:25"), Err(TargetError::AddressRefused { .. })));
}

#[test]
fn a_webhooks_secret_has_the_form_of_standard_webhooks() {
    let random = WebhookSecret::random(&lanyard_time::SeededEntropy::new(1));
    let text = random.expose_text();
    assert_eq!(text.parse::<WebhookSecret>().unwrap().expose_secret(), random.expose_secret());
    assert_eq!(random.expose_secret().len(), 32);
    for bad in [
        "",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_!",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &format!("whsec_{}", "A".repeat(100)),
    ] {
        assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
    }
}

#[test]
fn a_command_has_a_program() {
    for bad in [vec![], vec![""], vec!["a\0b"], vec!["a", "\0"]] {
        let argv: Vec<String> = bad.into_iter().map(str::to_owned).collect();
        assert_eq!(Argv::try_from(argv), Err(TargetError::NoProgram));
    }
}
