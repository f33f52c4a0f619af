//! Mail.

use std::time::Duration;

use lanyard_channel::{Channels, DeliveryError, MailTarget, Target};
use lanyard_secret::SecretText;
use lanyard_testkit::{Authority, MailServer, MailTls};

use crate::world::{World, notice};

fn target(scheme: &str, server: &MailServer) -> MailTarget {
    MailTarget {
        server: format!("{scheme}://localhost:{}", server.port()).parse().unwrap(),
        username: Some("lanyard".to_owned()),
        password: Some(SecretText::new("canary pass")),
        from: "lanyard@msp.example".parse().unwrap(),
        to: ["noc@msp.example", "duty@msp.example"].map(|to| to.parse().unwrap()).into(),
        allow_private: true,
        allow_plaintext: false,
    }
}

fn trusting(authority: &Authority) -> World {
    World::with(|channels| channels.trusting(authority.pem().as_bytes()).unwrap())
}

async fn deliver(world: &World, target: MailTarget) -> Result<(), DeliveryError> {
    let delivered = world.deliver(&Target::Mail(target), &notice()).await;
    assert!(!format!("{delivered:?}").contains("canary"), "{delivered:?}");
    delivered
}

#[tokio::test]
async fn mail_arrives_over_starttls_and_over_tls() {
    let authority = Authority::new();
    for (scheme, tls) in [
        ("smtp", MailTls::Offered(authority.acceptor("localhost"))),
        ("smtps", MailTls::FromTheStart(authority.acceptor("localhost"))),
    ] {
        let server = MailServer::start(tls, &[]);
        deliver(&trusting(&authority), target(scheme, &server)).await.unwrap();
        let [mail] = <[_; 1]>::try_from(server.mails()).unwrap();
        assert_eq!(mail.from, "lanyard@msp.example");
        assert_eq!(mail.to, ["noc@msp.example", "duty@msp.example"]);
        assert!(mail.secured);
        assert_eq!(mail.login, Some(("lanyard".to_owned(), "canary pass".to_owned())));
        let subject = mail.text.lines().find(|line| line.starts_with("Subject: ")).unwrap();
        assert_eq!(subject, "Subject: [Lanyard] acme: Webex refused to renew the credential");
        assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_connection_is_encrypted() {
    let authority = Authority::new();
    for (tls, replies, said) in [
        (
            MailTls::Never,
            vec![],
            "localhost did not accept the event: it does not offer STARTTLS, and nothing was sent",
        ),
        (
            MailTls::Offered(authority.acceptor("localhost")),
            vec![("STARTTLS", "454 not now")],
            "localhost did not accept the event: it refused the connection for now (454)",
        ),
        (
            MailTls::Offered(authority.acceptor("other.example")),
            vec![],
            "localhost cannot be reached: its certificate is not valid for this host, or its authority is not trusted",
        ),
        (
            MailTls::Offered(Authority::new().acceptor("localhost")),
            vec![],
            "localhost cannot be reached: its certificate is not valid for this host, or its authority is not trusted",
        ),
    ] {
        let server = MailServer::start(tls, &replies);
        let error = deliver(&trusting(&authority), target("smtp", &server)).await.unwrap_err();
        assert_eq!(error.to_string(), said);
        assert!(error.may_retry());
        let commands = server.commands();
        assert!(
            commands
                .iter()
                .all(|command| command.starts_with("EHLO") || matches!(command.as_str(), "STARTTLS" | "QUIT")),
            "{commands:?}"
        );
    }
}

/// An attacker on the path sends more than the answer to STARTTLS: replies that would be taken for those of the encrypted connection.
#[tokio::test]
async fn replies_before_the_encryption_are_not_taken_for_later_ones() {
    let authority = Authority::new();
    let fake = "220 go ahead\r\n250-evil.example\r\n250 AUTH PLAIN\r\n235 yes\r\n250 yes\r\n250 yes\r\n250 yes\r\n354 yes\r\n250 yes";
    let server = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[("STARTTLS", fake)]);
    let error = deliver(&trusting(&authority), target("smtp", &server)).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unreachable { .. }), "{error:?}");
    assert_eq!(server.commands().last().map(String::as_str), Some("STARTTLS"));
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn an_answer_decides_how_a_mail_went() {
    let authority = Authority::new();
    let mut said = Vec::new();
    for reply in [
        ("CONNECT", "554 no service"),
        ("CONNECT", "421 later"),
        ("CONNECT", "canary, which is not SMTP"),
        ("EHLO", "502 what"),
        ("AUTH", "535 canary is wrong"),
        ("AUTH", "454 later"),
        ("MAIL", "550 not you"),
        ("RCPT TO:<noc", "550 unknown"),
        ("RCPT TO:<noc", "450 greylisted"),
        ("RCPT", "550 unknown"),
        ("DATA", "451 later"),
        (".", "552 too large"),
        (".", "451 later"),
        ("QUIT", "500 what"),
    ] {
        let server = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[reply]);
        let delivered = deliver(&trusting(&authority), target("smtp", &server)).await;
        let told =
            delivered.map_or_else(|error| format!("{error} / retry: {}", error.may_retry()), |()| "sent".to_owned());
        said.push(format!("{} {}: {told} / {} mails", reply.0, &reply.1[..3], server.mails().len()));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[tokio::test]
async fn one_refused_recipient_keeps_no_other_from_the_mail() {
    let authority = Authority::new();
    let server =
        MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[("RCPT TO:<noc", "550 unknown")]);
    // It is not sent again: the others have it.
    deliver(&trusting(&authority), target("smtp", &server)).await.unwrap();
    assert_eq!(server.mails()[0].to, ["duty@msp.example"]);
    // One that may be accepted later is worth a repetition, for that one alone.
    let server =
        MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[("RCPT TO:<noc", "450 greylisted")]);
    let error = deliver(&trusting(&authority), target("smtp", &server)).await.unwrap_err();
    assert!(error.may_retry());
    let DeliveryError::Partly { accepted, .. } = error else { panic!("{error:?}") };
    assert_eq!(accepted, ["duty@msp.example"]);
    let later = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[]);
    let target = Target::Mail(target("smtp", &later));
    trusting(&authority).deliver_again(&target, &notice(), &accepted).await.unwrap();
    assert_eq!(later.mails()[0].to, ["noc@msp.example"]);
}

#[tokio::test]
async fn a_server_whose_answer_does_not_end_is_left() {
    let authority = Authority::new();
    let endless = "2".repeat(300 * 1024);
    for (scheme, tls) in [
        ("smtp", MailTls::Offered(authority.acceptor("localhost"))),
        ("smtps", MailTls::FromTheStart(authority.acceptor("localhost"))),
    ] {
        let server = MailServer::start(tls, &[("EHLO", &endless)]);
        let error = deliver(&trusting(&authority), target(scheme, &server)).await.unwrap_err();
        assert!(matches!(error, DeliveryError::Unreachable { .. }) && server.mails().is_empty(), "{scheme}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_limit() {
    let authority = Authority::new();
    for beginning in ["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "DATA", "."] {
        let server = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[(beginning, "")]);
        let (world, target) = (trusting(&authority), target("smtp", &server));
        let (ended, ()) = tokio::join!(deliver(&world, target), async {
            match beginning {
                // Its connection is all that is seen of the client, if that.
                "CONNECT" => {}
                "." => server.heard("DATA").await,
                _ => server.heard(beginning).await,
            }
            world.alarm.ring(Channels::LONGEST);
        });
        assert_eq!(ended.unwrap_err().to_string(), "localhost took longer than 30 s", "{beginning}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_goodbye_has_the_mail_all_the_same() {
    let authority = Authority::new();
    let server = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[("QUIT", "")]);
    let world = trusting(&authority);
    world.alarm.ring(Duration::from_secs(1));
    deliver(&world, target("smtp", &server)).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_private_server_is_reached_only_if_that_is_allowed() {
    let server = MailServer::start(MailTls::Never, &[]);
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let mut target = target("smtp", &server);
        target.server = format!("smtp://{host}:{}", server.port()).parse().unwrap();
        target.allow_private = false;
        let error = deliver(&World::new(), target).await.unwrap_err();
        assert!(matches!(error, DeliveryError::AddressRefused { .. }), "{host}: {error:?}");
    }
    let mut plain = target("smtp", &server);
    (plain.allow_private, plain.allow_plaintext) = (false, true);
    deliver(&World::new(), plain).await.unwrap();
    let [mail] = <[_; 1]>::try_from(server.mails()).unwrap();
    assert!(!mail.secured);
}

#[tokio::test]
async fn a_hostile_notice_adds_no_recipient_header_or_command() {
    let authority = Authority::new();
    let server = MailServer::start(MailTls::Offered(authority.acceptor("localhost")), &[]);
    let mut hostile = notice();
    let attack = "x\r\nBcc: evil@evil.example\r\n\r\n.\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<evil@evil.example>";
    hostile.data.summary = attack.to_owned();
    hostile.data.hint = Some(attack.to_owned());
    hostile.source = attack.to_owned();
    let target = Target::Mail(target("smtp", &server));
    trusting(&authority).deliver(&target, &hostile).await.unwrap();
    let [mail] = <[_; 1]>::try_from(server.mails()).unwrap();
    assert_eq!(mail.to, ["noc@msp.example", "duty@msp.example"]);
    assert!(!mail.text.contains("\nBcc:"), "{}", mail.text);
    let senders = server.commands().iter().filter(|command| command.starts_with("MAIL")).count();
    assert_eq!(senders, 1);
}
