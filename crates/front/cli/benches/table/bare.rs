//! The least that a command can be: its arguments are read with clap, and one request is sent over the socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::load;

/// The word that starts this part: `bare --socket SOCKET NAME`.
pub(crate) const PART: &str = "bare";

#[derive(Debug, Parser)]
struct Arguments {
    /// This part
    part: String,
    /// The credential
    name: String,
    /// The socket
    #[arg(long)]
    socket: PathBuf,
}

/// Asks for a token, and prints it.
pub(crate) fn run() -> ExitCode {
    let Arguments { name, socket, .. } = Arguments::parse();
    let mut stream = UnixStream::connect(socket).expect("the broker is there");
    let request = load::request(&format!("/api/v1/credentials/{name}/token"));
    let request = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the broker reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the broker answers");
    let Some((_, body)) = answer.split_once("\r\n\r\n") else { return ExitCode::FAILURE };
    let body: serde_json::Value = serde_json::from_str(body).expect("the answer is JSON");
    let Some(token) = body["access_token"].as_str() else { return ExitCode::FAILURE };
    std::io::stdout().write_all(format!("{token}\n").as_bytes()).expect("somebody reads");
    ExitCode::SUCCESS
}
