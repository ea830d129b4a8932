//! Every metric: its name, its labels, what it means. The names are a promise to whoever made a dashboard.
use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry};

/// All of them, registered.
#[derive(Debug)]
pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) requests: IntCounterVec,
    pub(super) request_duration: HistogramVec,
    pub(super) in_flight: IntGauge,
    pub(super) decisions: IntCounterVec,
    pub(super) logins: IntCounterVec,
    pub(super) registrations: IntCounterVec,
    pub(super) tokens_issued: IntCounterVec,
    pub(super) token_checks: IntCounterVec,
    pub(super) hash_duration: Histogram,
    pub(super) hash_queue: Gauge,
    pub(super) sessions: Gauge,
    pub(super) upstream_requests: IntCounterVec,
    pub(super) upstream_duration: HistogramVec,
    pub(super) upstream_up: GaugeVec,
    pub(super) store_duration: HistogramVec,
    pub(super) reloads: IntCounterVec,
    pub(super) reload_success: IntGauge,
    pub(super) reload_time: Gauge,
    pub(super) key_age: Gauge,
    pub(super) certificate_expiry: GaugeVec,
    pub(super) build: GaugeVec,
}

impl Families {
    pub(super) fn registered() -> Self {
        let at = &Registry::new();
        let families = Self {
            registry: at.clone(),
            requests: counters(at, "http_requests_total", "Requests answered.", &["route", "method", "code"]),
            request_duration: histograms(
                at,
                "http_request_duration_seconds",
                "From a request's head to the end of its answer's body.",
                &["route"],
            ),
            in_flight: kept(
                at,
                IntGauge::with_opts(options("http_requests_in_flight", "Requests whose answer has not ended.")),
            ),
            decisions: counters(at, "decisions_total", "What was decided and why.", &["route", "decision", "reason"]),
            logins: counters(at, "logins_total", "Sign-ins tried.", &["method", "result"]),
            registrations: counters(at, "registrations_total", "Accounts asked for.", &["result"]),
            tokens_issued: counters(at, "tokens_issued_total", "Tokens given out.", &["kind"]),
            token_checks: counters(at, "token_checks_total", "Tokens shown to us.", &["result"]),
            hash_duration: histogram(at, "password_hash_duration_seconds", "Time one password hash took."),
            hash_queue: gauge(at, "password_hash_queue_length", "Sign-ins waiting for their turn to be hashed."),
            sessions: gauge(at, "sessions", "Sessions that have not ended."),
            upstream_requests: counters(
                at,
                "upstream_requests_total",
                "Requests sent to a backend, by its answer or by what went wrong.",
                &["upstream", "code"],
            ),
            upstream_duration: histograms(
                at,
                "upstream_request_duration_seconds",
                "From the request to a backend until the head of its answer.",
                &["upstream"],
            ),
            upstream_up: kept(
                at,
                GaugeVec::new(
                    options("upstream_up", "1 when an address of the backend passes its health check."),
                    &["upstream"],
                ),
            ),
            store_duration: histograms(
                at,
                "store_operation_duration_seconds",
                "Time one operation of the store took.",
                &["operation"],
            ),
            reloads: counters(at, "config_reloads_total", "Times the file was read again.", &["result"]),
            reload_success: kept(
                at,
                IntGauge::with_opts(options("config_last_reload_success", "1 when the last file read was good.")),
            ),
            reload_time: gauge(at, "config_last_reload_timestamp_seconds", "When the settings in force were read."),
            key_age: gauge(at, "signing_key_age_seconds", "Age of the key that signs new tokens."),
            certificate_expiry: certificate_expiry(at),
            build: build(at),
        };
        #[cfg(target_os = "linux")]
        register(at, prometheus::process_collector::ProcessCollector::for_self());
        families
    }
}

/// A metric as the manual tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) help: String,
}

impl Families {
    /// Every one of ours.
    pub(super) fn described(&self) -> Vec<Described> {
        let all: [&dyn Collector; 21] = [
            &self.requests,
            &self.request_duration,
            &self.in_flight,
            &self.decisions,
            &self.logins,
            &self.registrations,
            &self.tokens_issued,
            &self.token_checks,
            &self.hash_duration,
            &self.hash_queue,
            &self.sessions,
            &self.upstream_requests,
            &self.upstream_duration,
            &self.upstream_up,
            &self.store_duration,
            &self.reloads,
            &self.reload_success,
            &self.reload_time,
            &self.key_age,
            &self.certificate_expiry,
            &self.build,
        ];
        let described = all.into_iter().flat_map(Collector::desc).map(|one| Described {
            name: one.fq_name.clone(),
            labels: one.variable_labels.clone(),
            help: one.help.clone(),
        });
        described.collect()
    }
}

/// Without a certificate there is no number: zero would say that it ended in 1970.
fn certificate_expiry(at: &Registry) -> GaugeVec {
    let help = "When the first of the certificates shown to clients ends.";
    kept(at, GaugeVec::new(options("tls_certificate_expiry_timestamp_seconds", help), &[]))
}

fn build(at: &Registry) -> GaugeVec {
    kept(at, GaugeVec::new(options("build_info", "Always 1; the labels say what runs."), &["version", "commit"]))
}

fn counters(at: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    kept(at, IntCounterVec::new(options(name, help), labels))
}

fn gauge(at: &Registry, name: &str, help: &str) -> Gauge {
    kept(at, Gauge::with_opts(options(name, help)))
}

fn histogram(at: &Registry, name: &str, help: &str) -> Histogram {
    kept(at, Histogram::with_opts(timed(name, help)))
}

fn histograms(at: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    kept(at, HistogramVec::new(timed(name, help), labels))
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace(NAMESPACE)
}

fn timed(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).namespace(NAMESPACE).buckets(SECONDS.to_vec())
}

fn kept<C: Collector + Clone + 'static>(at: &Registry, made: prometheus::Result<C>) -> C {
    let made = made.expect("names and labels stand in this file, and a test makes them all");
    register(at, made.clone());
    made
}

fn register(at: &Registry, collector: impl Collector + 'static) {
    at.register(Box::new(collector)).expect("each name stands once in this file, and a test makes them all");
}

const NAMESPACE: &str = "authgate";

/// From a tenth of a millisecond (an answer from memory) to a minute (the longest a route waits by default).
const SECONDS: [f64; 18] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
