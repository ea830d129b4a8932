use super::*;

fn settings(per_route: bool) -> MetricsSettings {
    MetricsSettings { enabled: true, path: "/metrics".to_owned(), per_route, server_timing: false }
}

fn metrics() -> Metrics {
    Metrics::new(&settings(true), Timestamp::from_seconds(1_790_000_000))
}

fn count_everything(metrics: &Metrics) {
    let route = metrics.route("/api");
    let mut timer = metrics.request_started(&Method::GET);
    timer.routed(&route);
    timer.answered(StatusCode::OK);
    drop(timer);
    route.decided("allow", "signed_in");
    metrics.login("password", "ok");
    metrics.registration("ok");
    metrics.tokens_issued("access");
    metrics.token_check("valid");
    metrics.hash_done(Duration::from_millis(20));
    metrics.upstream("app").done(Ok(StatusCode::OK), Duration::from_millis(1));
    metrics.store_operation("user_by_name", Duration::from_micros(60));
    metrics.set(Gauge::CertificateExpiry, 1_800_000_000.0);
    metrics.reload(Some(&settings(true)), Timestamp::from_seconds(1_790_000_100));
}

#[test]
fn the_manual_tells_of_every_metric_that_is_served() {
    let metrics = metrics();
    count_everything(&metrics);
    metrics.upstream_up("app", Some(true));
    let page = metrics.render();
    let served =
        page.lines().filter_map(|line| line.strip_prefix("# HELP ")).filter(|line| !line.starts_with("process_"));
    let told: Vec<_> = described().iter().map(|one| format!("{} {}", one.name, one.help)).collect();
    for line in served {
        assert!(told.iter().any(|one| one == line), "{line}");
    }
    assert!(told.iter().any(|one| one.starts_with("authgate_upstream_up ")));
    assert!(told.iter().any(|one| one.starts_with("authgate_tls_certificate_expiry_timestamp_seconds ")));
}

#[test]
fn the_names_and_labels_are_those_that_were_promised() {
    let metrics = metrics();
    count_everything(&metrics);
    let page = metrics.render();
    let mut families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    families.retain(|family| !family.starts_with("process_"));
    families.sort_unstable();
    let promised = [
        "authgate_build_info gauge",
        "authgate_config_last_reload_success gauge",
        "authgate_config_last_reload_timestamp_seconds gauge",
        "authgate_config_reloads_total counter",
        "authgate_decisions_total counter",
        "authgate_http_request_duration_seconds histogram",
        "authgate_http_requests_in_flight gauge",
        "authgate_http_requests_total counter",
        "authgate_logins_total counter",
        "authgate_password_hash_duration_seconds histogram",
        "authgate_password_hash_queue_length gauge",
        "authgate_registrations_total counter",
        "authgate_sessions gauge",
        "authgate_signing_key_age_seconds gauge",
        "authgate_store_operation_duration_seconds histogram",
        "authgate_tls_certificate_expiry_timestamp_seconds gauge",
        "authgate_token_checks_total counter",
        "authgate_tokens_issued_total counter",
        "authgate_upstream_request_duration_seconds histogram",
        "authgate_upstream_requests_total counter",
    ];
    assert_eq!(families, promised);
    for line in [
        r#"authgate_http_requests_total{code="200",method="GET",route="/api"} 1"#,
        r#"authgate_http_request_duration_seconds_count{route="/api"} 1"#,
        r#"authgate_decisions_total{decision="allow",reason="signed_in",route="/api"} 1"#,
        r#"authgate_logins_total{method="password",result="ok"} 1"#,
        r#"authgate_registrations_total{result="ok"} 1"#,
        r#"authgate_tokens_issued_total{kind="access"} 1"#,
        r#"authgate_token_checks_total{result="valid"} 1"#,
        r#"authgate_upstream_requests_total{code="200",upstream="app"} 1"#,
        r#"authgate_upstream_request_duration_seconds_count{upstream="app"} 1"#,
        r#"authgate_store_operation_duration_seconds_count{operation="user_by_name"} 1"#,
        r#"authgate_config_reloads_total{result="success"} 1"#,
        r#"authgate_config_reloads_total{result="failure"} 0"#,
        "authgate_config_last_reload_timestamp_seconds 1790000100",
    ] {
        assert!(page.lines().any(|written| written == line), "{line} is not in\n{page}");
    }
    assert!(page.contains(r#"authgate_build_info{commit=""#), "{page}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_tells_about_itself() {
    assert!(metrics().render().contains("\nprocess_resident_memory_bytes "));
}

#[test]
fn a_request_is_in_flight_until_its_timer_is_dropped() {
    let metrics = metrics();
    let timer = metrics.request_started(&Method::GET);
    assert!(metrics.render().contains("authgate_http_requests_in_flight 1\n"));
    drop(timer);
    let page = metrics.render();
    assert!(page.contains("authgate_http_requests_in_flight 0\n"));
    assert!(page.contains(r#"authgate_http_requests_total{code="499",method="GET",route="none"} 1"#), "{page}");
}

#[test]
fn a_request_that_panics_is_counted_as_500() {
    let metrics = metrics();
    let inside = metrics.clone();
    let ended = std::thread::spawn(move || {
        let _timer = inside.request_started(&Method::POST);
        panic!("on purpose");
    });
    assert!(ended.join().is_err());
    assert!(metrics.render().contains(r#"authgate_http_requests_total{code="500",method="POST",route="none"} 1"#));
}

#[test]
fn whatever_clients_send_the_number_of_series_stays_the_same() {
    let metrics = metrics();
    let route = metrics.route("/api");
    let ask = |number: u32| {
        let made_up = Method::from_bytes(format!("G!#$-{number}").as_bytes()).unwrap();
        for method in [Method::GET, Method::PATCH, made_up] {
            let mut timer = metrics.request_started(&method);
            timer.routed(&route);
            timer.answered(StatusCode::from_u16(600 + u16::try_from(number % 400).unwrap()).unwrap());
        }
    };
    ask(0);
    let before = metrics.render().lines().count();
    (1..2_000).for_each(ask);
    let page = metrics.render();
    assert_eq!(page.lines().count(), before, "{page}");
    assert!(page.contains(r#"{code="other",method="other",route="/api"} 2000"#), "{page}");
}

#[test]
fn more_words_than_there_is_room_at_hand_are_counted_too() {
    const WORDS: [&str; 20] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];
    let metrics = metrics();
    let route = metrics.route("/api");
    for _ in 0..3 {
        WORDS.into_iter().for_each(|word| route.decided("deny", word));
    }
    let page = metrics.render();
    for word in WORDS {
        let line = format!(r#"authgate_decisions_total{{decision="deny",reason="{word}",route="/api"}} 3"#);
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
}

#[test]
fn routes_are_one_when_the_operator_wants_it_so() {
    let metrics = Metrics::new(&settings(false), Timestamp::from_seconds(1));
    metrics.route("/api").decided("allow", "open");
    drop(metrics.request_started(&Method::GET));
    let page = metrics.render();
    assert!(page.contains(r#"authgate_decisions_total{decision="allow",reason="open",route="all"} 1"#), "{page}");
    assert!(!page.contains("/api") && !page.contains(r#"route="none""#), "{page}");
}

#[test]
fn a_bad_reload_leaves_the_time_of_the_good_one() {
    let metrics = metrics();
    metrics.reload(None, Timestamp::from_seconds(1_790_000_500));
    let page = metrics.render();
    assert!(page.contains("authgate_config_last_reload_success 0\n"));
    assert!(page.contains("authgate_config_last_reload_timestamp_seconds 1790000000\n"), "{page}");
    assert!(page.contains(r#"authgate_config_reloads_total{result="failure"} 1"#));
}

#[test]
fn gauges_are_asked_for_when_the_page_is_read() {
    let metrics = metrics();
    metrics.ask(Gauge::HashQueue, || Some(7.0));
    metrics.set(Gauge::Sessions, 3.0);
    let page = metrics.render();
    assert!(page.contains("authgate_password_hash_queue_length 7\n"), "{page}");
    assert!(page.contains("authgate_sessions 3\n"), "{page}");
}
