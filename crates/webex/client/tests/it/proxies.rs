//! Proxies and certificates, as the surroundings of the process name them.
//!
//! Both are read from the environment of the process, so what is asked here is asked by a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, answer, read};
use crate::world::World;

/// Names the API base that the other process asks.
const ADDRESS: &str = "LANYARD_TEST_ADDRESS";
const ME: &str = r#"{"id":"p","displayName":"Proxied"}"#;

/// Asks from another process, whose environment holds these variables and no other proxy, and returns the result that it printed.
async fn ask(address: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "request_method"]
    {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let output = command
        .args(["proxies::one_who_asks", "--exact", "--ignored", "--nocapture"])
        .env(ADDRESS, address)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.split_once("heard: ")).unwrap_or_else(|| panic!("{said}")).1.to_owned()
}

/// The other process.
#[tokio::test]
#[ignore = "the tests of this file run it, each in a process with an environment of its own"]
async fn one_who_asks() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    let environment = Environment::at(&address).unwrap();
    let heard = match World::new().transport.me(&environment, &AccessToken::new("canary")).await {
        Ok(person) => person.display_name,
        Err(error) => error.to_string(),
    };
    println!("heard: {heard}");
}

/// A proxy that keeps the first line of what it is asked. With certificates it plays the server behind it, too.
#[derive(Debug)]
struct Proxy {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn start(behind: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                proxy(stream, &kept, behind.as_ref()).await;
            }
        });
        Self { address, seen, task }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn proxy(mut stream: TcpStream, seen: &Mutex<Vec<String>>, behind: Option<&TlsAcceptor>) {
    let request = read(&mut stream).await;
    assert!(!request.contains("canary"), "a proxy sees no token");
    seen.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
    let Some(behind) = behind else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
    // A client that does not know the certificate ends it here.
    let Ok(mut inside) = behind.accept(stream).await else { return };
    let mut bytes = [0; 8192];
    let length = inside.read(&mut bytes).await.unwrap_or(0);
    seen.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned());
    let reply = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{ME}", ME.len());
    let _ = inside.write_all(reply.as_bytes()).await;
    let _ = inside.shutdown().await;
}

/// A server's certificate for `host`, and the authority behind it in a file.
fn certified(host: &str, authority: &Path) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(authority, issuer.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_proxy_is_asked_for_every_webex_beyond_this_machine() {
    for (address, target) in [
        ("https://webexapis.com/v1", "webexapis.com:443"),
        ("https://api-usgov.webex.com/v1", "api-usgov.webex.com:443"),
        ("https://webex.invalid:8443/v1", "webex.invalid:8443"),
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let proxy = Proxy::start(None).await;
            let heard = ask(address, &[(variable, &proxy.address)]).await;
            assert_eq!(proxy.seen(), [format!("CONNECT {target} HTTP/1.1")], "{variable}");
            // Nothing was sent: the proxy made no connection.
            assert!(heard.contains("/people/me cannot be reached (tracking id "), "{heard}");
        }
    }
}

#[tokio::test]
async fn a_name_that_needs_no_proxy_is_reached_without_one() {
    for names in ["webex.invalid", ".invalid", "example.com, .invalid", "*"] {
        let proxy = Proxy::start(None).await;
        let variables = [("HTTPS_PROXY", proxy.address.as_str()), ("NO_PROXY", names)];
        let heard = ask("https://webex.invalid/v1", &variables).await;
        assert!(heard.contains("cannot be reached"), "{heard}");
        assert!(proxy.seen().is_empty(), "{names}: {:?}", proxy.seen());
    }
}

#[tokio::test]
async fn a_webex_on_this_machine_is_never_reached_through_a_proxy() {
    let proxy = Proxy::start(None).await;
    let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let variables = variables.map(|name| (name, proxy.address.as_str()));
    let webex = Server::playing([answer("200 OK", &[], ME)]).await;
    assert_eq!(ask(webex.environment().id(), &variables).await, "Proxied");
    assert_eq!(webex.seen().len(), 1);
    for address in ["https://127.0.0.1:1/v1", "https://localhost:1/v1", "http://[::1]:1/v1"] {
        let heard = ask(address, &variables).await;
        assert!(heard.contains("cannot be reached"), "{heard}");
    }
    assert_eq!(proxy.seen(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_cannot_be_read_is_not_passed_by() {
    for value in ["http://DOM\\user:canary@127.0.0.1:1", "http://[::1:1", "proxy host", "http://u:can@ary@127.0.0.1:1"]
    {
        let heard = ask(Environment::fedramp().id(), &[("HTTPS_PROXY", value)]).await;
        assert!(heard.starts_with("HTTPS_PROXY is not the address of a proxy: "), "{heard}");
        assert!(!heard.contains("canary") && !heard.contains("ary@"), "{heard}");
    }
}

/// `SSL_CERT_FILE` names the system's store on Linux alone; elsewhere a test would have to change the machine's own.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_proxy_that_opens_the_traffic_is_trusted_where_the_systems_store_knows_it() {
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("authority.pem");
    let proxy = Proxy::start(Some(certified("api-usgov.webex.com", &authority))).await;
    let fedramp = Environment::fedramp();

    let stranger = ask(fedramp.id(), &[("HTTPS_PROXY", &proxy.address)]).await;
    assert!(stranger.contains("cannot be reached"), "{stranger}");
    assert_eq!(proxy.seen(), ["CONNECT api-usgov.webex.com:443 HTTP/1.1"]);

    let variables = [("HTTPS_PROXY", proxy.address.as_str()), ("SSL_CERT_FILE", authority.to_str().unwrap())];
    assert_eq!(ask(fedramp.id(), &variables).await, "Proxied");
    assert_eq!(proxy.seen()[2], "GET /v1/people/me HTTP/1.1");
}
