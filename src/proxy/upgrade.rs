//! WebSocket (RFC 6455; over HTTP/2 RFC 8441): which handshake goes on, and which answer to it makes a tunnel.
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};

use super::hop::has_word;
use super::returning::{Nonsense, strip};
use super::tunnel::Tunnel;
use super::upstream::Lease;
use super::{ForwardError, Live};
use crate::wire::{Body, Inbound, Takeover};

/// A client's proper handshake. Any other `Upgrade` is left out of the upstream's request.
#[derive(Debug, Clone)]
pub(super) struct Handshake {
    /// What the upstream must say.
    accept: String,
    /// The client speaks HTTP/2 and waits for a success, not for 101.
    connects: bool,
}

impl Handshake {
    pub(super) fn asked_by(inbound: &Inbound) -> Option<Self> {
        let headers = inbound.headers();
        let upgrade = only(headers, &UPGRADE)?;
        let proper = upgrade.as_bytes().eq_ignore_ascii_case(b"websocket")
            && (inbound.version() == Version::HTTP_11 || inbound.connects())
            && *inbound.method() == Method::GET
            && has_word(headers, b"upgrade")
            && only(headers, &SEC_WEBSOCKET_VERSION)? == "13";
        let key = only(headers, &SEC_WEBSOCKET_KEY)?;
        let is_key = STANDARD.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16);
        (proper && is_key).then(|| Self { accept: accept(key), connects: inbound.connects() })
    }

    /// Tells the client in the words of its protocol; the rest is copied like any other field.
    fn agree(&self, parts: &mut Parts) {
        if self.connects {
            parts.status = StatusCode::OK;
            // It belongs to a key that the client never saw.
            parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
        } else {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Nonsense> {
        let upgrade = only(headers, &UPGRADE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !upgrade.eq_ignore_ascii_case(b"websocket") || !has_word(headers, b"upgrade") {
            return Err(Nonsense("it switches to another protocol than WebSocket"));
        }
        if only(headers, &SEC_WEBSOCKET_ACCEPT).is_none_or(|accept| *accept != *self.accept) {
            return Err(Nonsense("its Sec-WebSocket-Accept does not belong to the handshake"));
        }
        if headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) {
            return Err(Nonsense("it switches protocols and has a body"));
        }
        Ok(())
    }
}

/// Agrees and joins the two connections, if the upstream's answer is one to this handshake.
pub(super) fn answer(
    handshake: &Handshake,
    response: Response<()>,
    mut lease: Lease,
    live: Option<Live>,
    idle_timeout: Duration,
) -> Result<Response<Body>, ForwardError> {
    let (mut parts, ()) = response.into_parts();
    handshake.check(&parts.headers).map_err(|why| ForwardError::BadResponse(Box::new(why)))?;
    let link = lease.take_link().ok_or(ForwardError::Unknown)?;
    let (stream, first, rest) = link.take_stream();
    strip(&mut parts.headers, StatusCode::SWITCHING_PROTOCOLS);
    handshake.agree(&mut parts);
    parts.extensions.insert(Takeover::new(move |client, stopping| async move {
        let ended = async {
            match &live {
                Some(live) => live.ended().await,
                None => std::future::pending().await,
            }
        };
        Tunnel::new(client, stream, first, idle_timeout).run(ended, stopping).await;
        // The connection keeps its place at the upstream, and its entry by session, until here.
        drop((live, lease, rest));
    }));
    Ok(Response::from_parts(parts, Body::Empty))
}

/// The value of a field that stands once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn accept(key: &HeaderValue) -> String {
    let together = [key.as_bytes(), GUID].concat();
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &together))
}

/// RFC 6455, section 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_of_the_standards_own_example() {
        assert_eq!(accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
