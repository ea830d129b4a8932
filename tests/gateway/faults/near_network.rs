//! The network between clients and the gateway is late, cuts into slices, resets and closes.
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::client::password_of;
use crate::support::frames::{Frames, Taken, fields};
use crate::support::{Answer, Call, Gateway, Mood, Raw, Relay, Reply, SOON, Site, Upstream, until};

#[test]
fn through_a_bad_network_to_the_client_answers_are_whole_or_cut_and_nobody_hears_anothers() {
    let upstream = Upstream::answering(|seen| {
        let name = seen.field("x-user-name").unwrap_or("nobody");
        Reply::new("200 OK", "", format!("{} {name} {}", seen.target, String::from_utf8_lossy(&seen.body)))
    });
    let gateway = Site::fixture(&upstream).set("tokens", "refresh_grace", "\"60s\"").start();
    let (alice, bob) = (gateway.register("alice"), gateway.register("bob"));
    let before = gateway.descriptors();
    let relay = Relay::to(gateway.port);
    for mood in MOODS {
        relay.is(mood);
        upstream.forget();
        let long = format!("{mood:?}").repeat(4000);
        for (person, name) in [(&alice, "alice"), (&bob, "bob")] {
            let answer = asked(&relay, &gateway.post("/app/x").bearer(&person.access).body("text/plain", &long));
            is_right(mood, answer.as_ref(), &format!("/app/x {name} {long}"));
        }
        // A body that was cut is no body.
        assert!(upstream.seen().iter().all(|seen| !seen.whole || seen.body == long.as_bytes()), "{mood:?}");
        pipelined(&relay, &gateway, mood, [&alice.access, &bob.access]);
        in_frames(&relay, &gateway, mood, &alice.access);
        is_kept(&relay, &gateway, mood);
        gateway.is_alive();
    }
    // The store may have opened its file a few times more.
    until("descriptors are given back", SOON, || gateway.descriptors() <= before + 16);
    gateway.leaks_nothing();
}

const MOODS: [Mood; 6] = [Mood::Late, Mood::Sliced, Mood::Resets, Mood::Closes, Mood::LosesAnswers, Mood::Well];

fn is_bad(mood: Mood) -> bool {
    matches!(mood, Mood::Resets | Mood::Closes | Mood::LosesAnswers)
}

/// The answer that comes through, if one does.
fn asked(relay: &Relay, call: &Call<'_>) -> Option<Answer> {
    let begun = Instant::now();
    let mut raw = Raw::open(relay.port);
    raw.send(call.bytes());
    let answer = raw.answer();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    answer
}

#[track_caller]
fn is_right(mood: Mood, answer: Option<&Answer>, text: &str) {
    match answer {
        Some(answer) if !is_bad(mood) => {
            assert_eq!((answer.status, answer.whole), (200, true), "{mood:?}");
            assert!(answer.text() == text, "{mood:?}: another's answer");
        }
        Some(answer) => assert!(!answer.whole, "{mood:?}: {}", answer.status),
        None => assert!(is_bad(mood), "{mood:?}: no answer"),
    }
}

/// Two people in one write, as a proxy before us would send them.
fn pipelined(relay: &Relay, gateway: &Gateway, mood: Mood, [alice, bob]: [&str; 2]) {
    let mut raw = Raw::open(relay.port);
    let both = [gateway.get("/app/1").bearer(alice).bytes(), gateway.get("/app/2").bearer(bob).bytes()];
    raw.send(both.concat());
    for text in ["/app/1 alice ", "/app/2 bob "] {
        is_right(mood, raw.answer().as_ref(), text);
    }
}

fn in_frames(relay: &Relay, gateway: &Gateway, mood: Mood, access: &str) {
    let (authority, bearer) = (gateway.authority(), format!("Bearer {access}"));
    let taken =
        Frames::at(relay.port).ask(1, &fields("GET", "/app/x", &authority, &[(b"authorization", bearer.as_bytes())]));
    // The head of an answer may be among the first bytes, before it is cut.
    let fits = if is_bad(mood) { taken == Taken::Ended } else { taken == Taken::Answered };
    assert!(fits || mood == Mood::LosesAnswers, "{mood:?}: {taken:?}");
}

/// An account is made and a session goes on, or not; whoever heard nothing asks again and is not worse off.
fn is_kept(relay: &Relay, gateway: &Gateway, mood: Mood) {
    let name = format!("{mood:?}").to_lowercase();
    let form = json!({ "username": name, "password": password_of(&name) });
    let heard = asked(relay, &gateway.post("/auth/register").json(&form)).is_some_and(|answer| answer.whole);
    assert_eq!(heard, !is_bad(mood), "{mood:?}");
    let again = gateway.post("/auth/register").json(&form).send().status;
    // What got through was done, though nobody was told.
    assert_eq!(again, if heard || mood == Mood::LosesAnswers { 409 } else { 201 }, "{mood:?}");
    let person = gateway.sign_in(&name);
    let renew = gateway.post("/auth/refresh").json(&json!({ "refresh_token": person.refresh }));
    let lost = asked(relay, &renew).filter(|answer| answer.whole).map(|answer| answer.json());
    let found = gateway.refresh(&person.refresh).expect(200).json();
    assert!(
        lost.is_none_or(|lost| lost["refresh_token"] == found["refresh_token"]),
        "{mood:?}: two lines of successors"
    );
    gateway.refresh(found["refresh_token"].as_str().unwrap()).expect(200);
}
