//! Asks every room its part of the question and keeps the answers.
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::ExplainArgs;
use super::needs::{Need, join, malformed, needs, of_account, place_of};
use super::who::{ShutOut, Who, given_token, now};
use crate::authn::{AuthnError, token_in};
use crate::authz::Asks;
use crate::base::{Timestamp, Username};
use crate::config::Loaded;
use crate::endpoints::{Endpoints, Lookup};
use crate::gate::{Decision, Denial, Gate};
use crate::proxy::{Preview, Proxy};
use crate::refusal::{Refusal, Renderer};
use crate::routes::{Route, RouteTable};
use crate::token::SERVICE_TOKEN_PREFIX;
use crate::wire::{BadRequest, Door, Inbound, OwnCookie, Shown};

/// Why there is no answer.
pub(super) enum CannotTell {
    Usage(String),
    NotThere(String),
    Unreachable(String),
}

/// Everything `explain` says.
#[derive(Debug, Default)]
pub(super) struct Explanation {
    pub(super) status: u16,
    /// `None` when the request would be let in.
    pub(super) error: Option<&'static str>,
    /// Why it would not be let in if the route did more than observe.
    pub(super) overlooked: Option<&'static str>,
    pub(super) asked_path: String,
    pub(super) read_path: Option<String>,
    pub(super) endpoint: Option<&'static str>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) who: Option<String>,
    pub(super) shut_out: Option<ShutOut>,
    pub(super) token: Option<Vec<TokenStep>>,
    /// The session that a browser's cookie stands for.
    pub(super) cookie: Option<TokenStep>,
    pub(super) needs: Vec<Need>,
    pub(super) upstream: Option<String>,
    pub(super) sent: Vec<(String, String)>,
    pub(super) taken: Vec<String>,
    pub(super) answer: Vec<(String, String)>,
    pub(super) cure: Option<String>,
}

/// A route that covers the path.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) prefix: String,
    pub(super) words: &'static str,
    pub(super) place: String,
    pub(super) chosen: bool,
}

/// One step on the way of the token that was given.
#[derive(Debug)]
pub(in crate::cli) struct TokenStep {
    pub(in crate::cli) name: &'static str,
    pub(in crate::cli) good: bool,
    pub(in crate::cli) words: String,
}

impl Explanation {
    pub(super) const fn allowed(&self) -> bool {
        self.error.is_none()
    }

    /// Whether something of what was looked at is not as it should be.
    fn tells_why(&self) -> bool {
        let of_token = self.token.iter().flatten().chain(&self.cookie);
        self.needs.iter().any(|need| !need.met) || of_token.into_iter().any(|step| !step.good)
    }

    fn forwarded(&mut self, inbound: &Inbound, preview: &Preview) {
        self.upstream = Some(format!("{}{}", preview.address, preview.target));
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let sent = preview.headers.iter().filter(|(name, _)| !inbound.headers().contains_key(*name));
        self.sent = sent.map(|(name, value)| (as_written(name), text(value))).collect();
        let taken = inbound.headers().keys().filter(|name| !preview.headers.contains_key(*name));
        self.taken = taken.map(as_written).collect();
    }

    fn refused(&mut self, refusal: &Refusal, renderer: &Renderer) {
        self.status = refusal.status().as_u16();
        self.error = Some(refusal.name());
        let response = renderer.render(refusal, "-");
        for name in ["content-type", "www-authenticate", "allow"] {
            if let Some(value) = response.headers().get(name).and_then(|value| value.to_str().ok()) {
                self.answer.push((as_written(&HeaderName::from_static(name)), value.to_owned()));
            }
        }
    }
}

/// As people write field names: Remote-User.
fn as_written(name: &HeaderName) -> String {
    if *name == WWW_AUTHENTICATE {
        return "WWW-Authenticate".to_owned();
    }
    let mut start = true;
    let letters = name.as_str().chars().map(|letter| {
        let written = if start { letter.to_ascii_uppercase() } else { letter };
        start = letter == '-';
        written
    });
    letters.collect()
}

pub(super) async fn explain(args: &ExplainArgs, loaded: &Loaded) -> Result<Explanation, CannotTell> {
    let now = now();
    let door = Door::new(&loaded.config.wire);
    let (who, inbound) = asked(args, loaded, &door, now).await?;
    let renderer = Renderer::new(&loaded.config.wire.auth_prefix.0);
    let mut said = Explanation { asked_path: path_of(&args.url).to_owned(), ..Explanation::default() };
    said.who = who.user.as_ref().map(describe);
    said.shut_out = who.shut_out;
    said.token = who.token.as_deref().filter(|_| who.user.is_none()).map(|token| steps(token, &who, now));
    let inbound = match inbound {
        Ok(inbound) => inbound,
        Err(bad) => {
            said.needs.extend(malformed(bad, args));
            said.refused(&Refusal::from(bad), &renderer);
            return Ok(said);
        }
    };
    said.read_path = Some(inbound.path().as_str().to_owned());
    match own_endpoint(&inbound, loaded) {
        Lookup::Ours(endpoint) => {
            said.status = StatusCode::OK.as_u16();
            said.endpoint = Some(endpoint.label());
            return Ok(said);
        }
        Lookup::Nothing => {
            said.needs.push(Need::unmet("endpoint", "the gateway has none of this name, and no route is asked here"));
            said.refused(&Refusal::named("no_route"), &renderer);
            return Ok(said);
        }
        Lookup::NotOurs => {}
    }
    let table =
        RouteTable::new(loaded.config.routes.clone()).map_err(|error| CannotTell::Unreachable(error.to_string()))?;
    let gate = Gate::new(std::sync::Arc::new(table), who.authenticator.clone());
    judge(&mut said, &gate, &inbound, loaded, &renderer, now).await;
    said.cure = cure(&said, &who, args);
    Ok(said)
}

/// What is right and wrong with a token, and whether its session goes on.
pub(super) fn steps(token: &str, who: &Who, now: Timestamp) -> Vec<TokenStep> {
    if token.starts_with(SERVICE_TOKEN_PREFIX) {
        let step = |good, words: String| vec![TokenStep { name: "service", good, words }];
        return match who.authenticator.verify(token, now) {
            Ok(machine) => step(true, format!("{}, until {}", machine.name().unwrap_or("-"), machine.expires_at())),
            Err(error) => step(false, error.to_string()),
        };
    }
    let inspection = who.tokens.inspect(token, now);
    let findings = inspection.findings.into_iter();
    let mut steps: Vec<_> = findings
        .map(|finding| TokenStep { name: finding.step.name(), good: finding.good, words: finding.words })
        .collect();
    if inspection.outcome.is_ok() {
        let good = who.authenticator.verify(token, now).is_ok();
        let words = if good { "alive" } else { "ended, or what the token says is out of date" };
        steps.push(TokenStep { name: "session", good, words: words.to_owned() });
    }
    steps
}

async fn judge(
    said: &mut Explanation,
    gate: &Gate,
    inbound: &Inbound,
    loaded: &Loaded,
    renderer: &Renderer,
    now: Timestamp,
) {
    let decision = gate.decide(inbound, now).await;
    said.candidates = candidates(gate.routes(), inbound, decision.route);
    if let Some(route) = decision.route {
        said.needs = match said.shut_out.filter(|_| route.policy.asks() == Asks::Somebody) {
            Some(shut_out) => of_account(route, inbound, shut_out),
            None => needs(route, inbound, &decision),
        };
        said.upstream = Some(route.upstream().to_owned());
    }
    said.cookie = cookie(inbound, &decision);
    let named = |denial: Denial| match (said.shut_out, denial) {
        (Some(shut_out), Denial::Authn(_) | Denial::Denied(_)) => shut_out.code(),
        _ => denial.reason(),
    };
    said.overlooked = decision.overlooked.map(named);
    match decision.outcome {
        Ok(permit) => {
            said.status = StatusCode::OK.as_u16();
            if let Some(route) = decision.route {
                let target = route.target(loaded.config.server.limits.body_timeout);
                match Proxy::new(&loaded.config.upstreams, None).map(|proxy| proxy.preview(inbound, &permit, &target)) {
                    Ok(Ok(preview)) => said.forwarded(inbound, &preview),
                    Ok(Err(error)) => said.refused(&Refusal::from(&error), renderer),
                    // The file was checked a moment ago: its certificates were good then.
                    Err(_) => said.refused(&Refusal::named("upstream_tls"), renderer),
                }
            }
        }
        Err(Denial::Authn(_) | Denial::Denied(_)) if said.shut_out.is_some() => {
            let code = said.shut_out.map_or("account_disabled", ShutOut::code);
            said.refused(&Refusal::named(code), renderer);
        }
        Err(denial) => {
            if !said.tells_why() {
                said.needs.push(Need::unmet(place_of(denial), &denial.to_string()));
            }
            said.refused(&Refusal::of_denial(denial, decision.route), renderer);
        }
    }
}

fn own_endpoint(inbound: &Inbound, loaded: &Loaded) -> Lookup {
    Endpoints::named(&loaded.config.wire.auth_prefix.0, loaded.config.wire.well_known, inbound.path().as_str())
}

fn candidates(table: &RouteTable, inbound: &Inbound, chosen: Option<&Route>) -> Vec<Candidate> {
    table
        .covering(inbound.host(), inbound.path())
        .into_iter()
        .map(|route| Candidate {
            prefix: route.settings.prefix.clone(),
            words: words(route),
            place: route.settings.place.to_string(),
            chosen: chosen.is_some_and(|chosen| std::ptr::eq(chosen, route)),
        })
        .collect()
}

/// What the store says about a cookie of ours.
fn cookie(inbound: &Inbound, decision: &Decision<'_>) -> Option<TokenStep> {
    let step = |good, words| Some(TokenStep { name: "session", good, words });
    if let Some(held) = &decision.session {
        let who =
            decision.identity.as_deref().map(|identity| identity.username().map_or(identity.sub(), Username::as_str));
        return step(true, format!("{} of {}, until {}", held.session, who.unwrap_or("-"), held.ends_at));
    }
    let ended = matches!(decision.outcome, Err(Denial::Authn(AuthnError::SessionEnded)));
    let shown = !matches!(inbound.own_cookie(OwnCookie::Session), Shown::Nothing);
    if ended && shown {
        step(false, "none that goes on: signed out, ended, or of another store".to_owned())
    } else {
        None
    }
}

/// The words of the protection table.
fn words(route: &Route) -> &'static str {
    match (route.policy.asks(), route.policy.roles().is_empty(), route.policy.scopes().is_empty()) {
        (Asks::Nobody, _, _) => "open",
        (Asks::Anyone, true, true) => "optional",
        (_, true, true) => "login",
        (_, false, true) => "login + role",
        (_, true, false) => "login + scope",
        (_, false, false) => "login + role + scope",
    }
}

/// The command that would let this person in.
fn cure(said: &Explanation, who: &Who, args: &ExplainArgs) -> Option<String> {
    if said.cookie.as_ref().is_some_and(|cookie| !cookie.good) {
        return Some("the browser signs in again; `authgate session list` shows the sessions that go on".to_owned());
    }
    let name = args.user.as_ref().filter(|_| who.user.is_some())?;
    if let Some(shut_out) = said.shut_out {
        return (!said.allowed() || said.overlooked.is_some()).then(|| shut_out.cure(name));
    }
    let unmet: Vec<_> = said.needs.iter().filter(|need| !need.met).collect();
    let add: Vec<_> = unmet.iter().flat_map(|need| &need.add).cloned().collect();
    // Something that no command gives, such as a second factor, would still be missing.
    let is_all = unmet.iter().all(|need| !need.add.is_empty());
    let aim = if is_all { format!("to let {name} in") } else { format!("a part of what {name} needs") };
    (!add.is_empty()).then(|| format!("{aim}:  authgate user edit {name} {}", add.join(" ")))
}

fn describe(user: &crate::store::User) -> String {
    let name = user.username.as_ref().map(ToString::to_string);
    let email = user.email.as_ref().map(ToString::to_string);
    let who = match (name, email) {
        (Some(name), Some(email)) => format!("{name} <{email}>"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => user.id.to_string(),
    };
    let roles = if user.roles.is_empty() { "none".to_owned() } else { join(&user.roles) };
    format!("{who}, roles: {roles}{}", if user.disabled { ", disabled" } else { "" })
}

/// The request as it would arrive, after the same checks as a real one, and whoever it would come from.
#[expect(clippy::disallowed_methods, reason = "two credentials are for the gateway's own checks to refuse")]
async fn asked(
    args: &ExplainArgs,
    loaded: &Loaded,
    door: &Door,
    now: Timestamp,
) -> Result<(Who, Result<Inbound, BadRequest>), CannotTell> {
    let usage = |why: &str| CannotTell::Usage(why.to_owned());
    let method: Method = args.method.parse().map_err(|_| usage("METHOD is not one"))?;
    let mut headers = fields(args)?;
    let user = match &args.user {
        Some(name) => Some(Who::as_if_signed_in(name, loaded, now).await?),
        None => None,
    };
    let given = match &user {
        Some(who) => who.token.clone(),
        None => given_token(args)?,
    };
    if let Some(token) = given {
        let value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| usage("the token holds control characters"))?;
        // Beside one that is there already: the gateway takes no request with two.
        headers.append(AUTHORIZATION, value);
    }
    let bearer = token_in(&headers).ok().flatten().map(|token| String::from_utf8_lossy(token).into_owned());
    let inbound = Inbound::hypothetical(method, &args.url, headers, args.ip, door);
    let who = match user {
        Some(who) => who,
        None if bearer.is_some() || inbound.as_ref().is_ok_and(shows_something) => {
            Who::shown(bearer, loaded, now).await?
        }
        None => Who::nobody(loaded, now)?,
    };
    Ok((who, inbound))
}

/// As they were given, each as often.
#[expect(clippy::disallowed_methods, reason = "a field that is given twice is judged as one that is sent twice")]
fn fields(args: &ExplainArgs) -> Result<HeaderMap, CannotTell> {
    let usage = |why: &str| CannotTell::Usage(why.to_owned());
    let mut headers = HeaderMap::new();
    for line in &args.header {
        let (name, value) = line.split_once(':').ok_or_else(|| usage("-H takes NAME: VALUE"))?;
        let name: HeaderName = name.trim().parse().map_err(|_| usage("-H: that is no field name"))?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| usage("-H: that is no field value"))?);
    }
    Ok(headers)
}

/// Whether a cookie or the query holds what could be a credential.
fn shows_something(inbound: &Inbound) -> bool {
    let cookies = [OwnCookie::Session, OwnCookie::Access].map(|which| inbound.own_cookie(which));
    cookies.into_iter().chain([inbound.query_token()]).any(|shown| !matches!(shown, Shown::Nothing))
}

fn path_of(url: &str) -> &str {
    let after_scheme =
        url.split_once("://").map_or(url, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    after_scheme.split('?').next().unwrap_or(after_scheme)
}

/// Kept here so that `print` needs no other room.
pub(super) fn status_words(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("")
}
