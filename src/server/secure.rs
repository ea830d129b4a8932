//! What stands before HTTP: the PROXY protocol and the TLS handshake, each with the deadline of a head.
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::announced::announced;
use super::connection::serve;
use super::crowd::Crowd;
use super::{Handler, Limits, Stop};
use crate::wire::Peer;

/// Serves one connection to its end, behind TLS.
pub(super) async fn greet<H: Handler>(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    peer: Peer,
    handler: Arc<H>,
    limits: Arc<Limits>,
    stop: Stop,
) {
    // Either is boxed: what serves has no room for the handshake, and the handshake's is given back.
    if let Some(stream) = Box::pin(handshake(stream, config, peer, &limits, &stop)).await {
        Box::pin(serve(stream, Peer { tls: true, ..peer }, handler, limits, stop)).await;
    }
}

/// Serves one connection, behind TLS when there is a `config`, after the PROXY protocol said who it is that connects.
pub(super) async fn greet_announced<H: Handler>(
    mut stream: TcpStream,
    crowd: Arc<Crowd>,
    config: Option<Arc<ServerConfig>>,
    peer: Peer,
    handler: Arc<H>,
    limits: Arc<Limits>,
    stop: Stop,
) {
    let read = tokio::select! {
        biased;
        read = timeout(limits.header_timeout, announced(&mut stream)) => read,
        () = stop.draining() => return,
    };
    let ip = match read {
        Ok(Ok(ip)) => ip.or(peer.ip),
        Ok(Err(error)) => return tracing::debug!(%error, ip = ?peer.ip, "closed a connection of a proxy"),
        Err(_) => return tracing::debug!(ip = ?peer.ip, "PROXY header too slow"),
    };
    let Some(ip) = ip else { return };
    let Some(place) = crowd.enter(ip, limits.max_connections_per_ip) else {
        return tracing::debug!(%ip, "closed a connection: the address holds its most already");
    };
    let peer = Peer { ip: Some(ip), ..peer };
    match config {
        Some(config) => greet(stream, config, peer, handler, limits, stop).await,
        None => Box::pin(serve(stream, peer, handler, limits, stop)).await,
    }
    drop(place);
}

async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    peer: Peer,
    limits: &Limits,
    stop: &Stop,
) -> Option<Box<TlsStream<TcpStream>>> {
    let shaken = tokio::select! {
        biased;
        shaken = timeout(limits.header_timeout, TlsAcceptor::from(config).accept(stream)) => shaken,
        // Nothing was asked yet, so nothing is cut.
        () = stop.draining() => return None,
    };
    match shaken {
        // Boxed, because a future holds what it moves about more than once.
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(%error, ip = ?peer.ip, "no TLS handshake");
            None
        }
        Err(_) => {
            tracing::debug!(ip = ?peer.ip, "TLS handshake too slow");
            None
        }
    }
}
