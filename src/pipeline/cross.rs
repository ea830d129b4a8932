//! Pages of other sites: the questions that browsers ask for them are answered here and reach no backend.
use http::{Method, Response};

use super::Gateway;
use super::exchange::Exchange;
use crate::endpoints::{Endpoint, Problem};
use crate::refusal::Refusal;
use crate::routes::Found;
use crate::wire::{Body, Cors, Inbound, preflight, preflight_of};

impl Gateway {
    /// The answer to a browser's question about a route that names origins. `None`: it is no such question, or the route
    /// knows none, or it only observes and the answer would be a no; then it goes the way of every request.
    pub(super) async fn preflight(
        &self,
        inbound: &Inbound,
        exchange: &mut Exchange,
    ) -> Result<Option<Response<Body>>, Problem> {
        let Some(method) = preflight_of(inbound) else { return Ok(None) };
        let Found::Route(route) = self.gate.routes().find(inbound.host(), inbound.path()) else { return Ok(None) };
        let Some(cors) = route.settings.edge.cors.as_ref().filter(|_| route.takes(inbound.client().ip)) else {
            return Ok(None);
        };
        let observes = route.policy.observes();
        if observes && !cors.grant(inbound.headers()).is_given() {
            return Ok(None);
        }
        let taken = self.rates.take(route, inbound.client().ip, None, self.clock.now()).await;
        if observes && taken.is_err() {
            return Ok(None);
        }
        exchange.preflight(route, self.route_metrics.get(route.index));
        taken.map_err(|limited| {
            exchange.limited();
            Refusal::retry_after("rate_limited", limited.retry_after)
        })?;
        let methods = if route.allow().is_empty() { method.as_str() } else { route.allow() };
        answer(cors, inbound, methods, exchange).map(Some)
    }

    /// The same about one of our own endpoints, and what every other answer of theirs says to a page of another site.
    pub(super) fn own_preflight(
        &self,
        endpoint: Endpoint,
        inbound: &Inbound,
        exchange: &mut Exchange,
    ) -> Result<Option<Response<Body>>, Problem> {
        if self.door.cors.is_empty() || endpoint.asks_routes() {
            return Ok(None);
        }
        let Some(method) = preflight_of(inbound) else {
            exchange.grants(self.door.cors.grant(inbound.headers()));
            return Ok(None);
        };
        let methods: Vec<_> = endpoint.methods().iter().map(Method::as_str).collect();
        let methods = if methods.is_empty() { method.as_str().to_owned() } else { methods.join(", ") };
        answer(&self.door.cors, inbound, &methods, exchange).map(Some)
    }
}

fn answer(cors: &Cors, inbound: &Inbound, methods: &str, exchange: &mut Exchange) -> Result<Response<Body>, Problem> {
    let grant = cors.grant(inbound.headers());
    if grant.is_given() {
        return Ok(preflight(inbound, methods, grant));
    }
    exchange.grants(grant);
    exchange.limited();
    Err(Refusal::named("foreign_origin").into())
}
