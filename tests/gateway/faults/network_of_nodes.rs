//! The network to the Redis that nodes meet in is late, cuts into slices, resets, closes and says nothing.
use std::time::{Duration, Instant};

use crate::support::servers::{Kind, Server};
use crate::support::{A_BUSY_SECOND, Gateway, Mood, Relay, SOON, Site, Upstream, until};

#[test]
fn through_a_bad_network_to_redis_nobody_waits_limits_hold_and_what_ended_is_over_on_all_nodes() {
    let (Some(store), Some(server)) = (Server::start(Kind::Postgres), Server::start(Kind::Redis)) else { return };
    let (upstream, store) = (Upstream::start(), store.database("people"));
    let (relay, redis) = Relay::before(&server.database("0"));
    let node = |shared: &str| {
        Site::fixture(&upstream)
            .set("server", "public_url", "\"http://localhost:8080\"")
            .set("store", "url", &format!("{store:?}"))
            .set("store", "shared", &format!("{shared:?}"))
            .set("limits", "login_per_account", "\"4/h\"")
            .start()
    };
    let (here, there) = (node(&redis), node(&server.database("0")));
    here.register("alice");
    for (name, mood) in BAD {
        match mood {
            Some(mood) => relay.is(mood),
            None => relay.is_silent(true),
        }
        for turn in 0..2 {
            let begun = Instant::now();
            let alice = here.sign_in("alice");
            assert!(begun.elapsed() < A_BUSY_SECOND, "{name}: a sign-in took {:?}", begun.elapsed());
            there.get("/app/x").bearer(&alice.access).send().expect(200);
            let begun = Instant::now();
            here.get("/app/x").bearer(&alice.access).send().expect(200);
            assert!(begun.elapsed() < Duration::from_secs(1), "{name}: a known token waited {:?}", begun.elapsed());
            here.log_out(&alice.access).expect(204);
            here.get("/app/x").bearer(&alice.access).send().refused(401, "session_ended");
            let begun = Instant::now();
            let over = || there.get("/app/x").bearer(&alice.access).send().status == 401;
            until(&format!("{name} {turn}: it is over there"), SOON, over);
            assert!(begun.elapsed() < A_BUSY_SECOND, "{name}: in force after {:?}", begun.elapsed());
        }
        // Whoever is counted neither here nor there could guess for ever: each of both knows its own count.
        let said: Vec<_> = (0..12).map(|_| here.log_in(&format!("guessed-{name}"), "wrong one 1").status).collect();
        let tried = said.iter().filter(|status| **status == 401).count();
        assert!((4..=8).contains(&tried) && said.last() == Some(&429), "{name}: {said:?}");
        relay.is_silent(false);
    }
    relay.is(Mood::Well);
    until("it is found again", SOON, || here.get("/auth/readyz").send().expect(200).json()["checks"]["shared"] == "ok");
    let both: Vec<_> = [&here, &there].into_iter().cycle().take(6).map(guess).collect();
    assert_eq!(both, [401, 401, 401, 401, 429, 429], "together again");
    here.leaks_nothing();
}

const BAD: [(&str, Option<Mood>); 6] = [
    ("late", Some(Mood::Late)),
    ("sliced", Some(Mood::Sliced)),
    ("resets", Some(Mood::Resets)),
    ("closes", Some(Mood::Closes)),
    ("lost", Some(Mood::LosesAnswers)),
    ("silent", None),
];

fn guess(node: &Gateway) -> u16 {
    node.log_in("guessed-by-all", "wrong one 1").status
}
