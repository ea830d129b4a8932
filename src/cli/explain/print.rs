//! The explanation as a person reads it, and as JSON.
use std::fmt::Write;

use serde_json::{Value, json};

use super::gather::{Explanation, status_words};

pub(super) fn text(said: &Explanation) -> String {
    let mut out = headline(said);
    out.push('\n');
    path(&mut out, said);
    routes(&mut out, said);
    who(&mut out, said);
    cookie(&mut out, said);
    for need in &said.needs {
        let place = need.place.as_deref().unwrap_or_default();
        let verdict = if need.met { "ok" } else { "NO" };
        row(&mut out, need.what, format!("{:<42} {verdict:<10}  {place}", need.words).trim_end());
    }
    sent(&mut out, said);
    answer(&mut out, said);
    if let Some(cure) = &said.cure {
        let _ = write!(out, "\n\n  {cure}");
    }
    out
}

fn headline(said: &Explanation) -> String {
    match (said.error, said.endpoint, &said.upstream) {
        (None, Some(endpoint), _) => format!("answered by the gateway itself{:>38}", format!("endpoint {endpoint}")),
        (None, None, upstream) if said.overlooked.is_some() => {
            let reason = said.overlooked.unwrap_or_default();
            format!(
                "allowed, because the route only observes: `enforce` would deny, {reason}   -> {}",
                upstream.as_deref().unwrap_or_default()
            )
        }
        (None, None, upstream) => format!("allowed{:>58} {}", "->", upstream.as_deref().unwrap_or_default()),
        (Some(error), ..) => {
            let verdict = format!("denied: {} {}", said.status, status_words(said.status));
            format!("{verdict:<64} {error}")
        }
    }
}

fn path(out: &mut String, said: &Explanation) {
    match &said.read_path {
        Some(read) if *read != said.asked_path => row(out, "path", &format!("{}  is read as  {read}", said.asked_path)),
        Some(_) => {}
        None if !said.needs.is_empty() => {}
        None => row(
            out,
            "path",
            &format!("{}  can be read in more than one way, or the request is malformed", said.asked_path),
        ),
    }
}

fn routes(out: &mut String, said: &Explanation) {
    for (at, candidate) in said.candidates.iter().enumerate() {
        let label = if at == 0 { "routes" } else { "" };
        let longest = if candidate.chosen && said.candidates.len() > 1 { "longest" } else { "" };
        let line = format!("{:<14} {:<15} {longest:<11} {}", candidate.prefix, candidate.words, candidate.place);
        if candidate.chosen {
            let _ = write!(out, "\n  {label:<7}-> {}", line.trim_end());
        } else {
            row(out, label, line.trim_end());
        }
    }
}

fn who(out: &mut String, said: &Explanation) {
    if let Some(who) = &said.who {
        let how = if said.shut_out.is_some() { "cannot sign in" } else { "as if signed in now" };
        row(out, "who", &format!("{who:<42} {how}"));
    }
    if let Some(steps) = &said.token {
        row(out, "token", "from the command line");
        for step in steps {
            let verdict = if step.good { "ok" } else { "NO" };
            row(out, "", format!("{:<10} {verdict:<7} {}", step.name, step.words).trim_end());
        }
    }
}

fn cookie(out: &mut String, said: &Explanation) {
    if let Some(session) = &said.cookie {
        let verdict = if session.good { "ok" } else { "NO" };
        row(out, "cookie", &format!("{:<10} {verdict:<7} {}", session.name, session.words));
    }
}

fn sent(out: &mut String, said: &Explanation) {
    if !said.sent.is_empty() {
        let fields: Vec<_> = said.sent.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        row(out, "sent to the backend", &fields.join("   "));
    }
    if !said.taken.is_empty() {
        row(out, "taken away         ", &said.taken.join(", "));
    }
}

fn answer(out: &mut String, said: &Explanation) {
    for (at, (name, value)) in said.answer.iter().enumerate() {
        if at == 0 {
            row(out, "answer", &format!("{} {value}", said.status));
        } else {
            row(out, "", &format!("{name}: {value}"));
        }
    }
}

fn row(out: &mut String, label: &str, text: &str) {
    let _ = write!(out, "\n  {label:<9} {text}");
}

pub(super) fn json(said: &Explanation) -> Value {
    json!({
        "status": said.status,
        "error": said.error,
        "overlooked": said.overlooked,
        "allowed": said.allowed(),
        "route": said.candidates.iter().find(|candidate| candidate.chosen).map(|candidate| &candidate.prefix),
        "endpoint": said.endpoint,
        "path": said.read_path,
        "asked_path": said.asked_path,
        "upstream": said.upstream,
        "steps": steps(said),
        "sent": said.sent.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<serde_json::Map<_, _>>(),
        "taken": said.taken,
        "answer": said.answer.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<serde_json::Map<_, _>>(),
        "cure": said.cure,
    })
}

fn steps(said: &Explanation) -> Value {
    let mut steps = Vec::new();
    // A request that is refused for something else is not read so far.
    if said.read_path.is_some() || said.needs.is_empty() {
        steps.push(json!({ "step": "path", "ok": said.read_path.is_some(), "detail": said.read_path }));
    }
    for candidate in &said.candidates {
        steps.push(
            json!({ "step": "route", "ok": candidate.chosen, "detail": candidate.prefix, "place": candidate.place }),
        );
    }
    if let Some(who) = &said.who {
        steps.push(json!({ "step": "who", "ok": true, "detail": who }));
    }
    if let Some(token) = &said.token {
        for one in token {
            let step = format!("token {}", one.name);
            steps.push(json!({ "step": step, "ok": one.good, "detail": one.words }));
        }
    }
    if let Some(session) = &said.cookie {
        steps.push(json!({ "step": "cookie session", "ok": session.good, "detail": session.words }));
    }
    for need in &said.needs {
        steps.push(json!({ "step": need.what, "ok": need.met, "detail": need.words, "place": need.place }));
    }
    Value::from(steps)
}
