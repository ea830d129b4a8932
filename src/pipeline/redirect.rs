//! Plain HTTP beside TLS: every request is sent to the same place over HTTPS.
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};

use super::Gateway;
use super::exchange::Exchange;
use crate::endpoints::Problem;
use crate::refusal::Refusal;
use crate::wire::{Body, Inbound, Peer, REQUEST_ID};

impl Gateway {
    /// Answers with the address of the same thing over HTTPS, at `port` where that is not the usual one.
    pub(crate) fn redirect(&self, request: Box<Request<Body>>, peer: Peer, port: Option<u16>) -> Response<Body> {
        let now = self.clock.now();
        let request_id = self.door.request_id(request.headers(), peer, now);
        let mut exchange = Box::new(Exchange::begin(self, &request, peer, now, &request_id));
        let admitted = Inbound::admit(request, peer, &self.door, request_id.clone());
        let answer = admitted.map_err(Problem::from).and_then(|inbound| {
            exchange.admitted(&inbound);
            exchange.own("redirect_http");
            to_https(&inbound, port).ok_or_else(|| Refusal::named("bad_host").into())
        });
        let mut response = answer.unwrap_or_else(|problem| self.refuse(&problem, &request_id, &mut exchange, None));
        response.headers_mut().insert(REQUEST_ID, request_id.value().clone());
        exchange.end(response, false)
    }
}

/// The host is the client's own word, so that each of several names leads to itself; it is well-formed. `None`: a client
/// of HTTP/1.0 named none.
fn to_https(inbound: &Inbound, port: Option<u16>) -> Option<Response<Body>> {
    let host = Some(inbound.host()).filter(|host| !host.is_empty())?;
    let port = port.filter(|&port| port != 443).map(|port| format!(":{port}")).unwrap_or_default();
    let place = format!("https://{host}{port}{}", inbound.path().target());
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(place).ok()?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}
