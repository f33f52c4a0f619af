//! Mail over SMTP.

mod message;
mod stream;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lanyard_secret::SecretText;
use lanyard_time::{Moment, Sleep};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::DeliveryError;
use crate::notice::Notice;
use crate::outbound::{UnknownHost, admitted, reason};
use crate::target::{MailAddress, MailSecurity, MailTarget, TargetError};

use self::stream::Answers;

/// Sends the mail, once, to each recipient that does not have it and that the server accepts.
pub(crate) async fn send(
    target: &MailTarget,
    notice: &Notice,
    have_it: &[String],
    at: &Moment,
    authorities: &[Vec<u8>],
    sleep: &dyn Sleep,
) -> Result<(), DeliveryError> {
    let delivery = Delivery { target, receiver: target.server.host().to_string(), authorities };
    let message = message::write(target, notice, at.wall);
    let mut connection = delivery.connect().await?;
    if let (Some(username), Some(password)) = (&target.username, &target.password) {
        delivery.log_in(&mut connection, username, password).await?;
    }
    let sent = delivery.hand_over(&mut connection, message.as_bytes(), have_it).await;
    // The server has answered. Whether it says goodbye does not matter.
    tokio::select! {
        () = connection.abort() => {}
        () = sleep.sleep(LONGEST_GOODBYE) => {}
    }
    sent
}

struct Delivery<'a> {
    target: &'a MailTarget,
    receiver: String,
    /// In PEM.
    authorities: &'a [Vec<u8>],
}

impl Delivery<'_> {
    /// Connects, and encrypts the connection before anything is sent that matters.
    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let server = &self.target.server;
        let addresses = self.addresses().await?;
        let hello = ClientId::Domain(self.target.from.host().to_owned());
        let failed = |error: Error| self.failed(&error, "the connection");
        let broken = |error: io::Error| self.unreachable(&error);
        // Each address was checked; this looks up no name.
        let stream = TcpStream::connect(&*addresses).await.map_err(broken)?;
        let peer = stream.peer_addr().map_err(broken)?;
        if server.security() == MailSecurity::Tls {
            let tls = TlsConnector::from(Arc::new(self.tls_from_the_start()?));
            let name = ServerName::try_from(self.tls_name()).map_err(|_| TargetError::Setup)?;
            let stream = Box::new(Answers::encrypted(tls.connect(name, stream).await.map_err(broken)?, peer));
            return AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(failed);
        }
        let stream = Box::new(Answers::plain(stream, peer));
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(failed)?;
        if self.target.allow_plaintext {
            return Ok(connection);
        }
        if !connection.can_starttls() {
            return Err(self.later("it does not offer STARTTLS, and nothing was sent".into()));
        }
        connection.starttls(self.tls()?, &hello).await.map_err(failed)?;
        Ok(connection)
    }

    /// The addresses of the server that are within reach.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, DeliveryError> {
        let (server, reach) = (&self.target.server, self.target.reach());
        let found = if let Some(literal) = server.literal() {
            admitted([SocketAddr::new(literal, server.port())], reach)
        } else {
            let found = tokio::net::lookup_host((self.receiver.as_str(), server.port())).await;
            admitted(found.map_err(|_| self.unreachable(&UnknownHost))?, reach)
        };
        found.map_err(|refused| DeliveryError::AddressRefused { receiver: self.receiver.clone(), refused })
    }

    /// TLS for the server's name, whatever its address is.
    fn tls(&self) -> Result<TlsParameters, TargetError> {
        let mut builder = TlsParametersBuilder::new(self.tls_name());
        for pem in self.authorities {
            builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(|_| TargetError::Authority)?);
        }
        builder.build_rustls().map_err(|_| TargetError::Setup)
    }

    fn tls_name(&self) -> String {
        self.receiver.trim_matches(['[', ']']).to_owned()
    }

    /// The same TLS for `smtps://`. The SMTP client makes such connections itself, and reads them without a limit.
    fn tls_from_the_start(&self) -> Result<ClientConfig, TargetError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut authorities = Vec::new();
        for pem in self.authorities {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                authorities.push(certificate.map_err(|_| TargetError::Authority)?);
            }
        }
        let verifier = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider));
        let verifier = Arc::new(verifier.map_err(|_| TargetError::Setup)?);
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|_| TargetError::Setup)?.dangerous().with_custom_certificate_verifier(verifier);
        Ok(config.with_no_client_auth())
    }

    async fn log_in(
        &self,
        connection: &mut AsyncSmtpConnection,
        username: &str,
        password: &SecretText,
    ) -> Result<(), DeliveryError> {
        if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            return Err(self.later("it offers no login with a password".into()));
        }
        let credentials = Credentials::new(username.to_owned(), password.expose_secret().to_owned());
        let logged_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        logged_in.map(drop).map_err(|error| self.failed(&error, "the login"))
    }

    /// Sends the message to those who do not have it. One recipient that is refused does not keep it from the others.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &[u8],
        have_it: &[String],
    ) -> Result<(), DeliveryError> {
        let from = Mail::new(Some(address(&self.target.from)), Vec::new());
        connection.command(from).await.map_err(|error| self.failed(&error, "the sender"))?;
        let (mut accepted, mut refusals) = (Vec::new(), Vec::new());
        for to in self.target.to.iter().filter(|to| !have_it.iter().any(|has| has == to.as_str())) {
            match connection.command(Rcpt::new(address(to), Vec::new())).await {
                Ok(_) => accepted.push(to.as_str().to_owned()),
                Err(error) if error.status().is_some() => refusals.push(error),
                Err(error) => return Err(self.failed(&error, "a recipient")),
            }
        }
        if !accepted.is_empty() {
            connection.command(Data).await.map_err(|error| self.failed(&error, "the mail"))?;
            connection.message(message).await.map_err(|error| self.failed(&error, "the mail"))?;
        }
        // The one that may change comes first.
        refusals.sort_by_key(Error::is_permanent);
        let Some(error) = refusals.first() else { return Ok(()) };
        let what = format!("{} of {} recipients", refusals.len(), self.target.to.len());
        match self.failed(error, &what) {
            // One that does not exist is no reason to send the others the mail again and again.
            failed @ DeliveryError::Refused { .. } if accepted.len() + have_it.len() > 0 => {
                tracing::warn!("the mail went to the other recipients: {failed}");
                Ok(())
            }
            DeliveryError::Later { receiver, reason, .. } if !accepted.is_empty() => {
                Err(DeliveryError::Partly { receiver, reason, accepted })
            }
            failed => Err(failed),
        }
    }

    /// Judges an error by its code. The server's words are not repeated.
    fn failed(&self, error: &Error, what: &str) -> DeliveryError {
        let receiver = self.receiver.clone();
        match error.status() {
            Some(code) if error.is_permanent() => {
                DeliveryError::Refused { receiver, reason: format!("it refused {what} ({code})").into() }
            }
            Some(code) => self.later(format!("it refused {what} for now ({code})").into()),
            None if error.is_response() || error.is_client() => {
                self.later("it does not answer as a mail server".into())
            }
            None => self.unreachable(error),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> DeliveryError {
        DeliveryError::Unreachable { receiver: self.receiver.clone(), reason: reason(error).into() }
    }

    fn later(&self, reason: Cow<'static, str>) -> DeliveryError {
        DeliveryError::Later { receiver: self.receiver.clone(), reason, retry_after: None }
    }
}

/// # Panics
/// Never: a mail address was read by this parser before.
fn address(address: &MailAddress) -> lettre::Address {
    address.as_str().parse().expect("it was checked when it was made")
}

/// How long the end of a connection is waited for.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);
