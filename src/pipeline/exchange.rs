//! One request and its answer, as the access log and the metrics tell of it: written down when the answer's body ends.
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::{Compared, Gateway};
use crate::authn::AuthnError;
use crate::base::{Timestamp, Username};
use crate::gate::{Decision, Denial};
use crate::observe::{Access, AccessLog, Metrics, RequestTimer, RouteMetrics, UpstreamMetrics};
use crate::routes::Route;
use crate::token::Identity;
use crate::wire::{Body, BodyError, Grant, Inbound, Peer, RequestId};

/// The host of an HTTP/2 request, which has no `Host`; a password that stands in it is not written down.
fn authority(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    HeaderValue::from_str(host).ok()
}

/// What is known of a request so far.
#[derive(Debug)]
pub(super) struct Exchange {
    timer: RequestTimer,
    log: AccessLog,
    time: Timestamp,
    request_id: RequestId,
    client: Option<IpAddr>,
    method: Method,
    host: Option<HeaderValue>,
    target: Option<PathAndQuery>,
    /// For the access log, where there is one.
    agent: Option<HeaderValue>,
    route: Option<Arc<str>>,
    decision: &'static str,
    reason: &'static str,
    identity: Option<Arc<Identity>>,
    upstream: Option<Arc<str>>,
    upstream_began: Option<Instant>,
    upstream_took: Option<Duration>,
    /// `None`: the client did not say, and nobody counts.
    bytes_in: Option<u64>,
    bytes_out: u64,
    /// What is said to a page of another site, where a route knows such.
    grant: Option<Box<Grant>>,
    /// The answer's, once there is one: what goes out in its place is the whole exchange, which so sees how it ends.
    body: Body,
}

impl Exchange {
    /// A head has arrived. Copies are cheap here: they share the bytes that were read.
    pub(super) fn begin(
        gateway: &Gateway,
        request: &Request<Body>,
        peer: Peer,
        now: Timestamp,
        id: &RequestId,
    ) -> Self {
        let headers = request.headers();
        Self {
            timer: gateway.metrics.request_started(request.method()),
            log: gateway.access.clone(),
            time: now,
            request_id: id.clone(),
            client: peer.ip,
            method: request.method().clone(),
            host: headers.get(HOST).cloned().or_else(|| authority(request.uri())),
            target: request.uri().path_and_query().cloned(),
            agent: if gateway.access.is_on() { headers.get(USER_AGENT).cloned() } else { None },
            route: None,
            decision: "deny",
            reason: "bad_request",
            identity: None,
            upstream: None,
            upstream_began: None,
            upstream_took: None,
            bytes_in: request.body().size_hint().exact(),
            bytes_out: 0,
            grant: None,
            body: Body::Empty,
        }
    }

    /// The request was read: its one path and the client's address are known.
    pub(super) fn admitted(&mut self, inbound: &Inbound) {
        self.client = inbound.client().ip;
        self.target = Some(inbound.path().target().clone());
        self.reason = "no_route";
    }

    /// One of our own endpoints answers.
    pub(super) fn own(&mut self, endpoint: &'static str) {
        self.decision = "endpoint";
        self.reason = endpoint;
    }

    pub(super) fn decided(&mut self, decision: &Decision<'_>, metrics: Option<&Arc<RouteMetrics>>, all: &Metrics) {
        self.identity.clone_from(&decision.identity);
        (self.decision, self.reason) = match &decision.outcome {
            Ok(_) if let Some(denial) = decision.overlooked => (OBSERVE, denial.reason()),
            Ok(permit) => ("allow", if permit.identity().is_some() { "signed_in" } else { "open" }),
            Err(denial) => ("deny", denial.reason()),
        };
        if let Some(result) = token_check(decision) {
            all.token_check(result);
        }
        if let Some(route) = decision.route {
            let (prefix, upstream) = route.labels();
            (self.route, self.upstream) = (Some(prefix), Some(upstream));
        }
        match metrics {
            Some(metrics) => {
                self.timer.routed(metrics);
                metrics.decided(self.decision, self.reason);
            }
            None => all.unrouted().decided(self.decision, self.reason),
        }
    }

    /// A browser asks for a page of another site whether it may; nobody is signed in for that.
    pub(super) fn preflight(&mut self, route: &Route, metrics: Option<&Arc<RouteMetrics>>) {
        let (prefix, _) = route.labels();
        self.route = Some(prefix);
        (self.decision, self.reason) = ("allow", "preflight");
        if let Some(metrics) = metrics {
            self.timer.routed(metrics);
        }
    }

    /// What the answer says to a page of another site.
    pub(super) fn grants(&mut self, grant: Grant) {
        self.grant = Some(Box::new(grant));
    }

    pub(super) fn forwarding(&mut self) {
        self.upstream_began = Some(Instant::now());
    }

    /// The head of the upstream's answer is here, or there is none.
    pub(super) fn forwarded(
        &mut self,
        metrics: Option<&Arc<UpstreamMetrics>>,
        answer: Result<StatusCode, &'static str>,
    ) {
        self.upstream_took = self.upstream_began.map(|began| began.elapsed());
        if let (Some(metrics), Some(took)) = (metrics, self.upstream_took) {
            metrics.done(answer, took);
        }
    }

    /// What may be asked is asked too often.
    pub(super) fn limited(&mut self) {
        self.decision = "deny";
    }

    /// So it would be if the route did more than observe.
    pub(super) fn overlook(&mut self, reason: &'static str) {
        (self.decision, self.reason) = (OBSERVE, reason);
    }

    /// What the rule of a route that only observes says, beside what the backend said.
    pub(super) fn compared(&self, route: &Route, status: StatusCode) -> Compared<'_> {
        Compared {
            route: route.key(),
            refusal: if self.decision == OBSERVE { Some(self.reason) } else { None },
            method: self.method.as_str(),
            path: self.target.as_ref().map_or("", PathAndQuery::path),
            status,
            at: self.time,
        }
    }

    pub(super) fn refused(&mut self, reason: &'static str) {
        self.reason = reason;
    }

    /// When its head was read.
    pub(super) const fn time(&self) -> Timestamp {
        self.time
    }

    pub(super) fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// As the client named it.
    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_ref().and_then(|host| host.to_str().ok())
    }

    /// The path and the query that were asked for.
    pub(super) fn target(&self) -> Option<&str> {
        self.target.as_ref().map(PathAndQuery::as_str)
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    pub(super) const fn client(&self) -> Option<IpAddr> {
        self.client
    }

    pub(super) fn request_id(&self) -> &str {
        self.request_id.as_str()
    }

    /// The answer is made. What remains is its body.
    pub(super) fn end(mut self: Box<Self>, mut response: Response<Body>, server_timing: bool) -> Response<Body> {
        if let Some(grant) = self.grant.take() {
            grant.say(response.headers_mut());
        }
        self.timer.answered(response.status());
        if server_timing {
            self.tell_timing(&mut response);
        }
        if !response.body().is_end_stream() {
            self.body = std::mem::take(response.body_mut());
            *response.body_mut() = Body::Wrapped(Box::into_pin(self));
        }
        response
    }

    /// Server-Timing (W3C): what the gateway took beside the backend, in milliseconds.
    fn tell_timing(&self, response: &mut Response<Body>) {
        let upstream = self.upstream_took.unwrap_or_default();
        let own = self.timer.elapsed().saturating_sub(upstream);
        let mut text = format!("gateway;dur={:.3}", own.as_secs_f64() * 1000.0);
        if self.upstream_took.is_some() {
            text.push_str(&format!(", backend;dur={:.3}", upstream.as_secs_f64() * 1000.0));
        }
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().insert(SERVER_TIMING, value);
        }
    }
}

/// The one place that writes: whether the answer ended well, was cut off, or was never asked for to its end.
impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.log.is_on() {
            return;
        }
        let identity = self.identity.as_deref();
        self.log.write(&Access {
            time: self.time,
            request_id: self.request_id.as_str(),
            client: self.client,
            method: self.method.as_str(),
            host: self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default(),
            path: self.target.as_ref().map_or("", PathAndQuery::path),
            has_query: self.target.as_ref().is_some_and(|target| target.query().is_some()),
            status: self.timer.code(),
            route: self.route.as_deref(),
            decision: self.decision,
            reason: self.reason,
            user: identity.map(|identity| identity.username().map_or_else(|| identity.sub(), Username::as_str)),
            upstream: self.upstream.as_deref(),
            took: self.timer.elapsed(),
            upstream_took: self.upstream_took,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            user_agent: self.agent.as_ref().map(HeaderValue::as_bytes),
        });
    }
}

/// What came of the token, when there was one to check.
fn token_check(decision: &Decision<'_>) -> Option<&'static str> {
    match decision.overlooked.or(decision.outcome.as_ref().err().copied()) {
        Some(Denial::Authn(AuthnError::Invalid | AuthnError::Double | AuthnError::NoCsrf | AuthnError::OtherCsrf)) => {
            Some("invalid")
        }
        Some(Denial::Authn(AuthnError::Expired)) => Some("expired"),
        Some(Denial::Authn(AuthnError::SessionEnded)) => Some("ended"),
        // The credential was not looked at, or it was good.
        Some(Denial::Authn(AuthnError::ForeignOrigin | AuthnError::Unavailable)) => None,
        None
        | Some(
            Denial::NoRoute | Denial::UnknownHost | Denial::Path | Denial::Network | Denial::Method | Denial::Denied(_),
        ) => decision.identity.is_some().then_some("valid"),
    }
}

/// The answer's body, which tells when it has ended.
impl HttpBody for Exchange {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let exchange = self.get_mut();
        let polled = Pin::new(&mut exchange.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            exchange.bytes_out += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Let through although the rule says no.
const OBSERVE: &str = "observe";
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
