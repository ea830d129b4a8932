//! Forward auth: a proxy of somebody else asks whether a request may go on, and forwards it itself.
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Response, Uri};

use super::Gateway;
use super::exchange::Exchange;
use crate::endpoints::{Endpoint, Lookup, Problem, redirect, yes};
use crate::gate::Denial;
use crate::refusal::Refusal;
use crate::wire::{BadRequest, Body, Inbound, PathError};

impl Gateway {
    /// Asks the routes about the request that the proxy got. What it says is believed only from a trusted proxy, because
    /// whoever says which path is meant decides what is asked of whom.
    pub(super) async fn verify(
        &self,
        endpoint: Endpoint,
        inbound: Inbound,
        exchange: &mut Exchange,
    ) -> Result<Response<Body>, Problem> {
        if !inbound.client().via_trusted {
            return Err(Refusal::named("untrusted_proxy").into());
        }
        let no = |refusal: Refusal| Problem::from(if only_two_noes(endpoint) { refusal.simply() } else { refusal });
        let no_of = |problem| if let Problem::Refused(refusal) = problem { no(refusal) } else { problem };
        let about = self.about(endpoint, inbound).map_err(|error| no(error.into()))?;
        exchange.admitted(&about);
        // The proxy sends these to us and not to a backend; should it not, nobody gets in by that.
        let found = self.endpoints.find(about.path().as_str());
        if found != Lookup::NotOurs || self.leads_elsewhere(found, about.path()) {
            return Err(no(Refusal::named(Denial::NoRoute.reason())));
        }
        let decision = self.gate.decide(&about, self.clock.now()).await;
        let metrics = decision.route.and_then(|route| self.route_metrics.get(route.index));
        exchange.decided(&decision, metrics, &self.metrics);
        self.limit(&decision, &about, exchange).await.map_err(no_of)?;
        match (decision.route, decision.outcome) {
            (Some(route), Ok(permit)) => {
                let fields = self.proxy.identity_fields(route.upstream()).unwrap_or(&self.endpoints.identity);
                Ok(yes(fields, permit.identity()))
            }
            (route, Err(denial)) => {
                let place = self.sign_in_place(&about, route, denial);
                match place {
                    Some(place) if !only_two_noes(endpoint) => Ok(redirect(&place)),
                    place => Err(no(Refusal::of_denial(denial, route).signing_in_at(place))),
                }
            }
            (None, Ok(_)) => Err(no(Refusal::named("no_route"))),
        }
    }

    fn about(&self, endpoint: Endpoint, inbound: Inbound) -> Result<Inbound, BadRequest> {
        // These two hand X-Forwarded-Host on as the client sent it.
        let inbound = if only_two_noes(endpoint) { inbound.of_own_host() } else { inbound };
        let about = inbound.client().about();
        let (method, uri) = if endpoint == Endpoint::VerifyNginx {
            read(&about.ok_or(BadRequest::Target)?.original)?
        } else if endpoint == Endpoint::VerifyEnvoy {
            (inbound.method().clone(), behind(&self.endpoints.prefix, inbound.path().target())?)
        } else {
            read(&about.ok_or(BadRequest::Target)?.forwarded)?
        };
        inbound.instead(method, &uri, &self.door)
    }
}

/// Proxies that take any other status for a failure of ours.
const fn only_two_noes(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::VerifyNginx | Endpoint::VerifyEnvoy)
}

fn read(said: &(Option<HeaderValue>, Option<HeaderValue>)) -> Result<(Method, Uri), BadRequest> {
    let (Some(method), Some(uri)) = said else { return Err(BadRequest::Target) };
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| BadRequest::Method)?;
    // The reader of URLs drops a fragment without a word, while the proxy may send it on as a part of the path.
    if uri.as_bytes().contains(&b'#') {
        return Err(BadRequest::Path(PathError::Delimiter));
    }
    let uri = Uri::try_from(uri.as_bytes()).map_err(|_| BadRequest::Target)?;
    Ok((method, uri))
}

/// "/auth/verify/envoy/a?b" asks about "/a?b".
fn behind(prefix: &str, target: &PathAndQuery) -> Result<Uri, BadRequest> {
    let rest = target.as_str().strip_prefix(prefix).and_then(|rest| rest.strip_prefix("/verify/envoy"));
    let rest = rest.ok_or(BadRequest::Target)?;
    let target = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    target.parse().map_err(|_| BadRequest::Target)
}
