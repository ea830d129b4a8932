//! Several gateways that meet in a Redis, and a Redis that goes away.
use std::time::Instant;

use serde_json::json;

use crate::support::servers::{Kind, Server};
use crate::support::{A_BUSY_SECOND, Answer, Gateway, SOON, Site, Upstream, token_in, until};

/// Two nodes that sign alike, each with a store of its own: only the Redis can carry anything from one to the other.
fn nodes(server: &Server, upstream: &Upstream, change: impl Fn(Site) -> Site) -> [Gateway; 2] {
    let start = || {
        let site = Site::shared_secret(upstream).set("server", "public_url", "\"http://localhost:8080\"").set(
            "store",
            "shared",
            &format!("\"{}\"", server.database("0")),
        );
        change(site).start()
    };
    let nodes = [start(), start()];
    nodes.iter().for_each(|node| shared_is(node, "ok"));
    nodes
}

#[track_caller]
fn shared_is(node: &Gateway, word: &str) {
    until(&format!("[store] shared is {word}"), SOON, || {
        let ready = node.get("/auth/readyz").send().expect(200).json();
        ready["checks"]["shared"] == word
    });
}

fn statuses(nodes: &[Gateway; 2], times: usize, ask: impl Fn(&Gateway) -> Answer) -> Vec<u16> {
    nodes.iter().cycle().take(times).map(|node| ask(node).status).collect()
}

#[test]
fn limits_hold_for_all_nodes_together() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let upstream = Upstream::start();
    let nodes = nodes(&server, &upstream, |site| {
        let url = upstream.url();
        site.set("limits", "login_per_account", "\"4/h\"")
            .set("limits", "login_per_ip", "\"11/h\"")
            .set("limits", "register_per_ip", "\"3/h\"")
            .route(&format!("prefix = \"/few\"\nupstream = \"{url}\"\nauth = \"none\"\nrate_per_ip = \"5/h\""))
            .route(&format!("prefix = \"/mine\"\nupstream = \"{url}\"\nrate_per_user = \"3/h\""))
    });
    let alice = nodes[0].register("alice");
    let sign_in = |name: &str, times| statuses(&nodes, times, |node| node.log_in(name, "wrong one 1"));
    assert_eq!(sign_in("nobody", 6), [401, 401, 401, 401, 429, 429], "of an account");
    assert_eq!(sign_in("another", 6)[..4], [401, 401, 401, 401]);
    let limited = nodes[0].log_in("a third", "wrong one 1");
    assert_eq!(limited.status, 429, "of an address: the one that was refused for the account counts there");
    assert!(limited.field("retry-after").is_some());
    let few = statuses(&nodes, 8, |node| node.get("/few/x").send());
    assert_eq!(few, [200, 200, 200, 200, 200, 429, 429, 429]);
    let mine = statuses(&nodes, 5, |node| node.get("/mine/x").bearer(&alice.access).send());
    assert_eq!(mine, [200, 200, 200, 429, 429]);
    let form = |number| json!({ "username": format!("person-{number}"), "password": "correct horse 7" });
    let made: Vec<_> = nodes
        .iter()
        .cycle()
        .zip(0..4)
        .map(|(node, number)| node.post("/auth/register").json(&form(number)).send().status)
        .collect();
    assert_eq!(made, [201, 201, 429, 429], "alice was the first");
}

#[test]
fn right_passwords_count_against_no_account_on_any_node() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let nodes = nodes(&server, &Upstream::start(), |site| site.set("limits", "login_per_account", "\"3/h\""));
    let alice = nodes[0].register("alice");
    for _ in 0..12 {
        nodes[0].log_in("alice", &alice.password).expect(200);
    }
}

#[test]
fn what_one_node_ends_the_redis_tells_the_others_at_once() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let [here, there] = nodes(&server, &Upstream::start(), |site| site);
    let alice = here.register("alice");
    there.get("/app/x").bearer(&alice.access).send().expect(200);
    here.log_out(&alice.access).expect(204);
    let begun = Instant::now();
    until("it is over there", SOON, || there.get("/app/x").bearer(&alice.access).send().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
}

#[test]
fn a_password_that_a_link_sets_ends_the_tokens_on_the_other_nodes_at_once() {
    let Some(server) = Server::start(Kind::Redis) else { return };
    let [here, there] = nodes(&server, &Upstream::start(), |site| site);
    let form = json!({ "username": "ann", "email": "ann@example.com", "password": "correct horse 7" });
    let ann = here.person("ann", &here.post("/auth/register").json(&form).send().expect(201));
    there.get("/app/x").bearer(&ann.access).send().expect(200);
    here.post("/auth/password/forgot").json(&json!({ "email": "ann@example.com" })).send().expect(202);
    until("the mail is in the log", SOON, || here.log_text().contains("/auth/password/reset?token=agl_"));
    let new = json!({ "token": token_in(&here.log_text()), "new_password": "another good one 2" });
    here.post("/auth/password/reset").json(&new).send().expect(204);
    let begun = Instant::now();
    until("it is over there", SOON, || there.get("/app/x").bearer(&ann.access).send().status == 401);
    assert!(begun.elapsed() < A_BUSY_SECOND, "in force after {:?}", begun.elapsed());
}

#[test]
fn without_its_redis_a_node_counts_alone_and_goes_on_and_finds_it_again() {
    let Some(mut server) = Server::start(Kind::Redis) else { return };
    let nodes = nodes(&server, &Upstream::start(), |site| site.set("limits", "login_per_account", "\"4/h\""));
    let [here, there] = &nodes;
    let alice = here.register("alice");
    assert_eq!(statuses(&nodes, 2, |node| node.log_in("nobody", "wrong one 1")), [401, 401]);
    server.stop();
    shared_is(here, "failed");
    shared_is(there, "failed");
    here.get("/app/x").bearer(&alice.access).send().expect(200);
    here.log_in("alice", &alice.password).expect(200);
    let alone: Vec<_> = (0..4).map(|_| here.log_in("nobody", "wrong one 1").status).collect();
    assert_eq!(alone, [401, 401, 401, 429], "what it counted before it still knows");
    here.log_out(&alice.access).expect(204);
    here.get("/app/x").bearer(&alice.access).send().expect(401);
    server.run();
    shared_is(here, "ok");
    shared_is(there, "ok");
    let again = statuses(&nodes, 6, |node| node.log_in("somebody", "wrong one 1"));
    assert_eq!(again, [401, 401, 401, 401, 429, 429]);
    assert_eq!(here.log_text().matches("[store] shared").count(), 2, "said once when it went and once when it came");
    here.leaks_nothing();
}

#[test]
fn a_gateway_starts_without_its_redis() {
    let Some(mut server) = Server::start(Kind::Redis) else { return };
    server.stop();
    let upstream = Upstream::start();
    let address = format!("\"{}\"", server.database("0").replace("redis://", "redis://gw:hunter22-secret@"));
    let gateway = Site::fixture(&upstream).set("store", "shared", &address).start();
    gateway.keep_secret("hunter22-secret");
    let alice = gateway.register("alice");
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    shared_is(&gateway, "failed");
    gateway.stands(&upstream);
}
