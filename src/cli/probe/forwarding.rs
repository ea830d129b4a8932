//! Forged words about where a request came from and which site it was for.
use super::Probe;
use super::identity::{NO_ECHO, echo};
use super::judge::Outcome;
use super::target::{Request, canary};

const GROUP: &str = "forwarding";

pub(super) async fn attempt(probe: &mut Probe<'_>) {
    reflected(probe).await;
    own_pages(probe).await;
    believed(probe).await;
}

/// Nothing that a client says about the site's name may lead a browser there.
async fn reflected(probe: &mut Probe<'_>) {
    let Some(path) = probe.plan.protected.first().cloned() else { return };
    for name in ["X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Host", "Host"] {
        let word = canary();
        let value = format!("{word}.invalid");
        let page = Request::get(path.clone()).with("Accept", "text/html").with("Sec-Fetch-Mode", "navigate");
        let request = if name == "Host" { page.for_host(&value) } else { page.with(name, &value) };
        let answer = probe.target.ask(&request).await;
        let (outcome, words) = match answer {
            Ok(answer) if answer.field("location").is_some_and(|place| place.contains(&word)) => {
                (Outcome::GotIn, "a browser is led to a host that the client named: set public_url".to_owned())
            }
            Ok(answer) => (Outcome::Held, answer.status.to_string()),
            Err(error) => (Outcome::Unsure, error.to_string()),
        };
        probe.record(GROUP, format!("GET {path} with {name}: {value}"), outcome, words);
    }
}

/// What is for the operator does not stand on the public address.
async fn own_pages(probe: &mut Probe<'_>) {
    let request = Request::get("/metrics");
    probe.must_not_show(GROUP, "GET /metrics on the public address".to_owned(), request, "authgate_build_info").await;
}

/// Whether the backend is told what a stranger claims about addresses.
async fn believed(probe: &mut Probe<'_>) {
    let ours = probe.target.seen_from().await.map(|(ours, _)| ours);
    if let Some(ours) = ours.filter(|ours| probe.plan.trusted.iter().any(|network| network.contains(ours))) {
        let why = format!("trusted_proxies covers {ours}, from where this runs: what it says is to be believed");
        return probe.skip(GROUP, "forged addresses at the backend", &why);
    }
    let Some(shows) = echo(probe).await else {
        return probe.skip(GROUP, "forged addresses at the backend", NO_ECHO);
    };
    for name in NAMES {
        let word = canary();
        let value = match *name {
            "Forwarded" => format!("for={word};host={word}.invalid"),
            _ => word.clone(),
        };
        let request = shows.clone().with(name, &value);
        probe
            .must_not_show(GROUP, format!("{} with a forged {name}, at the backend", shows.target), request, &word)
            .await;
    }
    // A well-formed address is continued where the peer is believed, an ill-formed one never.
    for name in ["X-Forwarded-For", "X-Real-IP", "X_Forwarded_For", "True-Client-IP"] {
        let request = shows.clone().with(name, FORGED);
        let what = format!("{} with {name}: {FORGED}, at the backend", shows.target);
        probe.must_not_show(GROUP, what, request, FORGED).await;
    }
}

const NAMES: &[&str] = &[
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X_Forwarded_Host",
    "X.Forwarded.Proto",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Forwarded",
];
/// An address of nobody (RFC 5737).
const FORGED: &str = "203.0.113.77";
