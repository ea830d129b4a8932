//! What was wrong once. Each test is named after what it proves and stays for good.
use serde_json::json;

use crate::support::{Gateway, Upstream, rude};

#[test] // issue 2
fn i2_the_version_of_an_answer_is_ours_and_not_the_backends() {
    let old = rude::says(b"HTTP/1.0 200 OK\r\nX-Upstream: old\r\nContent-Length: 2\r\n\r\nok");
    let gateway = Gateway::start(&old);
    let mut raw = gateway.raw();
    for _ in 0..2 {
        let answer = gateway.get("/pub/x").send_on(&mut raw).expect(200);
        assert_eq!((answer.head.first.as_str(), answer.text().as_str()), ("HTTP/1.1 200 OK", "ok"));
    }
}

#[test] // issue 2
fn i2_an_answer_of_an_old_backend_that_ends_with_its_connection_is_framed_for_the_client() {
    let old = rude::says(b"HTTP/1.0 200 OK\r\nX-Upstream: old\r\n\r\nuntil the end");
    let gateway = Gateway::start(&old);
    let mut raw = gateway.raw();
    for _ in 0..2 {
        let answer = gateway.get("/pub/x").send_on(&mut raw).expect(200);
        assert!(answer.whole && answer.text() == "until the end", "{answer:?}");
        assert_eq!(answer.field("transfer-encoding"), Some("chunked"));
    }
}

#[test] // issue 2
fn i2_a_list_is_no_object_however_its_items_stand() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.keep_secret(&alice.password);
    for (path, list) in [
        ("/auth/login", json!(["alice", null, null, alice.password])),
        ("/auth/register", json!(["bob", null, null, alice.password])),
        ("/auth/refresh", json!([alice.refresh])),
        ("/auth/logout", json!([alice.refresh])),
        ("/auth/logout-all", json!([true])),
    ] {
        gateway.post(path).bearer(&alice.access).json(&list).send().refused(400, "bad_json");
    }
    gateway.get("/auth/me").bearer(&alice.access).send().expect(200);
    gateway.leaks_nothing();
}
