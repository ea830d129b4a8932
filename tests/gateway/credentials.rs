//! Where a credential may stand, and how long it counts (catalogue, T23 to T26).
use crate::support::{Faults, Gateway, Site, Upstream};
use crate::tokens::Forge;

#[test]
fn how_a_credential_may_stand_in_its_field() {
    let forge = Forge::open();
    let with = |value: &str| forge.gateway.get("/app/x").header("Authorization", value).send().status;
    let good = &forge.good;
    assert_eq!(with(&format!("bearer {good}")), 200);
    assert_eq!(with(&format!("BEARER {good}")), 200);
    for wrong in [
        format!("Bearer  {good}"),
        format!("Bearer{good}"),
        format!("Bearer {good}, Bearer {good}"),
        format!("Bearer {good} x"),
        good.clone(),
        "Bearer".to_owned(),
        "Bearer .".to_owned(),
        format!("Token {good}"),
        "Basic YTpi".to_owned(),
        "é".to_owned(),
    ] {
        let status = with(&wrong);
        assert!([400, 401].contains(&status), "{wrong}: {status}");
    }
}

#[test]
fn a_token_counts_only_where_tokens_stand() {
    let forge = Forge::open();
    let good = &forge.good;
    forge.gateway.keep_secret(good);
    for target in [format!("/app/x?access_token={good}"), format!("/app/x?jwt={good}"), format!("/app/x?token={good}")]
    {
        forge.gateway.get(&target).send().refused(401, "login_required");
    }
    forge.gateway.get("/app/x").header("X-Access-Token", good).send().refused(401, "login_required");
    forge.gateway.get("/app/x").header("Cookie", &format!("access_token={good}; authgate={good}")).send().expect(401);
    forge.gateway.post("/app/x").form(&format!("access_token={good}")).send().refused(401, "login_required");
    forge.gateway.leaks_nothing();
}

#[test]
fn on_an_open_page_a_broken_credential_is_nobody_and_never_an_empty_identity() {
    let forge = Forge::open();
    for value in ["Bearer .", "Bearer %%%", "nonsense"] {
        forge.gateway.get("/pub/x").header("Authorization", value).send().expect(200);
        let seen = forge.upstream.last();
        for name in ["x-user-id", "x-user-name", "x-user-email", "x-user-roles"] {
            assert!(seen.folded(name).is_empty(), "{value}: {:#?}", seen.head);
        }
    }
}

#[test]
fn a_token_verified_once_is_judged_again_each_time() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    gateway.register("alice");
    for _ in 0..3 {
        gateway.get("/app/x").bearer(&gateway.sign_in("alice").access).send().expect(200);
    }
    let token = gateway.sign_in("alice").access;
    gateway.get("/app/x").bearer(&token).send().expect(200);
    gateway.get("/app/admin").bearer(&token).send().refused(403, "missing_role");
    gateway.log_out(&token).expect(204);
    gateway.get("/app/x").bearer(&token).send().refused(401, "session_ended");
}

#[test]
fn a_token_lives_as_long_as_the_file_says() {
    let faults = Faults::none();
    let site = Site::fixture(&Upstream::start()).set("tokens", "access_ttl", "\"20m\"");
    let gateway = faults.on(site.set("tokens", "leeway", "\"0s\"")).start();
    let alice = gateway.register("alice");
    faults.clock_is_off_by(19 * 60);
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    faults.clock_is_off_by(20 * 60);
    gateway.get("/app/x").bearer(&alice.access).send().refused(401, "token_expired");
    let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.get("/app/x").bearer(&next.access).send().expect(200);
}

#[test]
fn the_query_shows_a_token_only_where_it_may_and_nobody_behind_sees_it() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .set("tokens", "locations", "[\"header\", \"query\"]")
        .set("tokens", "query_name", "\"jwt\"")
        .start();
    let (alice, other) = (gateway.register("alice"), gateway.sign_in("alice"));
    for (query, left) in [
        (format!("?jwt={}", alice.access), ""),
        (format!("?a=%20b&jwt={}&c", alice.access), "?a=%20b&c"),
        (format!("?jwt=&jwt={}", alice.access), ""),
    ] {
        gateway.get(&format!("/app/x{query}")).send().expect(200);
        assert_eq!(upstream.last().target, format!("/app/x{left}"));
        assert_eq!(upstream.last().field("x-user-name"), Some("alice"));
        gateway.get(&format!("/pub/x{query}")).send().expect(200);
        assert_eq!(upstream.last().target, format!("/pub/x{left}"));
    }
    let (one, two) = (&alice.access, &other.access);
    gateway.get(&format!("/app/x?jwt={one}")).bearer(one).send().expect(200);
    gateway.get(&format!("/app/x?jwt={one}")).bearer(two).send().refused(400, "double_credentials");
    gateway.get(&format!("/app/x?jwt={one}&jwt={one}")).send().refused(400, "double_credentials");
    gateway.get(&format!("/app/x?access_token={one}")).send().refused(401, "login_required");
    gateway.get("/app/x?jwt=nonsense").send().refused(401, "token_invalid");
    gateway.get(&format!("/auth/me?jwt={one}")).send().expect(200);
    gateway.stands(&upstream);
}

#[test]
fn where_headers_show_no_token_they_show_none() {
    let gateway = Site::fixture(&Upstream::start()).set("tokens", "locations", "[\"query\"]").start();
    let alice = gateway.register("alice");
    gateway.get("/app/x").bearer(&alice.access).send().refused(401, "login_required");
    gateway.get(&format!("/app/x?access_token={}", alice.access)).send().expect(200);
}
