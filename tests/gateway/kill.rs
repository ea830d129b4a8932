//! SIGKILL at any moment loses nothing that was answered 2xx.
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::{Gateway, Raw, Site, Upstream, authgate};

const ROUNDS: usize = 50;

/// What was acknowledged and must be there after the next start.
#[derive(Debug, Clone)]
enum Kept {
    Registered { name: String, refresh: String },
    Rotated { refresh: String },
    SignedOut { access: String },
}

#[test]
fn fifty_kills_between_acknowledged_writes_lose_nothing() {
    let upstream = Upstream::start();
    let mut gateway = Site::fixture(&upstream).set("tokens", "refresh_grace", "\"60s\"").start();
    let mut names = Vec::new();
    for round in 0..ROUNDS {
        let (tell, told) = mpsc::channel();
        let port = gateway.port;
        let writer = thread::spawn(move || write_until_it_dies(port, round, &tell));
        let wanted = 1 + (round * 7) % 5;
        let mut kept: Vec<Kept> = (0..wanted).map(|_| told.recv_timeout(Duration::from_secs(30)).unwrap()).collect();
        gateway.kill();
        writer.join().unwrap();
        kept.extend(told.try_iter());
        gateway.run();
        for kept in &kept {
            is_there(&gateway, kept);
            if let Kept::Registered { name, .. } = kept {
                names.push(name.clone());
            }
        }
    }
    everybody_is_there(&gateway, &names);
    gateway.stands(&upstream);
}

/// Registers, refreshes and signs out, telling of each once it was answered 2xx.
fn write_until_it_dies(port: u16, round: usize, tell: &mpsc::Sender<Kept>) {
    let told_all = || -> Option<()> {
        for turn in 0.. {
            let name = format!("k{round}-{turn}");
            let person = post(port, "/auth/register", &json!({ "username": name, "password": password_of(&name) }))?;
            let refresh = person["refresh_token"].as_str()?.to_owned();
            let access = person["access_token"].as_str()?.to_owned();
            tell.send(Kept::Registered { name, refresh: refresh.clone() }).ok()?;
            if turn % 2 == 0 {
                let next = post(port, "/auth/refresh", &json!({ "refresh_token": refresh }))?;
                tell.send(Kept::Rotated { refresh: next["refresh_token"].as_str()?.to_owned() }).ok()?;
            } else {
                post(port, "/auth/logout", &json!({ "refresh_token": refresh }))?;
                tell.send(Kept::SignedOut { access }).ok()?;
            }
        }
        None
    };
    let ended: Option<()> = told_all();
    assert!(ended.is_none());
}

/// The answer's body when it was 2xx and whole; `None` when the gateway died under it.
fn post(port: u16, path: &str, body: &Value) -> Option<Value> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut raw = Raw { wire: crate::support::Wire::new(stream) };
    let body = body.to_string();
    raw.send(format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = raw.answer()?;
    assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
    if answer.status == 204 { Some(Value::Null) } else { answer.whole.then(|| answer.json()) }
}

#[track_caller]
fn is_there(gateway: &Gateway, kept: &Kept) {
    match kept {
        Kept::Registered { name, refresh } => {
            gateway.log_in(name, &password_of(name)).expect(200);
            assert!(refresh.starts_with("agr_"));
        }
        Kept::Rotated { refresh } => {
            gateway.refresh(refresh).expect(200);
        }
        Kept::SignedOut { access } => {
            gateway.get("/app/x").bearer(access).send().refused(401, "session_ended");
        }
    }
}

#[track_caller]
fn everybody_is_there(gateway: &Gateway, names: &[String]) {
    let listed = authgate(gateway.folder(), gateway.site().variables(), &["user", "list", "--json"]).expect(0).out;
    for name in names {
        assert!(listed.contains(&format!("\"{name}\"")), "{name} was acknowledged and is gone");
    }
}

/// The rotation was committed, the answer never came: the client has nothing but the old token.
#[test]
fn an_answer_lost_between_commit_and_kill_is_given_again_after_the_restart() {
    let upstream = Upstream::start();
    let mut gateway = Site::fixture(&upstream).set("tokens", "refresh_grace", "\"60s\"").start();
    for round in 0..8 {
        let person = gateway.register(&format!("lost{round}"));
        let before = gateway.log_text().matches("\"refreshed\"").count();
        let body = json!({ "refresh_token": person.refresh }).to_string();
        let mut raw = gateway.raw();
        raw.send(format!(
            "POST /auth/refresh HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            gateway.authority(),
            body.len()
        ));
        // Audited after the commit and before the answer.
        crate::support::until("the commit", crate::support::SOON, || {
            gateway.log_text().matches("\"refreshed\"").count() > before
        });
        gateway.kill();
        let lost = raw.answer().filter(|answer| answer.whole).map(|answer| answer.json());
        gateway.run();
        let again = gateway.refresh(&person.refresh).expect(200).json();
        let once_more = gateway.refresh(&person.refresh).expect(200).json();
        assert_eq!(again["refresh_token"], once_more["refresh_token"], "one successor");
        if let Some(lost) = lost {
            assert_eq!(lost["refresh_token"], again["refresh_token"], "the one that was on its way");
        }
        let next = gateway.person("lost", &gateway.refresh(again["refresh_token"].as_str().unwrap()).expect(200));
        gateway.get("/app").bearer(&next.access).send().expect(200);
    }
    gateway.stands(&upstream);
}
