//! Active health checks: each address is asked by itself, over a connection of its own, whether or not there are requests.
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::settings::HealthCheck;
use super::upstream::Upstream;
use super::{ForwardError, outgoing};
use crate::base::quick_random;
use crate::observe::{Chain, Metrics};
use crate::tls::Offer;
use crate::wire::Body;

/// Asks one address again and again, until the upstream is no longer in the file.
pub(super) async fn watch(upstream: Weak<Upstream>, at: usize, metrics: Metrics, end: CancellationToken) {
    let mut failures = 0;
    let mut pause = Duration::ZERO;
    loop {
        let until_asked = async {
            sleep(jittered(pause)).await;
            let upstream = upstream.upgrade()?;
            let check = upstream.settings.health.as_ref()?;
            let asked = timeout(patience(check), ask(&upstream, at, check)).await.unwrap_or(Err(Unwell::Slow));
            Some((asked, check.interval))
        };
        let Some(Some((asked, interval))) = end.run_until_cancelled(until_asked).await else { return };
        let Some(upstream) = upstream.upgrade() else { return };
        failures = if asked.is_ok() { 0 } else { failures + 1 };
        note(&upstream, at, asked.as_ref().err(), failures);
        if !end.is_cancelled() {
            metrics.upstream_up(&upstream.settings.name, Some(upstream.addresses.is_any_well()));
        }
        // One failure may be a slip: it is asked about again soon.
        pause = if failures == 1 { interval.min(SOON) } else { interval };
    }
}

fn note(upstream: &Upstream, at: usize, unwell: Option<&Unwell>, failures: usize) {
    let (name, address) = (&upstream.settings.name, upstream.address(at));
    match unwell {
        None if upstream.addresses.recovered(at) => {
            tracing::info!(
                upstream = name,
                address,
                "an address passes its health check again: it comes back step by step"
            );
        }
        Some(why) if failures >= ENOUGH && upstream.addresses.fell_ill(at) => {
            tracing::warn!(upstream = name, address, error = %Chain(why), "left an address out: it fails its health check");
        }
        None | Some(_) => {}
    }
}

/// Why an address is not asked for anything else.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwell {
    #[error("it answers {0}")]
    Status(StatusCode),
    #[error("it does not answer in time")]
    Slow,
    #[error("it gives no answer")]
    Failed(#[source] ForwardError),
}

/// Anything but an error is a yes: a page that leads elsewhere is served too.
pub(super) async fn ask(upstream: &Upstream, at: usize, check: &HealthCheck) -> Result<(), Unwell> {
    let stream = upstream.socket(at, Offer::Any).await.map_err(Unwell::Failed)?;
    let mut request = Request::new(Body::Empty);
    *request.uri_mut() = check.path.clone().into();
    request.headers_mut().insert(HOST, upstream.host(at).clone());
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
    let http2 = upstream.settings.http2 || stream.chose_http2();
    let io = TokioIo::new(stream);
    let broken = |error: hyper::Error| Unwell::Failed(ForwardError::broken(error));
    // Dropped with this question, whatever becomes of it.
    let mut driver = JoinSet::new();
    let response = if http2 {
        outgoing::fit_http2(&mut request, upstream.settings.tls.is_some());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(broken)?;
        driver.spawn(connection);
        sender.send_request(request).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.map_err(broken)?;
        driver.spawn(connection);
        sender.send_request(request).await
    };
    let status = response.map_err(broken)?.status();
    if status.is_success() || status.is_redirection() { Ok(()) } else { Err(Unwell::Status(status)) }
}

/// So that the checks of many gateways do not come at the same moment.
fn jittered(pause: Duration) -> Duration {
    let tenth = u32::try_from(quick_random() & 0xff).unwrap_or_default();
    pause * 9 / 10 + pause * tenth / (0xff * 5)
}

fn patience(check: &HealthCheck) -> Duration {
    check.interval.clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// Starts the checks of an upstream, where it has any; once.
pub(super) fn begin(upstream: &Arc<Upstream>, metrics: &Metrics) {
    if upstream.settings.health.is_none() || !upstream.addresses.begin_checks() {
        return;
    }
    metrics.upstream_up(&upstream.settings.name, Some(upstream.addresses.is_any_well()));
    for at in 0..upstream.settings.addresses.len() {
        let end = upstream.checks.clone();
        drop(tokio::spawn(watch(Arc::downgrade(upstream), at, metrics.clone(), end)));
    }
}

/// Failures in a row after which an address is left out.
const ENOUGH: usize = 2;
const SOON: Duration = Duration::from_secs(1);
const AGENT: &str = concat!("authgate/", env!("CARGO_PKG_VERSION"), " (health check)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_about_as_long_as_it_should_be() {
        let pauses: Vec<_> = (0..1000).map(|_| jittered(Duration::from_secs(10))).collect();
        assert!(pauses.iter().all(|pause| (9.0..=11.0).contains(&pause.as_secs_f64())));
        assert!(pauses.iter().max() > pauses.iter().min());
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
