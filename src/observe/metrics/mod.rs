//! Numbers for Prometheus (text format 0.0.4). No user, path or address is ever a label.
mod counted;
mod names;
mod totals;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus::core::Collector;
use prometheus::{Histogram, IntGauge, TextEncoder};
use tokio::time::Instant;

use super::MetricsSettings;
use crate::base::Timestamp;
use counted::{ByCode, ByWords, METHODS, place_of};
pub(crate) use names::Described;
use names::Families;

pub(crate) use totals::Totals;

/// All numbers of one gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Inner>);

struct Inner {
    families: Families,
    token_checks: ByWords<1>,
    per_route: AtomicBool,
    /// What no route covers.
    unrouted: Arc<RouteMetrics>,
    /// Asked when somebody reads the numbers.
    asked: Mutex<HashMap<Gauge, Ask>>,
}

type Ask = Box<dyn Fn() -> Option<f64> + Send + Sync>;

/// Numbers that are asked for rather than counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Gauge {
    /// Sign-ins waiting to be hashed.
    HashQueue,
    Sessions,
    /// In seconds.
    SigningKeyAge,
    /// In seconds since 1970.
    CertificateExpiry,
}

/// Every metric of ours, for the manual.
pub(crate) fn described() -> Vec<Described> {
    Families::registered().described()
}

impl Metrics {
    /// `now` is when the settings in force were read.
    pub(crate) fn new(settings: &MetricsSettings, now: Timestamp) -> Self {
        let families = Families::registered();
        let metrics = Self(Arc::new(Inner {
            token_checks: ByWords::new(&families.token_checks, None),
            per_route: AtomicBool::new(settings.per_route),
            unrouted: Arc::new(RouteMetrics::new(&families, if settings.per_route { UNROUTED } else { ALL })),
            asked: Mutex::default(),
            families,
        }));
        let families = &metrics.0.families;
        families.build.with_label_values(&[env!("CARGO_PKG_VERSION"), COMMIT]).set(1.0);
        families.reload_success.set(1);
        families.reload_time.set(now.in_seconds());
        // So that the first failure is an increase from 0, and not a series that begins at 1.
        for result in [SUCCESS, FAILURE] {
            families.reloads.with_label_values(&[result]).inc_by(0);
        }
        metrics
    }

    /// The page that a scraper reads.
    pub(crate) fn render(&self) -> String {
        for (gauge, ask) in self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(value) = ask() {
                self.set(*gauge, value);
            }
        }
        TextEncoder::new().encode_to_string(&self.0.families.registry.gather()).unwrap_or_default()
    }

    /// Asks for a number whenever somebody reads the page; without an answer the page says what it said before. A second question takes the place of the first.
    pub(crate) fn ask(&self, gauge: Gauge, question: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(gauge, Box::new(question));
    }

    pub(crate) fn set(&self, gauge: Gauge, value: f64) {
        let families = &self.0.families;
        match gauge {
            Gauge::HashQueue => &families.hash_queue,
            Gauge::Sessions => &families.sessions,
            Gauge::SigningKeyAge => &families.key_age,
            // Made when it is first known: a gateway without TLS has no certificate that ended in 1970.
            Gauge::CertificateExpiry => return families.certificate_expiry.with_label_values::<&str>(&[]).set(value),
        }
        .set(value);
    }

    /// The numbers of one route, to be kept beside it. `prefix` is the label: from the file, never from a request.
    pub(crate) fn route(&self, prefix: &str) -> Arc<RouteMetrics> {
        let label = if self.0.per_route.load(Ordering::Relaxed) { prefix } else { ALL };
        Arc::new(RouteMetrics::new(&self.0.families, label))
    }

    /// The numbers of what no route covers.
    pub(crate) fn unrouted(&self) -> Arc<RouteMetrics> {
        Arc::clone(&self.0.unrouted)
    }

    /// The numbers of one backend, to be kept beside it. `name` is the label, from the file.
    pub(crate) fn upstream(&self, name: &str) -> Arc<UpstreamMetrics> {
        let families = &self.0.families;
        Arc::new(UpstreamMetrics {
            requests: ByCode::new(&families.upstream_requests, &[name]),
            duration: families.upstream_duration.with_label_values(&[name]),
        })
    }

    /// What the health checks of a backend say; `None`: it has none any more.
    pub(crate) fn upstream_up(&self, name: &str, up: Option<bool>) {
        let gauge = &self.0.families.upstream_up;
        match up {
            Some(up) => gauge.with_label_values(&[name]).set(f64::from(u8::from(up))),
            // One that never had a number has none to lose.
            None => drop(gauge.remove_label_values(&[name])),
        }
    }

    /// False when each address of some backend fails its health check. Of those that are not checked nothing bad is known.
    pub(crate) fn are_upstreams_up(&self) -> bool {
        let told = Collector::collect(&self.0.families.upstream_up);
        told.iter().flat_map(|family| family.get_metric()).all(|one| one.get_gauge().get_value() > 0.0)
    }

    /// A request's head is here. It is counted when the returned timer is dropped, which is when its answer has ended.
    pub(crate) fn request_started(&self, method: &Method) -> RequestTimer {
        let in_flight = self.0.families.in_flight.clone();
        in_flight.inc();
        RequestTimer {
            in_flight,
            started: Instant::now(),
            method: place_of(method),
            route: self.unrouted(),
            status: None,
        }
    }

    pub(crate) fn login(&self, method: &'static str, result: &'static str) {
        self.0.families.logins.with_label_values(&[method, result]).inc();
    }

    pub(crate) fn registration(&self, result: &'static str) {
        self.0.families.registrations.with_label_values(&[result]).inc();
    }

    pub(crate) fn tokens_issued(&self, kind: &'static str) {
        self.0.families.tokens_issued.with_label_values(&[kind]).inc();
    }

    pub(crate) fn token_check(&self, result: &'static str) {
        self.0.token_checks.count([result]);
    }

    pub(crate) fn hash_done(&self, took: Duration) {
        self.0.families.hash_duration.observe(took.as_secs_f64());
    }

    pub(crate) fn store_operation(&self, name: &'static str, took: Duration) {
        self.0.families.store_duration.with_label_values(&[name]).observe(took.as_secs_f64());
    }

    /// The file was read again; `good` puts `settings` into force. Routes made from now on obey its `per_route`.
    pub(crate) fn reload(&self, good: Option<&MetricsSettings>, now: Timestamp) {
        let families = &self.0.families;
        let result = if good.is_some() { SUCCESS } else { FAILURE };
        families.reloads.with_label_values(&[result]).inc();
        families.reload_success.set(i64::from(good.is_some()));
        if let Some(settings) = good {
            families.reload_time.set(now.in_seconds());
            self.0.per_route.store(settings.per_route, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// What is counted for one route.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    /// By method, in the order of [`METHODS`].
    requests: [ByCode; METHODS.len()],
    duration: Histogram,
    decisions: ByWords<2>,
}

impl RouteMetrics {
    fn new(families: &Families, label: &str) -> Self {
        Self {
            requests: METHODS.map(|method| ByCode::new(&families.requests, &[label, method])),
            duration: families.request_duration.with_label_values(&[label]),
            decisions: ByWords::new(&families.decisions, Some(label)),
        }
    }

    /// What was decided about a request, and the stable code of the reason: the words of the access log.
    pub(crate) fn decided(&self, decision: &'static str, reason: &'static str) {
        self.decisions.count([decision, reason]);
    }
}

/// What is counted for one backend.
#[derive(Debug)]
pub(crate) struct UpstreamMetrics {
    requests: ByCode,
    duration: Histogram,
}

impl UpstreamMetrics {
    /// The backend answered with a status, or something went wrong, in a word of ours ("timeout").
    pub(crate) fn done(&self, answer: Result<StatusCode, &'static str>, took: Duration) {
        match answer {
            Ok(status) => self.requests.count(status.as_u16()),
            Err(word) => self.requests.count_word(word),
        }
        self.duration.observe(took.as_secs_f64());
    }
}

/// One request, from its head to the end of its answer. Belongs into the answer's body: dropping it counts.
#[derive(Debug)]
pub(crate) struct RequestTimer {
    in_flight: IntGauge,
    started: Instant,
    method: usize,
    route: Arc<RouteMetrics>,
    status: Option<StatusCode>,
}

impl RequestTimer {
    /// The route is known now.
    pub(crate) fn routed(&mut self, route: &Arc<RouteMetrics>) {
        self.route = Arc::clone(route);
    }

    /// The answer is known now. A request that ends without one is counted as 499: the client left.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The answer's status; 499 while there is none, or 500 in a panic.
    pub(crate) fn code(&self) -> u16 {
        match self.status {
            Some(status) => status.as_u16(),
            None if std::thread::panicking() => StatusCode::INTERNAL_SERVER_ERROR.as_u16(),
            None => CLIENT_LEFT,
        }
    }
}

impl Drop for RequestTimer {
    fn drop(&mut self) {
        self.in_flight.dec();
        if let Some(codes) = self.route.requests.get(self.method) {
            codes.count(self.code());
        }
        self.route.duration.observe(self.elapsed().as_secs_f64());
    }
}

/// The code that nginx made usual for a client that did not wait for the answer.
const CLIENT_LEFT: u16 = 499;
const UNROUTED: &str = "none";
const ALL: &str = "all";
const SUCCESS: &str = "success";
const FAILURE: &str = "failure";
const COMMIT: &str = match option_env!("AUTHGATE_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
