//! A WebSocket over HTTP/2 begins with a CONNECT that names it (RFC 8441, section 5).
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Method, Request, Version};
use hyper::ext::Protocol;

use super::BadRequest;
use crate::base::random_bytes;

/// Makes of it the GET that it would have been over HTTP/1.1, with a key of our own: so every rule about a handshake is one
/// for both. Any other CONNECT is refused.
pub(super) fn as_over_http1<B>(request: &mut Request<B>) -> Result<(), BadRequest> {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    if request.version() != Version::HTTP_2 || protocol != Some("websocket") {
        return Err(BadRequest::Connect);
    }
    let mut versions = request.headers().get_all(SEC_WEBSOCKET_VERSION).iter();
    if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
        return Err(BadRequest::Handshake);
    }
    let key = HeaderValue::try_from(STANDARD.encode(random_bytes::<16>())).map_err(|_| BadRequest::Handshake)?;
    *request.method_mut() = Method::GET;
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Over HTTP/2 the client has none.
    headers.insert(SEC_WEBSOCKET_KEY, key);
    Ok(())
}
