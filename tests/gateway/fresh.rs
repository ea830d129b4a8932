//! `fresh_login` on a route, and `[tokens] revoke`.
use serde_json::json;

use crate::support::{Gateway, Mint, Site, Upstream, authgate_with_input};

fn house(upstream: &Upstream) -> Gateway {
    let route = format!("prefix = \"/bank\"\nupstream = \"{}\"\nfresh_login = \"10m\"", upstream.url());
    Site::shared_secret(upstream).route(&route).start()
}

#[test]
fn an_old_sign_in_gets_the_challenge_of_rfc_9470_and_a_new_one_passes() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    let alice = gateway.register("alice");
    gateway.get("/bank/x").bearer(&alice.access).send().expect(200);
    let mint = Mint::of(&alice.access);
    for (age, fresh) in [(590, true), (610, false), (80_000, false)] {
        let token = mint.claim("auth_time", json!(mint.now() - age));
        let answer = gateway.get("/bank/x").bearer(&token).send();
        gateway.get("/app").bearer(&token).send().expect(200);
        if fresh {
            answer.expect(200);
            continue;
        }
        let asks = answer.field("www-authenticate").unwrap().to_owned();
        assert!(
            asks.contains("error=\"insufficient_user_authentication\"") && asks.contains("max_age=\"600\""),
            "{asks}"
        );
        answer.refused(401, "login_too_old");
    }
    let unsaid = mint.claim("auth_time", serde_json::Value::Null);
    gateway.get("/bank/x").bearer(&unsaid).send().refused(401, "login_too_old");
    gateway.get("/bank/x").send().refused(401, "login_required");
    gateway.get("/bank/x").bearer(&gateway.sign_in("alice").access).send().expect(200);
    gateway.stands(&upstream);
}

#[test]
fn a_refresh_does_not_make_a_sign_in_younger_and_a_machine_never_signed_in() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    let alice = gateway.register("alice");
    let renewed = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    assert_eq!(Mint::of(&renewed.access).claims["auth_time"], Mint::of(&alice.access).claims["auth_time"]);
    let args = ["token", "create", "--scope", "a", "--expires", "1h"];
    let made = authgate_with_input(gateway.folder(), gateway.site().variables(), &args, "").expect(0);
    let token = made.out.trim().to_owned();
    crate::support::until("the token is known", crate::support::SOON, || {
        gateway.get("/app").bearer(&token).send().status == 200
    });
    gateway.get("/bank/x").bearer(&token).send().refused(401, "login_too_old");
}

#[test]
fn tokens_that_live_out_their_time_do_so_and_their_sessions_end_all_the_same() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("tokens", "revoke", "\"at_expiry\"").start();
    let alice = gateway.register("alice");
    gateway.log_out(&alice.access).expect(204);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    gateway.get("/auth/me").bearer(&alice.access).send().refused(401, "session_ended");
    gateway.refresh(&alice.refresh).expect(401);
}
