//! TLS before HTTP: the handshake, with the deadline of a head.
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::connection::serve;
use super::{Handler, Limits, Stop};
use crate::wire::Peer;

/// Serves one connection to its end, behind TLS when there is a `config`.
pub(super) async fn greet<H: Handler>(
    stream: TcpStream,
    config: Option<Arc<ServerConfig>>,
    peer: Peer,
    handler: Arc<H>,
    limits: Arc<Limits>,
    stop: Stop,
) {
    let Some(config) = config else { return serve(stream, peer, handler, limits, stop).await };
    // Its state is several times that of plain HTTP: boxed, so that the others do not pay for it.
    if let Some(stream) = Box::pin(handshake(stream, config, peer, &limits, &stop)).await {
        Box::pin(serve(stream, Peer { tls: true, ..peer }, handler, limits, stop)).await;
    }
}

async fn handshake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    peer: Peer,
    limits: &Limits,
    stop: &Stop,
) -> Option<TlsStream<TcpStream>> {
    let shaken = tokio::select! {
        biased;
        shaken = timeout(limits.header_timeout, TlsAcceptor::from(config).accept(stream)) => shaken,
        // Nothing was asked yet, so nothing is cut.
        () = stop.draining() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(stream),
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
