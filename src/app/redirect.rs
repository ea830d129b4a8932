//! The third listener: plain HTTP, answered with a redirect to HTTPS.
use std::sync::Arc;

use http::{Request, Response, StatusCode};

use super::Running;
use crate::config::Config;
use crate::server::{self, Handler, ListenAddress};
use crate::wire::{Body, Peer};

/// Answers with the address of the same thing over HTTPS.
#[derive(Debug)]
pub(super) struct Redirect(pub(super) Arc<Running>);

impl Handler for Redirect {
    async fn handle(&self, request: Box<Request<Body>>, peer: Peer) -> Response<Body> {
        let port = port(&self.0.config.load());
        self.0.gateway.load_full().redirect(request, peer, port)
    }

    fn unread(&self, status: StatusCode, peer: Peer) -> Response<Body> {
        self.0.gateway.load().unread(status, peer)
    }
}

/// Listens where `redirect_http` says, or nowhere.
pub(super) fn listener(config: &Config) -> server::Settings {
    let listen = config.tls.as_ref().and_then(|tls| tls.redirect_http).map(ListenAddress::Tcp);
    server::Settings { listen: listen.into_iter().collect(), ..config.server.clone() }
}

/// Where HTTPS is spoken, as the public sees it: what `public_url` says comes before the port that is listened on.
fn port(config: &Config) -> Option<u16> {
    if let Some(public) = config.wire.public_url.as_ref().filter(|public| public.https) {
        return public.port();
    }
    config.server.listen.iter().find_map(|listen| match listen {
        ListenAddress::Tcp(address) => Some(address.port()),
        ListenAddress::Unix(_) => None,
    })
}
