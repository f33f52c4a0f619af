//! The connection to a mail server, which trusts its answers little.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which a limited number of bytes is read, and byte by byte until it changes to TLS.
///
/// The client of SMTP reads lines through a buffer, and keeps that buffer when the connection changes to TLS. An attacker
/// on the path could send more than the answer to STARTTLS, and the client would read the rest as if it had come encrypted. Read byte by byte,
/// the buffer never holds more than a line, and TLS refuses the rest.
#[derive(Debug)]
pub(super) struct Answers<S> {
    stream: S,
    peer: SocketAddr,
    is_tls: bool,
    /// How many bytes are still read from the server.
    left: usize,
}

impl<S> Answers<S> {
    /// Of a connection without TLS, which may change to it.
    pub(super) fn plain(stream: S, peer: SocketAddr) -> Self {
        Self { stream, peer, is_tls: false, left: LONGEST_ANSWERS }
    }

    /// Of a connection that is encrypted.
    pub(super) fn encrypted(stream: S, peer: SocketAddr) -> Self {
        Self { stream, peer, is_tls: true, left: LONGEST_ANSWERS }
    }
}

impl<S> AsyncTokioStream for Answers<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + Sync + fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answers<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The client keeps a line until it ends, however long it is.
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "the server's answers are too long")));
        }
        let before = buffer.filled().len();
        if self.is_tls || buffer.remaining() == 0 {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        } else {
            let mut byte = [0];
            let mut one = ReadBuf::new(&mut byte);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut one))?;
            buffer.put_slice(one.filled());
        }
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answers<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // No command of SMTP begins with this byte, and every handshake of TLS does.
        self.is_tls |= bytes.first() == Some(&TLS_HANDSHAKE);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The length of everything that a server may say in one connection, encryption included.
const LONGEST_ANSWERS: usize = 256 * 1024;
/// The type of a record with a handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;
