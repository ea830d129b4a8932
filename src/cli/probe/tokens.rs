//! Tokens that nobody may sign: made here, for the keys that the gateway shows to everybody.
use super::Probe;
use super::forge::{Forge, Forged};
use super::judge::Outcome;
use super::target::Request;
use crate::base::{Clock, Secret};

const GROUP: &str = "tokens";

pub(super) async fn attempt(probe: &mut Probe<'_>) {
    let keys = shown_keys(probe).await;
    let Some(path) = probe.plan.protected.first().cloned() else { return };
    let issuer = issuer(probe).await;
    let now = Clock::system().now();
    let real = probe.token.as_ref().map(Secret::expose);
    let forge = Forge::new(keys, real, &issuer, &probe.plan.audience, now);
    for Forged { name, token } in forge.all() {
        let request = Request::get(path.clone()).bearer(&token);
        probe.must_refuse_named(GROUP, format!("GET {path} with a token {name}"), request).await;
    }
    if probe.token.is_none() {
        let why = "give a token of your own with --token-file: its claims are then those that count";
        probe.skip(GROUP, "a real token, changed", why);
    }
}

/// The key set, which must not hold more than public parts.
async fn shown_keys(probe: &mut Probe<'_>) -> Vec<serde_json::Value> {
    let answer = probe.target.ask(&Request::get(KEY_SET)).await;
    let set = answer.ok().filter(|answer| answer.status == 200).and_then(|answer| answer.json());
    let Some(serde_json::Value::Array(mut keys)) = set.and_then(|mut set| Some(set.get_mut("keys")?.take())) else {
        probe.skip(GROUP, "the public keys as secrets", "no key set is shown at /.well-known/jwks.json");
        return Vec::new();
    };
    keys.truncate(MOST_KEYS);
    let private =
        keys.iter().any(|key| ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|part| key.get(part).is_some()));
    let (outcome, words) = if private {
        (Outcome::GotIn, "it holds private parts: change the keys at once (authgate keys rotate)")
    } else {
        (Outcome::Held, "public parts only")
    };
    probe.record(GROUP, format!("GET {KEY_SET}"), outcome, words.to_owned());
    keys
}

/// What `iss` must say to be believed.
async fn issuer(probe: &Probe<'_>) -> String {
    if let Some(issuer) = &probe.plan.issuer {
        return issuer.clone();
    }
    let answer = probe.target.ask(&Request::get("/.well-known/openid-configuration")).await;
    let told = answer.ok().and_then(|answer| Some(answer.json()?.get("issuer")?.as_str()?.to_owned()));
    told.unwrap_or_else(|| probe.target.origin())
}

const KEY_SET: &str = "/.well-known/jwks.json";
const MOST_KEYS: usize = 4;
