//! A socket to an upstream.
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
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
    /// Names are looked up here, at each new connection; all their addresses are tried.
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
    let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    let socket = match *addresses {
        [only] => TcpStream::connect(only).await?,
        _ => first_of(&addresses).await?,
    };
    // Small requests must not wait for the answer to an earlier segment.
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// The address that answers first. Each has a moment for itself before the next is asked too, so that one that says nothing
/// holds nobody up for long (RFC 8305, section 5).
async fn first_of(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let (mut tries, mut others) = (JoinSet::new(), addresses.iter().copied());
    loop {
        let alone = others.next().map(|address| {
            tries.spawn(TcpStream::connect(address));
            HEAD_START
        });
        let ended = match alone {
            Some(alone) => timeout(alone, tries.join_next()).await,
            None => Ok(tries.join_next().await),
        };
        match ended {
            Ok(Some(Ok(Ok(socket)))) => return Ok(socket),
            Ok(Some(Ok(Err(error)))) => failed = error,
            Ok(None) => return Err(failed),
            Ok(Some(Err(_))) | Err(_) => {}
        }
    }
}

/// What is tried later is tried beside.
const HEAD_START: Duration = Duration::from_millis(250);

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

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// An address that lets connections begin and says nothing to them, and what keeps it so.
    async fn dark() -> (SocketAddr, (Socket, Vec<TcpStream>)) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(HEAD_START, TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
        (address, (socket, waiting))
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_stand_before_the_others_of_its_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (good, (dark, _held)) = (listener.local_addr().unwrap(), dark().await);
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for addresses in [&[dark, good][..], &[dark, closed, dark, good], &[good, dark], &[closed, good]] {
            let socket = timeout(LONG, first_of(addresses)).await.expect("one after the other").unwrap();
            assert_eq!(socket.peer_addr().unwrap(), good);
        }
        for addresses in [&[closed, closed][..], &[]] {
            assert!(timeout(LONG, first_of(addresses)).await.unwrap().is_err());
        }
        assert!(timeout(HEAD_START * 4, first_of(&[dark, dark])).await.is_err());
    }
}
