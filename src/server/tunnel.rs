//! A stream of HTTP/2 that stops being HTTP (RFC 9113, section 8.5): the twin of a connection that switches protocols.
use http::{Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, on};
use tokio_util::sync::CancellationToken;

use super::Stop;
use super::connection::internal_error;
use super::pulse::Busy;
use super::streams::becomes_tunnel;
use crate::wire::{Body, Takeover};

/// A client asks for a tunnel, and gets one with any answer of success.
pub(super) struct Connect {
    stream: OnUpgrade,
    stop: Stop,
}

impl Connect {
    /// Over HTTP/1.1 nobody gets one.
    pub(super) fn of(request: &mut Request<Incoming>, stop: &Stop) -> Option<Self> {
        let asked = *request.method() == Method::CONNECT && request.version() == Version::HTTP_2;
        asked.then(|| Self { stream: on(request), stop: stop.clone() })
    }

    /// Starts who goes on with the stream. A success without anybody is none.
    pub(super) fn answered(self, mut response: Response<Body>, busy: &Busy) -> Response<Body> {
        if !response.status().is_success() {
            return response;
        }
        let Some(heir) = response.extensions_mut().remove::<Takeover>() else {
            return internal_error(Version::HTTP_2);
        };
        let Self { stream, stop } = self;
        let (busy, over) = (busy.longer(), CancellationToken::new());
        becomes_tunnel(over.clone());
        // Beside the connection, which may carry others, and waited for like it.
        drop(stop.clone().spawn(async move {
            let _over = over.drop_guard();
            let joined = async {
                if let Ok(stream) = stream.await {
                    heir.run(Box::new(stream), Box::pin(stop.draining())).await;
                }
            };
            tokio::select! {
                () = joined => {}
                () = stop.cutting() => {}
            }
            drop(busy);
        }));
        response
    }
}
