//! The catalogue of known weaknesses of peers and libraries, row by row: 179 rows in 13 groups. Most are data that one harness plays,
//! over HTTP/1.1 and HTTP/2, on fresh and on kept connections, each with the four standing assertions after it; the rest
//! names the tests that hold it (`elsewhere`).
mod accounts;
mod configuration;
mod crowd;
mod elsewhere;
mod framing;
mod http2;
pub(crate) mod identity;
mod paths;
mod prepared;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::mint::sign;
use crate::support::{Browser, Gateway, Mint, Row, Site, Stage, Upstream, authgate_with_input, rude};
use tokens::Forged;

/// The groups and how many rows each has.
const CATALOGUE: [(char, usize); 13] = [
    ('P', 23),
    ('I', 15),
    ('T', 26),
    ('K', 8),
    ('S', 14),
    ('A', 13),
    ('H', 19),
    ('F', 13),
    ('W', 7),
    ('R', 11),
    ('D', 10),
    ('L', 7),
    ('C', 13),
];

const TABLES: &[&[Row]] = &[
    paths::AMBIGUOUS,
    paths::DECIDED,
    identity::ROWS,
    identity::FORWARDED,
    framing::ROWS,
    framing::SLOW,
    framing::UNREAD,
    accounts::ACCOUNTS,
    accounts::SESSIONS,
    accounts::SIGNING_OUT,
    accounts::OWN,
    accounts::BROWSERS,
    accounts::UPGRADES,
    accounts::HOSTS,
    prepared::PUBLIC_AS_SECRET,
    prepared::ODD_SIGNATURES,
    prepared::TWINS,
    prepared::HUGE_TOKENS,
    prepared::REUSED,
    prepared::OVER,
    prepared::BY_ACCOUNT,
    prepared::BY_ADDRESS,
    prepared::RUDE,
    prepared::COOKIES,
    prepared::OWN_PAGES,
    crowd::AFTER_A_CROWD,
];

#[test]
fn every_row_of_the_catalogue_is_played_or_held() {
    let played: BTreeSet<_> = (TABLES.iter().flat_map(|rows| rows.iter().map(|row| row.id)))
        .chain(tokens::FORGED.iter().map(|(id, _)| *id))
        .chain(http2::FRAMES.iter().map(|row| row.id))
        .chain(configuration::FILES.iter().map(|(id, ..)| *id))
        .collect();
    let held: BTreeSet<_> = elsewhere::HELD.iter().map(|(id, _)| *id).collect();
    let catalogue: BTreeSet<_> = CATALOGUE
        .iter()
        .flat_map(|(group, rows)| (1..=*rows).map(move |number| format!("{group}{number:02}")))
        .collect();
    assert_eq!(catalogue.len(), 179);
    let known: BTreeSet<_> = played.iter().chain(&held).map(ToString::to_string).collect();
    assert_eq!(catalogue.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "nobody holds these");
    assert_eq!(
        known.difference(&catalogue).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "the catalogue has none of these"
    );
    assert!(elsewhere::HELD.len() <= elsewhere::MOST_HELD, "the list may only shrink");
}

#[test]
fn tests_that_hold_a_row_are_there() {
    let mut sources = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    for (id, tests) in elsewhere::HELD {
        for test in *tests {
            assert!(sources.contains(&format!("fn {test}(")), "{id}: no test {test}");
        }
    }
    let threats = include_str!("../../../docs/THREATS.md");
    let guarantees: Vec<_> = threats.lines().filter(|line| line.starts_with("| G")).collect();
    assert_eq!(guarantees.len(), 16);
    for line in guarantees {
        let named = line.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains("::"));
        for test in named {
            assert!(sources.contains(&format!("fn {test}(")), "THREATS.md: no test {test}");
        }
    }
}

/// The fixture, with a route whose prefix is taken off.
fn stage() -> Stage {
    let upstream = Upstream::start();
    let stripped =
        format!("prefix = \"/api\"\nupstream = \"{}\"\nauth = \"none\"\nstrip_prefix = true", upstream.url());
    // Whatever is played, no secret is written at any level.
    let gateway = Site::fixture(&upstream)
        .set("log", "level", "\"trace\"")
        .set("upstreams.away", "urls", &format!("[\"http://127.0.0.1:{}\"]", rude::nobody()))
        .route("prefix = \"/away\"\nupstream = \"away\"\nauth = \"none\"")
        .route(&stripped)
        .start();
    let mut stage = Stage::open(upstream, gateway);
    let more = [
        ("@PA", stage.alice.password.clone()),
        ("@RB", stage.bob.refresh.clone()),
        ("@L", format!("localhost:{}", stage.gateway.port)),
        ("@1025", "a".repeat(1025)),
        ("@DEEP", "[".repeat(3000)),
        ("@WIDE", format!("{{{}}}", (0..300).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","))),
        ("@LONG", format!("{{\"username\":{}}}", "9".repeat(3000))),
        ("@101FIELDS", (0..101).map(|number| format!("X-{number}: 1")).collect::<Vec<_>>().join("\n")),
        ("@500KB", "a".repeat(500_000)),
        ("@70KB", "a".repeat(70_000)),
        ("@64KB", "a=b; ".repeat(13_000)),
        (
            "@INNER",
            format!("GET /app/smuggled HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", stage.alice.access),
        ),
    ];
    stage.cast.extend(more);
    stage
}

#[test] // P
fn ambiguous_paths() {
    stage().play(paths::AMBIGUOUS);
}

#[test] // P
fn paths_that_are_decided() {
    stage().play(paths::DECIDED);
}

#[test] // P22, P23
fn hosts() {
    let upstream = Upstream::start();
    let route = |more: &str| {
        format!("upstream = \"{}\"\nhosts = [\"admin.example.org\", \"127.0.0.1\"]\n{more}", upstream.url())
    };
    let others = (0..150).fold(Site::new(), |site, number| {
        site.route(&format!("prefix = \"/\"\nupstream = \"{}\"\nhosts = [\"h{number}.example.org\"]", upstream.url()))
    });
    let identity =
        "{ sub = \"X-User-Id\", user = \"X-User-Name\", email = \"X-User-Email\", groups = \"X-User-Roles\" }";
    let site = others
        .set("identity", "names", identity)
        .route(&route("prefix = \"/\"\nauth = \"none\""))
        .route(&route("prefix = \"/in\""));
    let gateway = site.start();
    Stage::open(upstream, gateway).play(accounts::HOSTS);
}

#[test] // I09, I10
fn who_the_client_is() {
    let upstream = Upstream::start();
    let url = upstream.url();
    let within = |name: &str, network: &str| {
        format!("prefix = \"/{name}\"\nupstream = \"{url}\"\nauth = \"none\"\nnetworks = [\"{network}\"]")
    };
    let gateway = Site::fixture(&upstream)
        .set("server", "trusted_proxies", "[\"127.0.0.1\", \"10.0.0.0/8\"]")
        .route(&within("here", "127.0.0.0/8"))
        .route(&within("five", "5.5.5.5/32"))
        .route(&within("nine", "9.9.9.9/32"))
        .start();
    let mut stage = Stage::open(upstream, gateway);
    stage.cast.push(("@300", ["9.9.9.9"; 300].join(", ")));
    stage.play(identity::FORWARDED);
}

#[test] // R03
fn bodies_that_never_end() {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream).set("limits", "body_timeout", "\"1s\"").start();
    Stage::open(upstream, gateway).play(framing::SLOW);
}

#[test] // I
fn identity_headers() {
    stage().play(identity::ROWS);
}

#[test] // H
fn framing_of_requests() {
    let stage = stage();
    stage.play(framing::ROWS);
    stage.play(framing::UNREAD);
}

#[test] // A
fn sign_in_and_registration() {
    stage().play(accounts::ACCOUNTS);
}

#[test] // S, T
fn sessions_and_credentials() {
    stage().play(accounts::SESSIONS);
}

#[test] // S11, T26
fn a_session_is_over_when_it_is_signed_out() {
    stage().play_in_turn(accounts::SIGNING_OUT);
}

#[test] // S, D, T25, W05
fn what_browsers_show_and_where_they_are_led() {
    let mut stage = stage();
    let browser = Browser::new(&stage.gateway);
    browser.sign_in("alice", "/app").expect(303);
    let cookie = browser.cookie("authgate").unwrap();
    stage.gateway.keep_secret(&cookie);
    stage.cast.push(("@C", cookie));
    stage.play(accounts::BROWSERS);
}

#[test] // D, L, R, K
fn own_answers_and_bounds() {
    stage().play(accounts::OWN);
}

#[test] // W
fn upgrades() {
    stage().play(accounts::UPGRADES);
}

#[test] // T, I, K
fn every_forged_token_gets_the_one_answer() {
    let upstream = Upstream::start();
    let gateway = Site::shared_secret(&upstream).start();
    let mut stage = Stage::open(upstream, gateway);
    let mint = Mint::of(&stage.alice.access);
    let mut usual = None;
    for (id, forged) in tokens::FORGED {
        let token = forge(forged, &mint, &stage.alice.access);
        assert_ne!(token, stage.alice.access, "{id} {forged:?}");
        stage.cast = vec![("@T", token.clone())];
        stage.play(&[Row::stopped(id, b"GET /app/x HTTP/1.1\nAuthorization: Bearer @T", &[401])]);
        let mut answer = stage.gateway.get("/app/x").bearer(&token).send().json();
        answer["request_id"] = Value::Null;
        // A time that is over is told, when everything else was right.
        if answer["error"] != "token_expired" {
            assert_eq!(&answer, usual.get_or_insert_with(|| answer.clone()), "{id} {forged:?}");
        }
    }
    assert_eq!(usual.unwrap()["error"], "token_invalid");
}

fn forge(forged: &Forged, mint: &Mint, good: &str) -> String {
    let value = |text: &str| serde_json::from_str(&at_times(text, mint.now())).unwrap();
    match *forged {
        Forged::Member(name, to) => mint.member(name, value(to)),
        Forged::Claim(name, to) => mint.claim(name, value(to)),
        Forged::HeaderText(from, to) => mint.header_text(from, to),
        Forged::ClaimsText(from, to) => mint.claims_text(from, to),
        Forged::Claims(bytes) => sign(&mint.header.to_string(), bytes),
        Forged::Unsigned(name, to) => {
            let changed = mint.claim(name, value(to));
            format!("{}.{}", changed.rsplit_once('.').unwrap().0, good.rsplit_once('.').unwrap().1)
        }
        Forged::Spelled(text) => {
            let parts: Vec<_> = good.split('.').collect();
            text.replace("@1", parts[0]).replace("@2", parts[1]).replace("@3", parts[2])
        }
    }
}

fn at_times(text: &str, now: u64) -> String {
    [("@now", 0), ("@hour", 3600), ("@day", 86_400), ("@decade", 315_360_000)]
        .iter()
        .fold(text.to_owned(), |text, (name, ahead)| text.replace(name, &(now + ahead).to_string()))
        .replace("@half", &format!("{}.5", now + 600))
        .replace("@past", &(now - 30).to_string())
}

#[test] // K, C
fn files_that_start_no_gateway() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let variables = [("EMPTY_SECRET".to_owned(), String::new())];
    for (id, lines, finding) in configuration::FILES {
        let good = "[[routes]]\nprefix = \"/good\"\nupstream = \"http://127.0.0.1:9\"";
        let file = if lines.starts_with("routes") { (*lines).to_owned() } else { format!("{lines}\n{good}") };
        fs::write(folder.path().join("gateway.toml"), &file).unwrap();
        let ran = authgate_with_input(folder.path(), &variables, &["check", "gateway.toml"], "");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(finding), "{id}: {finding} is not said of\n{file}\n{said}");
        assert_eq!(ran.code, i32::from(finding.starts_with("error")), "{id}:\n{file}\n{said}");
        if finding.starts_with("error") {
            authgate_with_input(folder.path(), &variables, &["run", "-c", "gateway.toml"], "").expect(78);
        }
    }
}

#[test] // H16
fn requests_in_one_write_are_each_their_own_callers() {
    let stage = stage();
    let (gateway, alice, bob) = (&stage.gateway, &stage.alice.access, &stage.bob.access);
    let all = [
        gateway.get("/app/1").bearer(alice).bytes(),
        gateway.get("/app/2").bytes(),
        gateway.get("/pub/3").bytes(),
        gateway.get("/app/4").bearer(bob).bytes(),
    ];
    let mut raw = gateway.raw();
    raw.send(all.concat());
    let statuses: Vec<_> = (0..4).map(|_| raw.answer().unwrap().status).collect();
    assert_eq!(statuses, [200, 401, 200, 200]);
    let told: Vec<_> = stage
        .upstream
        .seen()
        .iter()
        .map(|seen| (seen.target.clone(), seen.field("x-user-name").map(str::to_owned)))
        .collect();
    let expected = [("/app/1", Some("alice")), ("/pub/3", None), ("/app/4", Some("bob"))];
    assert_eq!(told, expected.map(|(target, name)| (target.to_owned(), name.map(str::to_owned))));
}

#[test] // A02
fn each_failed_sign_in_costs_one_hash_whoever_it_is() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    gateway.register("dora");
    let args = ["user", "disable", "dora"];
    authgate_with_input(gateway.folder(), gateway.site().variables(), &args, "").expect(0);
    let hashes = || {
        let page = gateway.admin("GET", "/metrics").send().text();
        let count = page.lines().find_map(|line| line.strip_prefix("authgate_password_hash_duration_seconds_count "));
        count.unwrap().parse::<u32>().unwrap()
    };
    for name in ["alice", "dora", "nobody-here", "' OR 1=1--", "alice@example.com"] {
        let before = hashes();
        gateway.log_in(name, "wrong one 1").refused(401, "invalid_credentials");
        assert_eq!(hashes() - before, 1, "{name}");
    }
}

#[test]
fn times_are_filled_in() {
    assert_eq!(at_times("[@now,@half,@past]", 100), json!([100, 700.5, 70]).to_string());
}
