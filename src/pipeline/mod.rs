//! `Gateway::handle`: the way of a request, top to bottom.
mod caching;
mod cross;
mod denied;
mod exchange;
mod observed;
mod rates;
mod redirect;
mod verify;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::authz::Asks;
use crate::base::Clock;
use crate::endpoints::{Endpoint, Endpoints, Lookup, Problem, redirect};
use crate::gate::{Decision, Denial, Gate};
use crate::observe::{AccessLog, Action, Audit, Chain, Event, Metrics, RouteMetrics, UpstreamMetrics};
use crate::password::Hasher;
use crate::proxy::{ForwardError, Proxy};
use crate::refusal::{Opened, Refusal, Renderer, in_oauth};
use crate::wire::{BadRequest, Body, CanonPath, Door, Inbound, Peer, REQUEST_ID, RequestId, Visitor};
use exchange::Exchange;

use observed::Compared;

pub(crate) use caching::Varies;
pub(crate) use observed::{Observed, Tally};
pub(crate) use rates::Rates;

/// One set of settings at work; unchangeable. A reload makes a new one, requests under way keep the old one.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) door: Arc<Door>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) gate: Gate,
    pub(crate) proxy: Proxy,
    pub(crate) rates: Arc<Rates>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) renderer: Renderer,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// The numbers of each route, in the order of the file.
    pub(crate) route_metrics: Vec<Arc<RouteMetrics>>,
    /// The numbers of each route's upstream, in the same order.
    pub(crate) upstream_metrics: Vec<Arc<UpstreamMetrics>>,
    pub(crate) access: AccessLog,
    pub(crate) audit: Audit,
    pub(crate) hasher: Hasher,
    /// Between two pieces of a request's body.
    pub(crate) body_timeout: std::time::Duration,
    pub(crate) server_timing: bool,
    pub(crate) varies: Option<Varies>,
}

impl Gateway {
    /// Answers one request; every failure is an answer too.
    pub(crate) async fn handle(&self, request: Box<Request<Body>>, peer: Peer) -> Response<Body> {
        let now = self.clock.now();
        let request_id = self.door.request_id(request.headers(), peer, now);
        // On the heap, like the request when it is read: what passes from hand to hand is small.
        let mut exchange = Box::new(Exchange::begin(self, &request, peer, now, &request_id));
        let visitor = Visitor::of(request.headers());
        let answer = self.serve(request, peer, &request_id, &mut exchange).await;
        let mut response =
            answer.unwrap_or_else(|problem| self.refuse(&problem, &request_id, &mut exchange, visitor.as_ref()));
        response.headers_mut().insert(REQUEST_ID, request_id.value().clone());
        exchange.end(response, self.server_timing)
    }

    /// Answers what could not be read, by the status that says why: what was asked nobody knows.
    pub(crate) fn unread(&self, status: StatusCode, peer: Peer) -> Response<Body> {
        let request_id = self.door.request_id(&HeaderMap::new(), peer, self.clock.now());
        let mut response = self.renderer.render(&Refusal::of_unread(status), request_id.as_str());
        response.headers_mut().insert(REQUEST_ID, request_id.value().clone());
        response
    }

    async fn serve(
        &self,
        request: Box<Request<Body>>,
        peer: Peer,
        request_id: &RequestId,
        exchange: &mut Exchange,
    ) -> Result<Response<Body>, Problem> {
        let inbound = Inbound::admit(request, peer, &self.door, request_id.clone())?;
        exchange.admitted(&inbound);
        if inbound.is_server_wide() {
            return Ok(nothing_to_say());
        }
        let found = self.endpoints.find(inbound.path().as_str());
        if self.leads_elsewhere(found, inbound.path()) {
            return Err(Refusal::named(Denial::Path.reason()).into());
        }
        match found {
            // None of them opens a tunnel, and a success would seem to.
            Lookup::Ours(_) if inbound.connects() => Err(BadRequest::Connect.into()),
            // On the heap: the way of a forwarded request is not to grow by what a sign-in holds.
            Lookup::Ours(endpoint) => Box::pin(self.own(endpoint, inbound, exchange)).await,
            Lookup::Nothing => Err(Refusal::named(Denial::NoRoute.reason()).into()),
            // On the heap as well: each caller up to hyper would move all of it.
            Lookup::NotOurs => Box::pin(self.proxied(inbound, exchange)).await,
        }
    }

    /// However a path is written, what may be read as one of our own is no backend's, and no other one of ours.
    fn leads_elsewhere(&self, found: Lookup, path: &CanonPath) -> bool {
        path.other_reading().is_some_and(|(_, other)| {
            let other = std::str::from_utf8(other.octets()).map_or(Lookup::NotOurs, |path| self.endpoints.find(path));
            other != Lookup::NotOurs && other != found
        })
    }

    async fn own(
        &self,
        endpoint: Endpoint,
        inbound: Box<Inbound>,
        exchange: &mut Exchange,
    ) -> Result<Response<Body>, Problem> {
        exchange.own(endpoint.label());
        if let Some(answer) = self.own_preflight(endpoint, &inbound, exchange)? {
            return Ok(answer);
        }
        if endpoint.asks_routes() {
            return self.verify(endpoint, *inbound, exchange).await;
        }
        // On the heap: what forwards need not carry room for all that endpoints do.
        Box::pin(self.endpoints.answer(endpoint, *inbound)).await
    }

    /// route → who → may they → forward
    async fn proxied(&self, mut inbound: Box<Inbound>, exchange: &mut Exchange) -> Result<Response<Body>, Problem> {
        if *inbound.method() == Method::OPTIONS
            && let Some(answer) = Box::pin(self.preflight(&inbound, exchange)).await?
        {
            return Ok(answer);
        }
        let decision = self.gate.decide(&inbound, exchange.time()).await;
        let metrics = decision.route.and_then(|route| self.route_metrics.get(route.index));
        exchange.decided(&decision, metrics, &self.metrics);
        if let Some(cors) = decision.route.and_then(|route| route.settings.edge.cors.as_ref()) {
            exchange.grants(cors.grant(inbound.headers()));
        }
        self.limit(&decision, &inbound, exchange).await?;
        let (route, permit) = match (decision.route, decision.outcome) {
            (Some(route), Ok(permit)) => (route, permit),
            (route, Err(denial)) => match self.sign_in_place(&inbound, route, denial) {
                Some(place) => return Ok(redirect(&place)),
                None => return Err(Refusal::of_denial(denial, route).into()),
            },
            (None, Ok(_)) => return Err(Refusal::named("no_route").into()),
        };
        let observed = permit.is_observed();
        if let Some(session) = decision.session.filter(|_| route.settings.forward_token) {
            inbound.show(&session.token);
        }
        let (asks, known) = (route.policy.asks(), permit.identity().is_some());
        let method = inbound.method().clone();
        exchange.forwarding();
        let target = route.target(self.body_timeout);
        let answer = self.proxy.forward(inbound, permit, &target).await;
        let answered = answer.as_ref().map(Response::status).map_err(ForwardError::code);
        exchange.forwarded(self.upstream_metrics.get(route.index), answered);
        if observed && let Ok(response) = &answer {
            self.observed.note(&exchange.compared(route, response.status()));
        }
        let without = |mut response: Response<Body>| {
            for name in &route.settings.edge.remove_response_headers {
                response.headers_mut().remove(name);
            }
            if asks != Asks::Nobody {
                let status = response.status();
                caching::keep_apart(response.headers_mut(), known, &method, status, self.varies.as_ref());
            }
            if self.door.cookies().guard(response.headers_mut()) {
                tracing::warn!(upstream = route.upstream(), "an upstream set a cookie of ours: taken off");
            }
            response
        };
        answer.map(without).map_err(|error| {
            tracing::warn!(error = %Chain(&error), request_id = exchange.request_id(), upstream = route.upstream(), "not forwarded");
            Refusal::from(&error).into()
        })
    }

    /// Whether the route was asked too often by this address or this person.
    async fn limit(&self, decision: &Decision<'_>, inbound: &Inbound, exchange: &mut Exchange) -> Result<(), Problem> {
        let Some(route) = decision.route else { return Ok(()) };
        let identity = decision.identity.as_deref();
        let taken = self.rates.take(route, inbound.client().ip, identity, exchange.time()).await;
        taken.or_else(|limited| {
            if route.policy.observes() {
                exchange.overlook("rate_limited");
                return Ok(());
            }
            exchange.limited();
            Err(Refusal::retry_after("rate_limited", limited.retry_after).into())
        })
    }

    fn refuse(
        &self,
        problem: &Problem,
        request_id: &RequestId,
        exchange: &mut Exchange,
        visitor: Option<&Visitor>,
    ) -> Response<Body> {
        match problem {
            Problem::Refused(refusal) => {
                exchange.refused(refusal.name());
                self.write_down(refusal, exchange);
                match visitor {
                    Some(visitor) => self.refusal_page(refusal, request_id, exchange, visitor),
                    None => self.renderer.render(refusal, request_id.as_str()),
                }
            }
            Problem::InOAuth(refusal) => {
                exchange.refused(refusal.name());
                in_oauth(refusal)
            }
            Problem::OAuth(problem) => {
                exchange.refused(problem.error);
                problem.render()
            }
        }
    }

    /// A person who opened a page is told in words.
    fn refusal_page(
        &self,
        refusal: &Refusal,
        request_id: &RequestId,
        exchange: &Exchange,
        visitor: &Visitor,
    ) -> Response<Body> {
        let pages = &self.endpoints.pages;
        let reader = pages.reader(visitor.languages(), exchange.host().unwrap_or_default());
        let identity = exchange.identity();
        let name = identity.and_then(|identity| identity.username()).map(crate::base::Username::as_str);
        let who = name.or_else(|| identity.map(|identity| identity.sub()));
        let opened = Opened { request_id: request_id.as_str(), who, place: exchange.target(), about: None };
        refusal.page(pages, &reader, &opened)
    }

    /// Refusals of routes are audited here; those of sign-ins where they are decided.
    fn write_down(&self, refusal: &Refusal, exchange: &Exchange) {
        let Some(route) = exchange.route().filter(|_| is_about_access(refusal.status())) else { return };
        let identity = exchange.identity();
        self.audit.record(&Event {
            refused: Some(refusal.name()),
            user: identity.and_then(|identity| identity.user()),
            name: identity.and_then(|identity| identity.username()).map(crate::base::Username::as_str),
            session: identity.and_then(|identity| identity.session()),
            ip: exchange.client(),
            request_id: Some(exchange.request_id()),
            route: Some(route),
            ..Event::new(Action::Refused)
        });
    }
}

const fn is_about_access(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// `OPTIONS *` asks about the gateway itself (RFC 9110, section 9.3.7).
fn nothing_to_say() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use super::*;

    fn size<A, B, C, F>(_: impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// A future is moved as a whole by everybody who hands it on, and what has more than 1,032 bytes is dear to allocate.
    #[test]
    fn the_way_of_a_request_is_small() {
        let handle = size(|gateway: &'static Gateway, request, peer| gateway.handle(request, peer));
        let proxied = size(|gateway: &'static Gateway, inbound, exchange| gateway.proxied(inbound, exchange));
        assert!(handle <= 1032 && proxied <= 1032, "{handle} {proxied}");
    }
}
