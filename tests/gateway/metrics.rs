//! /metrics on the admin address: the names that were promised, in a text that Prometheus reads.
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Gateway, Site, Upstream};

/// What spec and dashboards name. Those of TLS and of health checks come with them, and are looked for there.
const PROMISED: &[&str] = &[
    "authgate_http_requests_total",
    "authgate_http_request_duration_seconds",
    "authgate_http_requests_in_flight",
    "authgate_decisions_total",
    "authgate_logins_total",
    "authgate_registrations_total",
    "authgate_tokens_issued_total",
    "authgate_token_checks_total",
    "authgate_password_hash_duration_seconds",
    "authgate_password_hash_queue_length",
    "authgate_sessions",
    "authgate_upstream_requests_total",
    "authgate_upstream_request_duration_seconds",
    "authgate_store_operation_duration_seconds",
    "authgate_config_reloads_total",
    "authgate_config_last_reload_success",
    "authgate_config_last_reload_timestamp_seconds",
    "authgate_signing_key_age_seconds",
    "authgate_build_info",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
];

/// A scrape, read as strictly as promtool reads one.
struct Scrape {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    #[track_caller]
    fn of(gateway: &Gateway) -> Self {
        let answer = gateway.admin("GET", "/metrics").send().expect(200);
        assert!(answer.field("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
        Self::read(&answer.text())
    }

    #[track_caller]
    fn read(text: &str) -> Self {
        let (mut kinds, mut helped, mut samples) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        assert!(text.ends_with('\n'));
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
                assert!(!help.is_empty(), "{name} has no help text");
                assert!(helped.insert(name.to_owned()), "{name} is explained twice");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is typed twice");
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(samples.insert(series.to_owned(), value).is_none(), "{series} stands twice");
            }
        }
        let scrape = Self { kinds, samples };
        scrape.check_names(&helped);
        scrape
    }

    #[track_caller]
    fn check_names(&self, helped: &BTreeSet<String>) {
        for (name, kind) in &self.kinds {
            assert!(helped.contains(name), "{name} has no help");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        }
        for series in self.samples.keys() {
            let name = series.split('{').next().unwrap();
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(self.kinds.contains_key(name) || self.kinds.contains_key(base), "{series} has no type");
        }
    }

    fn value(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or(0.0)
    }

    /// The sum over all series of a name that hold these labels.
    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = |series: &str| series.split('{').next() == Some(name);
        self.samples
            .iter()
            .filter(|(series, _)| of_name(series) && labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }
}

#[test]
fn every_promised_name_is_there_once_something_happened() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.sign_in("alice");
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    gateway.refresh(&alice.refresh).expect(200);
    let reload =
        crate::support::authgate(gateway.folder(), gateway.site().variables(), &["reload", "-c", "gateway.toml"]);
    reload.expect(0);
    let scrape = Scrape::of(&gateway);
    for name in PROMISED {
        assert!(scrape.kinds.contains_key(*name), "{name} is missing");
    }
    let manual = crate::support::authgate(gateway.folder(), &[], &["help", "metrics"]).expect(0).out;
    for name in scrape.kinds.keys() {
        assert!(name.starts_with("process_") || manual.contains(&format!("  {name}")), "{name} is not in the manual");
        assert!(PROMISED.contains(&name.as_str()) || name.starts_with("process_"), "{name} was not promised");
    }
}

#[test]
fn what_happened_is_counted() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.log_in("alice", "wrong one 1").expect(401);
    for _ in 0..3 {
        gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    }
    gateway.get("/app/x").send().expect(401);
    gateway.get("/app/admin").bearer(&alice.access).send().expect(403);
    let scrape = Scrape::of(&gateway);
    let requests = |labels: &[&str]| scrape.sum("authgate_http_requests_total", labels);
    assert!((requests(&["route=\"/app\"", "method=\"GET\"", "code=\"200\""]) - 3.0).abs() < 0.1);
    assert!((requests(&["route=\"/app\"", "code=\"401\""]) - 1.0).abs() < 0.1);
    assert!((requests(&["route=\"/app/admin\"", "code=\"403\""]) - 1.0).abs() < 0.1);
    let decisions = |labels: &[&str]| scrape.sum("authgate_decisions_total", labels);
    assert!((decisions(&["reason=\"login_required\""]) - 1.0).abs() < 0.1);
    assert!((decisions(&["reason=\"missing_role\""]) - 1.0).abs() < 0.1);
    assert!((scrape.sum("authgate_registrations_total", &[]) - 1.0).abs() < 0.1);
    assert!((scrape.sum("authgate_upstream_requests_total", &["code=\"200\""]) - 3.0).abs() < 0.1);
    assert!(scrape.value("authgate_http_requests_in_flight") < 1.5);
    assert!((scrape.value("authgate_sessions") - 1.0).abs() < 0.1);
}

#[test]
fn a_histogram_adds_up() {
    let gateway = Gateway::start(&Upstream::start());
    for _ in 0..5 {
        gateway.get("/pub/x").send().expect(200);
    }
    let scrape = Scrape::of(&gateway);
    let name = "authgate_http_request_duration_seconds";
    let count = scrape.value(&format!("{name}_count{{route=\"/pub\"}}"));
    assert!(count > 4.5, "{count}");
    assert!((scrape.sum(&format!("{name}_bucket"), &["route=\"/pub\"", "le=\"+Inf\""]) - count).abs() < 0.1);
    assert!(scrape.value(&format!("{name}_sum{{route=\"/pub\"}}")) > 0.0);
}

#[test]
fn labels_come_from_the_file_and_never_from_a_client() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    let ask = |number: usize| {
        let method = ["GET", "POST", "BREW", "FOO", "PROPFIND"][number % 5];
        let target = ["/pub", "/app", "/nowhere", "/auth/me"][number % 4];
        gateway.call(method, &format!("{target}/{number}")).header("User-Agent", &format!("agent-{number}")).send();
    };
    (0..60).for_each(ask);
    let before = Scrape::of(&gateway).samples.len();
    (60..400).for_each(ask);
    let scrape = Scrape::of(&gateway);
    assert_eq!(scrape.samples.len(), before, "series grew with what clients sent");
    for series in scrape.samples.keys() {
        for stranger in ["agent-", "FOO", "alice", &alice.id, "127.0.0.1:1"] {
            assert!(!series.contains(stranger), "{series}");
        }
    }
}

#[test]
fn metrics_can_be_switched_off_moved_and_summed_up() {
    let upstream = Upstream::start();
    let off = Site::fixture(&upstream).set("metrics", "enabled", "false").start();
    off.admin("GET", "/metrics").send().expect(404);
    let moved =
        Site::fixture(&upstream).set("metrics", "path", "\"/numbers\"").set("metrics", "per_route", "false").start();
    moved.get("/pub/x").send().expect(200);
    let text = moved.admin("GET", "/numbers").send().expect(200).text();
    let scrape = Scrape::read(&text);
    assert!(scrape.sum("authgate_http_requests_total", &["route=\"all\""]) > 0.5);
    assert!(scrape.samples.keys().all(|series| !series.contains("route=\"/pub\"")));
}

#[test]
fn who_may_ask_the_admin_address_is_said_in_the_file() {
    let gateway = Site::fixture(&Upstream::start()).set("admin", "allow", "[\"10.0.0.0/8\"]").start();
    let mut raw = crate::support::Raw::open(gateway.admin_port);
    raw.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(raw.answer().is_none_or(|answer| answer.status == 403));
}
