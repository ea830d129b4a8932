//! `authgate status`: how the running gateway is, by the admin address in the file.
use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::progress::thousands;
use super::{Exit, Global, Out, desk, run};
use crate::config::{self, Environment};

/// Say how a running gateway is: load, backends, store, keys.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  authgate status\n  authgate status --json -c /etc/authgate/gateway.toml\n\n\
    Requests, refusals and times are those of the last minute (up to a minute and a half), or since the start where that is\n\
    shorter ago; the first words of the line say which. A backend is ok, failing (the last request that went there failed),\n\
    left out (too many did) or unhealthy (its health check fails).\n\n\
    Exit codes: 0 it answered, 1 the file has errors, 3 nobody answers.")]
pub(super) struct StatusArgs {}

pub(super) fn run(_args: &StatusArgs, global: &Global, out: &mut Out) -> Exit {
    let environment = Environment::of_process();
    let found = config::find(global.config.as_deref(), &environment);
    let desk = match found.and_then(|file| config::desk(&file, &environment)) {
        Ok(desk) => desk,
        Err(error) => {
            out.error(run::words(&error, out.color_err()));
            return run::without_settings(&error);
        }
    };
    let Ok(runtime) = run::small_runtime() else { return Exit::Unknown };
    let asked = runtime.block_on(desk::ask(&desk, Method::GET, "/api/status", "application/json", PATIENCE));
    let answer = match asked {
        Ok(answer) => answer,
        Err(why) => {
            out.error(why);
            return Exit::Unknown;
        }
    };
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(status) if answer.status == 200 => {
            if out.json() {
                out.data(&status)
            } else {
                out.line(words(&status))
            }
            Exit::Done
        }
        Ok(_) | Err(_) => {
            out.error(format_args!(
                "what answers at http://{} says {} and nothing about its status: is it the gateway of this file, and of this version?",
                desk.admin, answer.status
            ));
            Exit::Unknown
        }
    }
}

/// Three or four lines for a person.
fn words(status: &Value) -> String {
    let lately = &status["lately"];
    let head = format!(
        "up {}   {}   config of {} (reloaded {}, last one {})",
        ago(count(&status["up_seconds"])),
        text(&status["version"]),
        minute(text(&status["read_at"])),
        times(count(&status["reloads"]) + count(&status["refused_reloads"])),
        text(&status["last_reload"]),
    );
    let load = format!(
        "{}: requests {}/s   401 {} %   502 {}   p99 {}   logins {}/min   hash queue {}",
        window(lately["seconds"].as_f64().unwrap_or_default(), count(&status["up_seconds"])),
        rate(&lately["requests_per_second"]),
        number(&lately["unauthorized_percent"]),
        count(&lately["bad_gateway"]),
        lately["p99_ms"].as_f64().map_or_else(|| "-".to_owned(), |time| format!("{time} ms")),
        rate(&lately["logins_per_minute"]),
        count(&status["hash_queue"]),
    );
    format!(
        "{head}\n{load}\n{}{}     {}",
        upstreams(&status["upstreams"]),
        store(&status["store"]),
        keys(&status["keys"])
    )
}

/// In one line where they are few, else each in its own.
fn upstreams(all: &Value) -> String {
    let rows: Vec<_> = all.as_array().into_iter().flatten().map(upstream).collect();
    if rows.len() > IN_ONE_LINE {
        return format!("upstreams\n  {}\n", rows.join("\n  "));
    }
    format!("upstreams  {}     ", rows.join(", "))
}

fn upstream(one: &Value) -> String {
    let (name, address, state) = (text(&one["upstream"]), text(&one["address"]), text(&one["state"]));
    if name == address {
        return format!("{address} {state}");
    }
    format!("{name} {} {state}", address.strip_prefix("http://").unwrap_or(address))
}

fn store(store: &Value) -> String {
    match store["took_ms"].as_f64() {
        Some(took) => format!("store ok {took} ms"),
        None => format!("store FAILED ({})", text(&store["message"])),
    }
}

fn keys(keys: &Value) -> String {
    let next = keys["next_at"].as_str().and_then(|next| next.get(..10)).map(|day| format!(", next {day}"));
    format!("keys {}{}", text(&keys["signing"]), next.unwrap_or_default())
}

fn window(seconds: f64, up: u64) -> String {
    // Since the start is what there is before a minute has passed.
    if seconds + 1.0 >= up as f64 { "since the start".to_owned() } else { format!("last {seconds:.0} s") }
}

/// "3 d 4 h"
fn ago(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// "2026-09-22 10:41"
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// Large ones without a fraction.
fn rate(value: &Value) -> String {
    match value.as_f64() {
        Some(rate) if rate < 100.0 => rate.to_string(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is no negative number")]
        Some(rate) => thousands(rate.round() as u64),
        None => "-".to_owned(),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

const PATIENCE: Duration = Duration::from_secs(10);
const IN_ONE_LINE: usize = 2;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status() -> Value {
        json!({
            "version": "0.1.0", "up_seconds": 273_600, "read_at": "2026-09-22T10:41:07.000Z",
            "reloads": 2, "refused_reloads": 0, "last_reload": "ok",
            "lately": {
                "seconds": 75.2, "requests_per_second": 1204.4, "unauthorized_percent": 0.4, "bad_gateway": 0,
                "p99_ms": 1.9, "logins_per_minute": 3.0,
            },
            "hash_queue": 0,
            "upstreams": [{ "upstream": "app", "address": "http://127.0.0.1:3000", "state": "ok" }],
            "store": { "state": "ok", "took_ms": 0.3 },
            "keys": { "signing": "2026-09-a", "next_at": "2026-12-21T10:41:07.000Z" },
        })
    }

    #[test]
    fn a_status_is_three_lines() {
        assert_eq!(
            words(&status()),
            "up 3 d 4 h   0.1.0   config of 2026-09-22 10:41 (reloaded 2 times, last one ok)\n\
             last 75 s: requests 1,204/s   401 0.4 %   502 0   p99 1.9 ms   logins 3/min   hash queue 0\n\
             upstreams  app 127.0.0.1:3000 ok     store ok 0.3 ms     keys 2026-09-a, next 2026-12-21"
        );
    }

    #[test]
    fn what_is_not_well_is_said_and_many_addresses_have_a_line_each() {
        let mut status = status();
        let one = |port: u16, state: &str| json!({ "upstream": "app", "address": format!("http://a:{port}"), "state": state });
        status["upstreams"] = json!([one(1, "ok"), one(2, "left out"), one(3, "unhealthy")]);
        status["store"] = json!({ "state": "failed", "message": "the store does not answer" });
        status["keys"] = json!({ "signing": "k", "next_at": null });
        status["up_seconds"] = json!(20);
        status["lately"] = json!({ "seconds": 20.0, "requests_per_second": 0.1, "p99_ms": null });
        let words = words(&status);
        assert!(
            words.contains("\nsince the start: requests 0.1/s   401 0 %   502 0   p99 -   logins -/min"),
            "{words}"
        );
        assert!(words.ends_with(
            "upstreams\n  app a:1 ok\n  app a:2 left out\n  app a:3 unhealthy\n\
             store FAILED (the store does not answer)     keys k"
        ));
        assert_eq!([59, 60, 3_661, 90_000].map(ago), ["59 s", "1 min", "1 h 1 min", "1 d 1 h"]);
    }
}
