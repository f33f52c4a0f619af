//! A small mail server (SMTP, RFC 5321) that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// A mail server on loopback that runs as long as this value lives.
#[derive(Debug)]
pub struct MailServer {
    runtime: Option<Runtime>,
    address: SocketAddr,
    state: Arc<State>,
}

/// A mail as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The sender, as the client named it to the server.
    pub from: String,
    /// The recipients, as the client named them to the server.
    pub to: Vec<String>,
    /// Headers and body, with line feeds for line ends.
    pub text: String,
    /// Whether the connection was encrypted.
    pub secured: bool,
    /// The user name and the password, if the client sent them.
    pub login: Option<(String, String)>,
}

/// How a mail server protects its connections.
#[derive(Clone)]
pub enum MailTls {
    /// Not at all.
    Never,
    /// With STARTTLS.
    Offered(TlsAcceptor),
    /// From the start.
    FromTheStart(TlsAcceptor),
}

impl std::fmt::Debug for MailTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Never => "Never",
            Self::Offered(_) => "Offered",
            Self::FromTheStart(_) => "FromTheStart",
        })
    }
}

#[derive(Debug)]
struct State {
    tls: MailTls,
    /// For the beginnings of commands, the replies to them.
    replies: Vec<(String, String)>,
    mails: Mutex<Vec<Mail>>,
    /// Every command, without the content of mails.
    commands: watch::Sender<Vec<String>>,
}

impl MailServer {
    /// Starts a server. `replies` names beginnings of commands, and the replies to them in place of the usual ones. An empty reply means that
    /// the server stays silent. The pseudo commands `CONNECT` and `.` stand for the greeting and for the end of a mail.
    pub fn start(tls: MailTls, replies: &[(&str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime is had");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let address = listener.local_addr().expect("it is bound");
        let replies = replies.iter().map(|&(command, reply)| (command.to_owned(), reply.to_owned())).collect();
        let state = Arc::new(State { tls, replies, mails: Mutex::default(), commands: watch::Sender::default() });
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it does not block");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { runtime: Some(runtime), address, state }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The commands so far.
    pub fn commands(&self) -> Vec<String> {
        self.state.commands.borrow().clone()
    }

    /// Waits until a command with this beginning has come.
    pub async fn heard(&self, beginning: &str) {
        let mut commands = self.state.commands.subscribe();
        let heard = commands.wait_for(|commands| commands.iter().any(|command| command.starts_with(beginning)));
        heard.await.expect("the server runs");
    }
}

/// In the background, so that a test with a runtime of its own can drop it.
impl Drop for MailServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One connection. It ends with an error if the client goes, and if there is nothing more to say.
async fn serve(stream: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    if let MailTls::FromTheStart(tls) = &state.tls {
        let stream = tls.accept(stream).await?;
        let mut session = Session::new(stream, &state, true);
        session.reply("CONNECT", "220 mail.example ESMTP").await?;
        session.run().await?;
        return Ok(());
    }
    let mut session = Session::new(stream, &state, false);
    session.reply("CONNECT", "220 mail.example ESMTP").await?;
    if let (Next::Tls, MailTls::Offered(tls)) = (session.run().await?, &state.tls) {
        // What the client sent too early is lost, as it must be.
        let stream = tls.accept(session.stream.into_inner()).await?;
        Session::new(stream, &state, true).run().await?;
    }
    Ok(())
}

/// The continuation of a connection after its first part.
enum Next {
    Tls,
    End,
}

struct Session<'a, S> {
    stream: BufReader<S>,
    state: &'a State,
    secured: bool,
    login: Option<(String, String)>,
    from: String,
    to: Vec<String>,
}

impl<'a, S: Stream> Session<'a, S> {
    fn new(stream: S, state: &'a State, secured: bool) -> Self {
        Self { stream: BufReader::new(stream), state, secured, login: None, from: String::new(), to: Vec::new() }
    }

    async fn run(&mut self) -> std::io::Result<Next> {
        loop {
            let command = self.line().await?;
            self.state.commands.send_modify(|commands| commands.push(command.clone()));
            let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => {
                    let tls = matches!(self.state.tls, MailTls::Offered(_)) && !self.secured;
                    let tls = if tls { "250-STARTTLS\r\n" } else { "" };
                    self.reply(&command, &format!("250-mail.example\r\n{tls}250 AUTH PLAIN LOGIN")).await?;
                }
                "STARTTLS" => {
                    if self.reply(&command, "220 go ahead").await? {
                        return Ok(Next::Tls);
                    }
                }
                "AUTH" => self.authenticate(&command).await?,
                "MAIL" => {
                    if self.reply(&command, "250 fine").await? {
                        (self.from, self.to) = (address(&command), Vec::new());
                    }
                }
                "RCPT" => {
                    if self.reply(&command, "250 fine").await? {
                        self.to.push(address(&command));
                    }
                }
                "DATA" => {
                    if self.reply(&command, "354 end with a dot").await? {
                        self.receive().await?;
                    }
                }
                "QUIT" => {
                    self.reply(&command, "221 bye").await?;
                    return Ok(Next::End);
                }
                _ => {
                    self.reply(&command, "250 fine").await?;
                }
            }
        }
    }

    async fn authenticate(&mut self, command: &str) -> std::io::Result<()> {
        let decode = |text: &str| {
            let bytes = STANDARD.decode(text).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let login = if let Some(response) = command.strip_prefix("AUTH PLAIN ") {
            let text = decode(response);
            let mut parts = text.split('\0').skip(1).map(str::to_owned);
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        } else {
            let mut said = Vec::new();
            for question in ["Username:", "Password:"] {
                let question = format!("334 {}\r\n", STANDARD.encode(question));
                self.stream.get_mut().write_all(question.as_bytes()).await?;
                said.push(decode(&self.line().await?));
            }
            let password = said.pop().unwrap_or_default();
            (said.pop().unwrap_or_default(), password)
        };
        if self.reply(command, "235 welcome").await? {
            self.login = Some(login);
        }
        Ok(())
    }

    async fn receive(&mut self) -> std::io::Result<()> {
        let mut text = String::new();
        loop {
            let line = self.line().await?;
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push('\n');
        }
        // It is kept before the client learns of it.
        if self.scripted(".").is_none_or(|reply| reply.starts_with('2')) {
            let mail = Mail {
                from: self.from.clone(),
                to: self.to.clone(),
                text,
                secured: self.secured,
                login: self.login.clone(),
            };
            self.state.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        }
        self.reply(".", "250 kept").await?;
        Ok(())
    }

    fn scripted(&self, command: &str) -> Option<&'a str> {
        let mut replies = self.state.replies.iter();
        replies.find(|(beginning, _)| command.starts_with(beginning.as_str())).map(|(_, reply)| reply.as_str())
    }

    /// Replies as scripted, or as usual; returns whether that was a success.
    async fn reply(&mut self, command: &str, usual: &str) -> std::io::Result<bool> {
        let reply = self.scripted(command).unwrap_or(usual);
        if reply.is_empty() {
            // Until the client goes.
            while self.stream.read_line(&mut String::new()).await? > 0 {}
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let stream = self.stream.get_mut();
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        stream.flush().await?;
        Ok(reply.starts_with(['2', '3']))
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line);
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The address between angle brackets.
fn address(command: &str) -> String {
    let within = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    within.map_or_else(String::new, |(address, _)| address.to_owned())
}
