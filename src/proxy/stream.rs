//! A socket to an upstream.
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::ForwardError;
use super::settings::Address;
use crate::base::Timestamp;
use crate::tls::{Offer, Outgoing, shown_until};

/// TCP, with TLS or without, or a unix socket.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Many times as large as the others.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Names are looked up here, at each new connection; all their addresses are tried in turn.
    pub(super) async fn connect(address: &Address, tls: Option<&Outgoing>, offer: Offer) -> Result<Self, ForwardError> {
        match address {
            Address::Tcp { host, port } => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let socket = tcp(host, *port).await.map_err(ForwardError::Refused)?;
                let Some(tls) = tls else { return Ok(Self::Tcp(socket)) };
                let secure = Box::pin(tls.shake(socket, host, offer)).await.map_err(ForwardError::Tls)?;
                Ok(Self::Secure(Box::new(secure)))
            }
            Address::Unix { path } => UnixStream::connect(path).await.map(Self::Unix).map_err(ForwardError::Refused),
        }
    }

    /// An upstream that vanishes without a word while something is on its way to it is given up after so long.
    pub(super) fn give_up_after(&self, patience: Duration) {
        let socket = match self {
            Self::Tcp(socket) => SockRef::from(socket),
            Self::Secure(socket) => SockRef::from(socket.get_ref().0),
            Self::Unix(_) => return,
        };
        if let Err(error) = socket.set_tcp_user_timeout(Some(patience)) {
            tracing::debug!(%error, "an upstream that vanishes is given up when the system does");
        }
    }

    /// When the certificate ends that the upstream shows.
    pub(super) fn certificate_until(&self) -> Option<Timestamp> {
        match self {
            Self::Secure(socket) => shown_until(socket),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// Whether the upstream chose HTTP/2 in the handshake.
    pub(super) fn chose_http2(&self) -> bool {
        match self {
            Self::Secure(socket) => socket.get_ref().1.alpn_protocol() == Some(b"h2"),
            Self::Tcp(_) | Self::Unix(_) => false,
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((host, port)).await?;
    // Small requests must not wait for the answer to an earlier segment.
    socket.set_nodelay(true)?;
    Ok(socket)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Secure(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Secure(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
            Self::Secure(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Secure(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(socket) => socket.is_write_vectored(),
            Self::Unix(socket) => socket.is_write_vectored(),
            Self::Secure(socket) => socket.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Secure(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
        }
    }
}
