//! Fields that say who somebody is, or where a request was going, sent by somebody who may not.
use super::Probe;
use super::target::{Request, canary};

const GROUP: &str = "identity";

pub(super) async fn attempt(probe: &mut Probe<'_>) {
    for path in probe.plan.protected.clone() {
        for (how, spelled) in SPELLINGS {
            let request = spoofed(probe, Request::get(path.clone()), *spelled, "admin");
            probe.must_refuse_named(GROUP, format!("GET {path} with identity fields {how}"), request).await;
        }
        let open = probe.plan.open.first().cloned().unwrap_or_else(|| "/".to_owned());
        for (name, value) in SHORT_CUTS {
            let value = value.replace("{open}", &open);
            let request = Request::get(path.clone()).with(name, &value);
            probe.must_refuse_named(GROUP, format!("GET {path} with {name}: {value}"), request).await;
        }
    }
    match echo(probe).await {
        Some(shows) => for_backend(probe, &shows).await,
        None => probe.skip(GROUP, "what the backend receives", NO_ECHO),
    }
}

/// A path whose answer shows the fields that the backend received.
pub(super) async fn echo(probe: &Probe<'_>) -> Option<Request> {
    let anonymous = probe.plan.echo.iter().map(|path| Request::get(path.clone()));
    let token = probe.token.as_ref();
    let inside = probe.plan.echo.iter().chain(&probe.plan.protected);
    let inside = inside.filter_map(|path| Some(Request::get(path.clone()).bearer(token?.expose())));
    for request in anonymous.chain(inside) {
        let word = canary();
        let answer = probe.target.ask(&request.clone().with("X-Authgate-Probe", &word)).await;
        if answer.is_ok_and(|answer| answer.says(&word)) {
            return Some(request);
        }
    }
    None
}

async fn for_backend(probe: &mut Probe<'_>, shows: &Request) {
    for (how, spelled) in SPELLINGS {
        let word = canary();
        let request = spoofed(probe, shows.clone(), *spelled, &word);
        probe
            .must_not_show(
                GROUP,
                format!("{} with identity fields {how}, at the backend", shows.target),
                request,
                &word,
            )
            .await;
    }
    let word = canary();
    let request = shows.clone().with("Connection", "close, X-Authgate-Nothing").with("X-Authgate-Nothing", &word);
    probe.must_not_show(GROUP, "a field that Connection names, at the backend".to_owned(), request, &word).await;
}

fn spoofed(probe: &Probe<'_>, request: Request, spelled: Spelling, value: &str) -> Request {
    probe.plan.names.iter().fold(request, |request, name| request.with(&spelled(name), value))
}

type Spelling = fn(&str) -> String;

/// How names are written so that CGI-like backends read them as the real ones.
const SPELLINGS: &[(&str, Spelling)] = &[
    ("as they are", str::to_owned),
    ("in capitals", str::to_ascii_uppercase),
    ("with _ for -", |name| name.replace('-', "_")),
    ("with . for -", |name| name.replace('-', ".")),
    ("with ~ for the last -", |name| match name.rsplit_once('-') {
        Some((before, after)) => format!("{before}~{after}"),
        None => name.to_owned(),
    }),
];

/// Fields that some gateway or framework once took for more than the request itself.
const SHORT_CUTS: &[(&str, &str)] = &[
    ("X-Original-URL", "{open}"),
    ("X-Original-URI", "{open}"),
    ("X-Rewrite-URL", "{open}"),
    ("X-Forwarded-Uri", "{open}"),
    ("X-Forwarded-Prefix", "{open}"),
    ("X-Envoy-Original-Path", "{open}"),
    ("X-Original-Method", "OPTIONS"),
    ("X-Forwarded-Method", "OPTIONS"),
    ("X-HTTP-Method-Override", "OPTIONS"),
    ("X-Middleware-Subrequest", "middleware:middleware:middleware:middleware:middleware"),
    ("X-Skipper-Proxy", "1"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Real-IP", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;proto=https;host=localhost"),
    ("X-Envoy-Internal", "true"),
    ("Connection", "close, authorization, cookie"),
    ("User-Agent", "kube-probe/1.30"),
    ("Authorization", "Basic YWRtaW46YWRtaW4="),
    ("Authorization", "Bearer"),
    ("Authorization", "Bearer ."),
    ("Authorization", "Bearer null"),
    ("Cookie", "__Host-authgate=admin; authgate=admin"),
];

pub(super) const NO_ECHO: &str =
    "no path was found that shows the fields it received: name one with --echo, or put an echo backend behind a route";
