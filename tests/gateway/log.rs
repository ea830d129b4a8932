//! What the operator reads afterwards.
use crate::support::log::{lines, request, requests};
use crate::support::{Gateway, Raw, SOON, Site, Upstream, authgate, rude, until};

#[test]
fn each_request_is_one_json_line_that_says_what_was_decided() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let alice = gateway.register("alice");
    let allowed = gateway
        .get("/app/x?token=very-secret-value")
        .bearer(&alice.access)
        .header("User-Agent", "probe/1")
        .send()
        .expect(200);
    let refused = gateway.get("/app/admin/y").bearer(&alice.access).send().expect(403);
    let line = |answer: &crate::support::Answer| {
        let id = answer.field("x-request-id").unwrap().to_owned();
        let mut found = None;
        until("the log line", SOON, || {
            found = request(&gateway.log_text(), &id);
            found.is_some()
        });
        found.unwrap()
    };
    let allowed = line(&allowed);
    for (name, value) in [
        ("method", "GET"),
        ("path", "/app/x"),
        ("route", "/app"),
        ("client", "127.0.0.1"),
        ("user", "alice"),
        ("user_agent", "probe/1"),
    ] {
        assert_eq!(allowed[name], value, "{name} in {allowed}");
    }
    assert_eq!(allowed["status"], 200);
    assert!(allowed["duration_ms"].is_number() && allowed["time"].is_string(), "{allowed}");
    let refused = line(&refused);
    assert_eq!((refused["status"].as_u64(), refused["route"].as_str()), (Some(403), Some("/app/admin")));
    assert_eq!(refused["reason"], "missing_role");
    assert_ne!(allowed["decision"], refused["decision"]);
    assert!(!gateway.log_text().contains("very-secret-value"));
    let ids: Vec<_> = requests(&gateway.log_text()).into_iter().map(|line| line["request_id"].clone()).collect();
    let different: std::collections::HashSet<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(different.len(), ids.len(), "one line for each request");
}

#[test]
fn whatever_reason_stands_in_the_log_the_manual_knows_it() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.get("/pub/x").send().expect(200);
    gateway.get("/app/x").bearer(&alice.access).send().expect(200);
    gateway.get("/app/x").send().expect(401);
    gateway.get("/app/x").bearer("x.y.z").send().expect(401);
    gateway.get("/app/x").bearer(&alice.access).header("Authorization", "Bearer again").send().expect(400);
    gateway.get("/nowhere").send().expect(404);
    gateway.get("/auth/healthz").send().expect(200);
    gateway.get("/auth/mfa").send();
    gateway.post("/auth/token").form("grant_type=nonsense").send().expect(400);
    let mut reasons = std::collections::BTreeSet::new();
    until("a line for each", SOON, || {
        reasons =
            requests(&gateway.log_text()).iter().filter_map(|line| Some(line["reason"].as_str()?.into())).collect();
        reasons.len() >= 9
    });
    for reason in reasons {
        let reason: String = reason;
        let page = authgate(gateway.folder(), &[], &["help", "error", &reason]).expect(0).out;
        assert!(page.starts_with(&format!("{reason}\n\n")), "{page}");
    }
}

#[test]
fn nothing_a_client_sends_breaks_a_line() {
    let gateway = Gateway::start(&Upstream::start());
    let evil = [
        "GET /pub/x HTTP/1.1\r\nHost: @H\r\nUser-Agent: a\"}\x1b[2J\\n{\"status\":1\r\n\r\n",
        "GET /pub/x?a=\"}\x7f HTTP/1.1\r\nHost: @H\r\nReferer: \u{202e}\r\n\r\n",
        "GET /pub/x HTTP/1.1\r\nHost: @H\r\nUser-Agent: \u{e9}\u{2028}\t\"\r\n\r\n",
    ];
    for bytes in evil {
        let mut raw = gateway.raw();
        raw.send(bytes.replace("@H", &gateway.authority()));
        raw.answer();
    }
    gateway.log_in("a\"}\n{\"status\":200}\u{1b}[2J", "wrong one 1").expect(401);
    let mut raw = gateway.raw();
    raw.send(b"GET /pub/x HTTP/1.1\r\nHost: @H\r\nUser-Agent: \xff\xfe\r\n\r\n");
    raw.answer();
    gateway.is_alive();
    let text = gateway.log_text();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{2028}'), "control characters in the log");
    for line in text.lines().filter(|line| line.starts_with('{')) {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "no JSON: {line}");
    }
}

#[test]
fn no_secret_is_written_at_any_level() {
    let gateway = Site::shared_secret(&Upstream::start()).set("log", "level", "\"trace\"").start();
    gateway.keep_secret(crate::support::site::TEST_SECRET);
    let alice = gateway.register("alice");
    gateway.keep_secret("typed-as-a-name");
    gateway.log_in("typed-as-a-name", "a-wrong-password-1").expect(401);
    gateway.keep_secret("a-wrong-password-1");
    gateway.get("/app/x").bearer(&alice.access).header("Cookie", "sid=cookie-secret-1").send().expect(200);
    gateway.keep_secret("cookie-secret-1");
    gateway.get("/app/x").bearer(&format!("{}x", alice.access)).send().expect(401);
    gateway.get(&format!("/app/x?access_token={}", alice.access)).send().expect(401);
    gateway
        .post("/auth/token")
        .form(&format!("grant_type=password&username=alice&password={}", alice.password))
        .send()
        .expect(200);
    let next = gateway.person("alice", &gateway.refresh(&alice.refresh).expect(200));
    gateway.log_out(&next.access).expect(204);
    gateway.get("/app/x").bearer(&next.access).send().expect(401);
    gateway.leaks_nothing();
}

#[test]
fn sign_ins_refusals_and_changes_of_accounts_are_audited() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.jsonl");
    let gateway = Site::fixture(&Upstream::start())
        .set("log", "audit_file", &format!("{:?}", file.display().to_string()))
        .start();
    let alice = gateway.register("alice");
    gateway.sign_in("alice");
    gateway.log_in("alice", "wrong one 1").expect(401);
    gateway.log_out(&alice.access).expect(204);
    let mut events = Vec::new();
    until("four events", SOON, || {
        events = lines(&std::fs::read_to_string(&file).unwrap_or_default());
        events.len() >= 4
    });
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    for event in &events {
        assert!(event["action"].is_string() && event["time"].is_string(), "{event}");
    }
    assert!(events.iter().any(|event| event.to_string().contains("invalid_credentials")));
    assert!(events.iter().any(|event| event.to_string().contains(&alice.id)));
}

#[test]
fn the_access_log_can_be_switched_off() {
    let gateway = Site::fixture(&Upstream::start()).set("log", "access", "false").start();
    let mut raw = Raw::open(gateway.port);
    for _ in 0..3 {
        gateway.get("/pub/x").send_on(&mut raw).expect(200);
    }
    assert!(requests(&gateway.log_text()).is_empty());
}

#[test]
fn who_leaves_before_an_answer_is_no_success() {
    let upstream = rude::silent();
    let gateway = Gateway::start(&upstream);
    let mut raw = gateway.raw();
    raw.send(gateway.get("/pub/x").bytes());
    until("the upstream has it", SOON, || upstream.connections() == 1);
    drop(raw);
    let mut line = None;
    until("its line", SOON, || {
        line = requests(&gateway.log_text()).into_iter().find(|line| line["path"] == "/pub/x");
        line.is_some()
    });
    let line = line.unwrap();
    assert_eq!((&line["status"], &line["bytes_out"]), (&499.into(), &0.into()), "{line}");
}

#[test]
fn an_audit_file_that_takes_nothing_is_told_of_once() {
    let mut gateway = Site::fixture(&Upstream::start()).set("log", "audit_file", "\"/dev/full\"").start();
    let told = |log: String| log.matches("cannot write the audit file").count();
    gateway.log_in("nobody", "wrong one 1").expect(401);
    until("the log tells", SOON, || told(gateway.log_text()) == 1);
    gateway.log_in("nobody", "wrong one 1").expect(401);
    gateway.is_alive();
    // All is written then that can be.
    gateway.stop();
    assert_eq!(told(gateway.log_text()), 1);
}
