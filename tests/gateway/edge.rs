//! What one route may ask beside who it is: from where, how often, with which headers.
use crate::support::{Gateway, Reply, Site, Upstream};

fn with(upstream: &Upstream, lines: &str) -> Gateway {
    let route = format!("prefix = \"/edge\"\nupstream = \"{}\"\n{lines}", upstream.url());
    Site::fixture(upstream).set("server", "trusted_proxies", "[\"127.0.0.1\"]").route(&route).start()
}

#[test]
fn a_route_for_certain_networks_is_closed_to_others() {
    let upstream = Upstream::start();
    let gateway = with(&upstream, "auth = \"none\"\nnetworks = [\"10.0.0.0/8\", \"2001:db8::/32\"]");
    let from = |ip: &str| gateway.get("/edge/x").header("X-Forwarded-For", ip).send();
    from("10.1.2.3").expect(200);
    from("2001:db8::7").expect(200);
    from("10.1.2.3, 9.9.9.9").refused(403, "network_not_allowed");
    gateway.get("/edge/x").send().refused(403, "network_not_allowed");
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn one_address_asks_a_route_only_so_often() {
    let upstream = Upstream::start();
    let gateway = with(&upstream, "rate_per_ip = \"3/h\"");
    let alice = gateway.register("alice");
    let from = |ip: &str| gateway.get("/edge/x").header("X-Forwarded-For", ip);
    // Refused requests count too.
    from("9.9.9.9").send().refused(401, "login_required");
    from("9.9.9.9").bearer(&alice.access).send().expect(200);
    from("9.9.9.9").bearer(&alice.access).send().expect(200);
    let answer = from("9.9.9.9").bearer(&alice.access).send().refused(429, "rate_limited");
    drop(answer);
    from("8.8.8.8").bearer(&alice.access).send().expect(200);
    gateway.get("/app/x").header("X-Forwarded-For", "9.9.9.9").bearer(&alice.access).send().expect(200);
}

#[test]
fn one_person_asks_a_route_only_so_often_from_wherever() {
    let upstream = Upstream::start();
    let mut gateway = with(&upstream, "rate_per_user = \"2/h\"");
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let ask = |gateway: &Gateway, ip: &str, token: &str| {
        gateway.get("/edge/x").header("X-Forwarded-For", ip).bearer(token).send()
    };
    ask(&gateway, "9.9.9.1", &alice.access).expect(200);
    ask(&gateway, "9.9.9.2", &alice.access).expect(200);
    ask(&gateway, "9.9.9.3", &alice.access).refused(429, "rate_limited");
    let again = gateway.sign_in("alice");
    ask(&gateway, "9.9.9.4", &again.access).refused(429, "rate_limited");
    ask(&gateway, "9.9.9.1", &bob.access).expect(200);
    // A reload gives nobody a fresh start.
    gateway.change(|site| site.set("limits", "idle_timeout", "\"70s\""));
    crate::support::authgate(gateway.folder(), &[], &["reload", "-c", "gateway.toml"]).expect(0);
    ask(&gateway, "9.9.9.3", &alice.access).refused(429, "rate_limited");
}

#[test]
fn headers_are_set_for_the_backend_and_taken_off_its_answers() {
    let fields = "Server: old/1.0\r\nX-Powered-By: x\r\nX-Kept: y\r\n";
    let upstream = Upstream::answering(move |_| Reply::new("200 OK", fields, ""));
    let gateway = with(
        &upstream,
        "set_request_headers = { \"X-Tenant\" = \"acme\", \"X-User-Name\" = \"root\" }\nremove_response_headers = [\"Server\", \"X-Powered-By\"]",
    );
    let alice = gateway.register("alice");
    let answer = gateway.get("/edge/x").header("X-Tenant", "mine").bearer(&alice.access).send().expect(200);
    assert_eq!((answer.field("server"), answer.field("x-powered-by"), answer.field("x-kept")), (None, None, Some("y")));
    let seen = upstream.seen();
    assert_eq!(seen[0].head.all("x-tenant"), ["acme"]);
    assert_eq!(seen[0].head.all("x-user-name"), ["alice"], "identity is set last");
}

#[test]
fn a_client_cannot_stand_beside_a_field_that_the_operator_set_in_another_spelling() {
    let upstream = Upstream::start();
    let gateway = with(
        &upstream,
        "set_request_headers = { \"X-Tenant\" = \"acme\", \"X-User_Name\" = \"root\", \"Via-\" = \"us\" }",
    );
    let alice = gateway.register("alice");
    for name in ["X-Tenant", "X_Tenant", "x_tenant", "X.Tenant", "X~TENANT", "Via_", "Via.", "X_User.Name"] {
        gateway.get("/edge/x").header(name, "evil").header("X-Tenan", "t").bearer(&alice.access).send().expect(200);
        let seen = upstream.last();
        assert_eq!(seen.folded("X-Tenant"), ["acme"], "{name}");
        assert_eq!(seen.folded("Via-"), ["us"], "{name}");
        assert_eq!(seen.folded("X-User-Name"), ["alice"], "{name}");
        assert_eq!(seen.all("x-tenan"), ["t"], "another name passes");
    }
}

#[test]
fn a_backend_is_told_the_way_and_the_trace_and_strangers_cannot_forge_the_way() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let call = gateway.get("/pub/x").header("Forwarded", "for=6.6.6.6;proto=https").header("Host", "app.example:80");
    call.header("traceparent", parent).header("tracestate", "a=1").send().expect(200);
    let seen = upstream.last();
    assert_eq!(seen.all("forwarded"), ["for=127.0.0.1;host=\"app.example:80\";proto=http"]);
    assert_eq!((seen.all("traceparent"), seen.all("tracestate")), (vec![parent], vec!["a=1"]));
    gateway.get("/pub/x").header("traceparent", "00-nonsense").header("tracestate", "a=1").send().expect(200);
    let seen = upstream.last();
    let made = seen.field("traceparent").unwrap();
    assert!(made.len() == 55 && made.starts_with("00-") && seen.field("tracestate").is_none(), "{made}");
    let trusting = Site::fixture(&upstream).set("server", "trusted_proxies", "[\"127.0.0.1\"]").start();
    let call = trusting.get("/pub/x").header("X-Forwarded-For", "2001:db8::7").header("X-Forwarded-Proto", "https");
    call.header("X-Forwarded-Host", "app.example").send().expect(200);
    let way = "for=\"[2001:db8::7]\";host=app.example;proto=https, for=127.0.0.1";
    assert_eq!(upstream.last().all("forwarded"), [way]);
}
