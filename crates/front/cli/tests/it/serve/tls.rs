//! TLS, by a certificate that the test makes.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex};
use lanyard_time::{Clock as _, SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::LANYARD;

/// An authority, and the files with the certificate that it gives to a broker.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Of that name: by it a client finds whom it trusts.
    pub(crate) fn new(name: &str) -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap() }
    }

    /// An authority whose own certificate expires at `end`.
    fn until(name: &str, end: SystemTime) -> Self {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, name);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.not_after = end.into();
        Self { issuer: CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Certifies that name, into files of the home's.
    pub(crate) fn certify(&self, home: &Home, name: &str) -> [PathBuf; 2] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let files = [home.file("tls.pem", &certificate.pem()), home.file("tls.key", &key.serialize_pem())];
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Certifies a name until `end`.
    fn certify_until(&self, home: &Home, name: &str, end: SystemTime) -> [PathBuf; 2] {
        let key = KeyPair::generate().unwrap();
        let mut certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
        certificate.not_after = end.into();
        let certificate = certificate.signed_by(&key, &self.issuer).unwrap();
        let files = [home.file("tls.pem", &certificate.pem()), home.file("tls.key", &key.serialize_pem())];
        fs::set_permissions(&files[1], fs::Permissions::from_mode(0o600)).unwrap();
        files
    }

    fn trusted(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }
}

/// Asks over TLS as a client that trusts `roots` and takes the broker to be `name`.
fn ask(
    address: &str,
    roots: RootCertStore,
    name: &str,
    versions: &[&'static SupportedProtocolVersion],
    request: &str,
) -> io::Result<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.write_all(request.as_bytes())?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

#[test]
fn a_client_that_trusts_the_authority_is_given_a_token_and_nobody_else_speaks_to_it() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let key = home.run(["client", "add", "dashboard", "--credential", "acme", "--can", "token"]).ok();
    let authority = Authority::new("the first");
    let [certificate, private] = authority.certify(&home, "lanyard.test");
    let broker = Served::start(
        &home,
        [
            "--http",
            "127.0.0.1:0",
            "--http-name",
            "lanyard.test",
            "--tls-certificate",
            certificate.to_str().unwrap(),
            "--tls-key",
            private.to_str().unwrap(),
        ],
    );
    let address = broker.address();
    let port = address.rsplit_once(':').unwrap().1;
    let request = format!(
        "GET /api/v1/credentials/acme/token HTTP/1.1\r\nHost: lanyard.test:{port}\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\n\r\n",
        key.trim()
    );
    for versions in [&BOTH[..], &[&TLS12], &[&TLS13]] {
        let reply = ask(&address, authority.trusted(), "lanyard.test", versions, &request).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("access_token"), "{reply}");
    }

    // Whoever does not know the authority, or means another, sends nothing.
    let stranger = ask(&address, Authority::new("another").trusted(), "lanyard.test", &BOTH, &request).unwrap_err();
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
    let other = ask(&address, authority.trusted(), "other.test", &BOTH, &request).unwrap_err();
    assert!(other.to_string().contains("not valid for name"), "{other}");

    // Without encryption it says so, in words that any client shows.
    let plain = broker.ask_raw(request.as_bytes()).expect("an answer");
    assert_eq!((plain.status, plain.problem()), (400, Some("bad-request")), "{plain:?}");
    assert!(plain.json()["hint"].as_str().unwrap().contains("https://"), "{plain:?}");

    // TLS 1.1 (RFC 4346), as its hello looks: refused with the alert protocol_version (RFC 8446, section 6.2).
    let mut hello = vec![0x16, 3, 1, 0, 55, 1, 0, 0, 51, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0, 0, 8, 0, 0x0d, 0, 4, 0, 2, 4, 3]);
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(&hello).unwrap();
    let mut alert = Vec::new();
    stream.read_to_end(&mut alert).unwrap();
    assert_eq!((alert.first(), alert.get(5..)), (Some(&0x15), Some(&[2, 70][..])), "{alert:?}");

    // Another certificate is taken when it is told so; one that cannot be used is not.
    let next = Authority::new("the next");
    next.certify(&home, "lanyard.test");
    broker.signal("HUP");
    broker.wait_for("the certificate was read again");
    assert!(ask(&address, next.trusted(), "lanyard.test", &BOTH, &request).unwrap().starts_with("HTTP/1.1 200"));
    ask(&address, authority.trusted(), "lanyard.test", &BOTH, &request).unwrap_err();
    fs::write(&certificate, "no certificate").unwrap();
    broker.signal("HUP");
    broker.wait_for("the earlier certificate stays");
    assert!(ask(&address, next.trusted(), "lanyard.test", &BOTH, &request).unwrap().starts_with("HTTP/1.1 200"));
    assert!(broker.stop().status.success());
}

#[test]
fn a_certificate_that_expires_soon_or_has_expired_is_reported() {
    let home = Home::new(LANYARD);
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = home.with_acme(&webex);
    let authority = Authority::new("the first");
    let day = Duration::from_hours(24);
    let now = SystemTime::from(SystemClock::new().now().wall);
    for (end, expected) in [
        (now + 15 * day, None),
        (now + 13 * day, Some("the TLS certificate expires within 14 days")),
        (now - day, Some("the TLS certificate has expired")),
    ] {
        let [certificate, private] = authority.certify_until(&home, "lanyard.test", end);
        let words = ["--http", "127.0.0.1:0", "--http-name", "lanyard.test", "--tls-certificate"];
        let files = [certificate.to_str().unwrap(), "--tls-key", private.to_str().unwrap()];
        let broker = Served::start(&home, words.into_iter().chain(files));
        if let Some(text) = expected {
            let line = broker.wait_for(text);
            assert!(line["hint"].as_str().unwrap().contains("SIGHUP"), "{line}");
        } else {
            assert_eq!(broker.ask("GET", "/readyz").status, 200);
            assert!(!format!("{:?}", broker.log()).contains("the TLS certificate"));
        }
        assert!(broker.stop().status.success());
    }
}

#[test]
fn an_issuer_in_the_file_that_expires_before_the_certificate_is_reported() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::new(LANYARD).with_acme(&webex);
    let day = Duration::from_hours(24);
    let now = SystemTime::from(SystemClock::new().now().wall);
    for (end, expected) in [(now + day, "expires within 14 days"), (now - day, "has expired: clients may refuse")] {
        let authority = Authority::until("the first", end);
        let [certificate, private] = authority.certify_until(&home, "lanyard.test", now + 400 * day);
        let leaf = fs::read_to_string(&certificate).unwrap();
        fs::write(&certificate, leaf + &authority.pem()).unwrap();
        let words = ["--http", "127.0.0.1:0", "--http-name", "lanyard.test", "--tls-certificate"];
        let files = [certificate.to_str().unwrap(), "--tls-key", private.to_str().unwrap()];
        let broker = Served::start(&home, words.into_iter().chain(files));
        let line = broker.wait_for(&format!("an issuer in the file of the TLS certificate {expected}"));
        assert!(line["place"] == 2 && line["hint"].as_str().unwrap().contains("SIGHUP"), "{line}");
        assert!(broker.stop().status.success());
    }
}
