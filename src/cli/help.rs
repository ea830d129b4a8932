//! `authgate help`: the manual inside the binary.
use super::{Terminal, answers};
use crate::config::{self, Code};
use crate::wire::IdentityPart;

/// The manual: help config KEY, help error CODE, help example, help headers, help metrics.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    authgate help config tokens.access_ttl\n  \
    authgate help error E202")]
pub(crate) struct HelpArgs {
    /// config, error, example (the whole file), headers or metrics.
    pub(crate) topic: Option<String>,
    /// A key of the file, or a code.
    pub(crate) name: Option<String>,
}

/// `None` when the manual has no such topic: it may be the name of a verb.
pub(crate) fn run(args: &HelpArgs, terminal: &mut Terminal<'_>) -> Option<u8> {
    let name = args.name.as_deref();
    let page = match args.topic.as_deref()? {
        "config" => match config::manual(name) {
            Some(page) => page,
            None => {
                return Some(unknown(
                    name.unwrap_or_default(),
                    config::nearest_key(name.unwrap_or_default()),
                    terminal,
                ));
            }
        },
        "error" => match error(name) {
            Some(page) => page,
            None => return Some(unknown(name.unwrap_or_default(), None, terminal)),
        },
        "example" => config::example(),
        "headers" => headers(),
        "metrics" => metrics(),
        _ => return None,
    };
    terminal.say(&page);
    Some(0)
}

fn unknown(name: &str, nearest: Option<&str>, terminal: &mut Terminal<'_>) -> u8 {
    let cure = nearest.map(|nearest| format!(": did you mean `{nearest}`?")).unwrap_or_default();
    terminal.tell(&format!("the manual does not know `{name}`{cure}\n"));
    1
}

/// A code of `check`, a word out of an answer, or all of them.
fn error(name: Option<&str>) -> Option<String> {
    let Some(name) = name else { return Some(codes()) };
    if let Some(code) = Code::parse(name) {
        return Some(format!("{}: {}\n\n{}\n", code.name(), code.title(), code.words()));
    }
    answers::explain(name).map(|words| format!("{name}\n\n{words}\n"))
}

fn codes() -> String {
    let mut text = "What `authgate check` finds:\n".to_owned();
    for code in Code::all() {
        text.push_str(&format!("  {}  {}\n", code.name(), code.title()));
    }
    text.push_str("\nWhat requests are answered with, and what the access log says of them:\n");
    for name in answers::names() {
        text.push_str(&format!("  {name}\n"));
    }
    text.push_str("\n`authgate help error CODE` says more about one of them.\n");
    text
}

fn headers() -> String {
    let parts = [
        ("user", IdentityPart::User),
        ("email", IdentityPart::Email),
        ("name", IdentityPart::Name),
        ("groups", IdentityPart::Groups),
        ("sub", IdentityPart::Sub),
    ];
    let mut text = HEADERS.to_owned();
    for preset in config::presets() {
        text.push_str(&format!("\n{preset}\n"));
        let fields = config::preset_fields(preset).unwrap_or_default();
        for (word, part) in parts {
            let names: Vec<_> = fields.iter().filter(|(field, _)| *field == part).map(|(_, name)| *name).collect();
            if !names.is_empty() {
                text.push_str(&format!("  {word:<8}{}\n", names.join(", ")));
            }
        }
    }
    text
}

fn metrics() -> String {
    let mut text =
        "At [metrics] path of the admin address, in Prometheus' text form. Never a user, a path or an address\n\
                    as a label; `route` is the prefix.\n\n"
            .to_owned();
    for (name, labels) in METRICS {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        text.push_str(&format!("  {name}{labels}\n"));
    }
    text.push_str("\nand the usual process_*.\n");
    text
}

const HEADERS: &str = "\
What a backend is told about the person: [identity] headers names one of these, or several in a list;\n\
[identity] names gives each a name of your own. All of these names, in every spelling, are removed from\n\
what clients send, on every route. Values are visible ASCII; everything else is percent-encoded UTF-8.\n";

const METRICS: &[(&str, &str)] = &[
    ("authgate_http_requests_total", "route,method,code"),
    ("authgate_http_request_duration_seconds", "route"),
    ("authgate_http_requests_in_flight", ""),
    ("authgate_decisions_total", "route,decision,reason"),
    ("authgate_logins_total", "method,result"),
    ("authgate_registrations_total", "result"),
    ("authgate_tokens_issued_total", "kind"),
    ("authgate_token_checks_total", "result"),
    ("authgate_password_hash_duration_seconds", ""),
    ("authgate_password_hash_queue_length", ""),
    ("authgate_sessions", ""),
    ("authgate_upstream_requests_total", "upstream,code"),
    ("authgate_upstream_request_duration_seconds", "upstream"),
    ("authgate_store_operation_duration_seconds", "operation"),
    ("authgate_config_reloads_total", "result"),
    ("authgate_config_last_reload_success", ""),
    ("authgate_config_last_reload_timestamp_seconds", ""),
    ("authgate_signing_key_age_seconds", ""),
    ("authgate_build_info", "version,commit"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::terminal::{Answer, answer};

    fn help(topic: &str, name: Option<&str>) -> Answer {
        let args = HelpArgs { topic: Some(topic.to_owned()), name: name.map(str::to_owned) };
        answer(None, |terminal| run(&args, terminal).unwrap())
    }

    #[test]
    fn the_manual_knows_every_key_and_every_code() {
        let page = help("config", Some("access_ttl"));
        assert_eq!(
            page.out,
            "[tokens] access_ttl\n  must be:  a duration such as \"30s\" from 1s to 3650d\n  \
            default:  \"15m\"\n  outside:  AUTHGATE__TOKENS__ACCESS_TTL\n"
        );
        assert_eq!(help("config", Some("server.listen")).out.matches("must be").count(), 1);
        assert_eq!(help("config", Some("listen")).out.matches("must be").count(), 2);
        assert!(help("config", None).out.contains("\n  access_ttl              \"15m\"\n"));
        assert!(help("config", Some("acces_ttl")).err.contains("did you mean `access_ttl`?"));
        assert!(help("error", Some("e202")).out.starts_with("E202: two routes have the same prefix\n\n"));
        assert!(help("error", Some("token_expired")).out.contains("refresh token"));
        assert_eq!(help("error", Some("E999")).code, 1);
        assert!(help("headers", None).out.contains("\nremote\n  user    remote-user\n"));
        assert!(help("metrics", None).out.contains("  authgate_logins_total{method,result}\n"));
        let verb = HelpArgs { topic: Some("run".to_owned()), name: None };
        answer(None, |terminal| {
            assert_eq!(run(&verb, terminal), None);
            0
        });
    }
}
