//! Which header names tell a backend who is asking.
use http::HeaderName;

use super::codes::Code;
use super::finding::{DID_YOU_MEAN, Finding};
use super::read::Spot;
use super::settings::IDENTITY_PARTS;
use super::suggest::nearest;
use super::value::{either, quoted};
use crate::wire::{IdentityFields, IdentityPart, fold};

/// Parts and the names they are given.
pub(super) type Names = Vec<(Spot<String>, Spot<String>)>;

/// What presets and single names come to.
pub(super) fn fields(
    presets: &[Spot<String>],
    names: &[(Spot<String>, Spot<String>)],
    separator: &str,
    complain: &dyn Fn(Finding),
) -> IdentityFields {
    let mut fields: Vec<(IdentityPart, HeaderName)> = Vec::new();
    for preset in presets {
        match preset_fields(&preset.value) {
            Some(rows) => {
                for (part, name) in rows {
                    let row = (*part, HeaderName::from_bytes(name.as_bytes()).expect("presets hold header names"));
                    if !fields.contains(&row) {
                        fields.push(row);
                    }
                }
            }
            None => complain(no_preset(preset)),
        }
    }
    for (part, name) in names {
        let Some(part) = part_named(part, complain) else { continue };
        let Some(header) = own_name(name, complain) else { continue };
        let same =
            fields.iter().find(|(other, earlier)| fold(earlier.as_str()) == fold(header.as_str()) && *other != part);
        if same.is_some() {
            complain(
                Finding::new(
                    Code::E303,
                    name.place.clone(),
                    format!("two identity headers are called `{}`", name.value),
                )
                .label("second")
                .say("letters of either case, hyphens and underscores are the same to many backends"),
            );
        } else if !fields.contains(&(part, header.clone())) {
            fields.push((part, header));
        }
    }
    IdentityFields { fields, separator: separator.to_owned() }
}

/// The names of one preset; none when there is no such preset.
pub(crate) fn preset_fields(preset: &str) -> Option<&'static [(IdentityPart, &'static str)]> {
    PRESETS.iter().find(|(name, _)| *name == preset).map(|(_, fields)| *fields)
}

/// The names of all presets, in the order of the manual.
pub(crate) fn presets() -> impl Iterator<Item = &'static str> {
    PRESETS.iter().map(|(name, _)| *name)
}

fn no_preset(preset: &Spot<String>) -> Finding {
    let names: Vec<_> = presets().collect();
    let finding =
        Finding::new(Code::E102, preset.place.clone(), format!("no identity headers are called `{}`", preset.value));
    match nearest(&preset.value, names.iter().copied()) {
        Some(name) => {
            finding.label(either(&names)).replace(format!("{DID_YOU_MEAN} `{name}`?"), &preset.place, quoted(name))
        }
        None => finding.label(either(&names)).say("header names of your own stand in `names` of `[identity]`"),
    }
}

fn part_named(part: &Spot<String>, complain: &dyn Fn(Finding)) -> Option<IdentityPart> {
    let found = match part.value.as_str() {
        "user" => IdentityPart::User,
        "email" => IdentityPart::Email,
        "name" => IdentityPart::Name,
        "groups" => IdentityPart::Groups,
        "sub" => IdentityPart::Sub,
        "scopes" => IdentityPart::Scopes,
        "session" => IdentityPart::Session,
        unknown => {
            let finding = Finding::new(Code::E103, part.place.clone(), format!("unknown key `{unknown}` in `names`"));
            complain(if unknown.starts_with("claim:") {
                finding.label("not in this version").say("take it out: it would do nothing")
            } else {
                match nearest(unknown, IDENTITY_PARTS.iter().copied()) {
                    Some(name) => finding.label(either(IDENTITY_PARTS)).replace(
                        format!("{DID_YOU_MEAN} `{name}`?"),
                        &part.place,
                        name,
                    ),
                    None => finding.label(either(IDENTITY_PARTS)),
                }
            });
            return None;
        }
    };
    Some(found)
}

fn own_name(name: &Spot<String>, complain: &dyn Fn(Finding)) -> Option<HeaderName> {
    let refused = |why: &str| {
        let title = format!("`{}` cannot be an identity header", name.value);
        complain(Finding::new(Code::E302, name.place.clone(), title).label(why));
        None
    };
    let letters = name.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !letters || !name.value.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return refused("only letters, digits and hyphens");
    }
    let folded = fold(&name.value);
    if RESERVED.contains(&folded.as_str()) || RESERVED_FAMILIES.iter().any(|family| folded.starts_with(family)) {
        return refused("has a meaning of its own");
    }
    match HeaderName::from_bytes(name.value.as_bytes()) {
        Ok(header) if name.value.len() <= 64 => Some(header),
        _ => refused("at most 64 characters"),
    }
}

type Fields = &'static [(IdentityPart, &'static str)];

const PRESETS: &[(&str, Fields)] = &[
    (
        "remote",
        &[
            (IdentityPart::User, "remote-user"),
            (IdentityPart::Email, "remote-email"),
            (IdentityPart::Name, "remote-name"),
            (IdentityPart::Groups, "remote-groups"),
            (IdentityPart::Sub, "remote-sub"),
        ],
    ),
    (
        "x-forwarded",
        &[
            (IdentityPart::User, "x-forwarded-user"),
            (IdentityPart::User, "x-forwarded-preferred-username"),
            (IdentityPart::Email, "x-forwarded-email"),
            (IdentityPart::Groups, "x-forwarded-groups"),
        ],
    ),
    (
        "x-auth-request",
        &[
            (IdentityPart::User, "x-auth-request-user"),
            (IdentityPart::User, "x-auth-request-preferred-username"),
            (IdentityPart::Email, "x-auth-request-email"),
            (IdentityPart::Groups, "x-auth-request-groups"),
        ],
    ),
    (
        "x-webauth",
        &[
            (IdentityPart::User, "x-webauth-user"),
            (IdentityPart::Email, "x-webauth-email"),
            (IdentityPart::Name, "x-webauth-name"),
            (IdentityPart::Groups, "x-webauth-groups"),
        ],
    ),
    (
        "x-user",
        &[
            (IdentityPart::User, "x-user-name"),
            (IdentityPart::Email, "x-user-email"),
            (IdentityPart::Groups, "x-user-roles"),
            (IdentityPart::Sub, "x-user-id"),
        ],
    ),
    ("none", &[]),
];

/// Folded names that mean something to HTTP, to proxies or to this gateway.
const RESERVED: &[&str] = &[
    "age",
    "allow",
    "authorization",
    "cache_control",
    "connection",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "keep_alive",
    "link",
    "location",
    "max_forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "server",
    "set_cookie",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer_encoding",
    "upgrade",
    "user_agent",
    "vary",
    "via",
    "warning",
    "www_authenticate",
    "x_forwarded_for",
    "x_forwarded_host",
    "x_forwarded_port",
    "x_forwarded_prefix",
    "x_forwarded_proto",
    "x_forwarded_server",
    "x_http_method_override",
    "x_original_url",
    "x_real_ip",
    "x_request_id",
    "x_rewrite_url",
];
const RESERVED_FAMILIES: &[&str] = &["accept", "access_control_", "content_", "if_", "proxy", "sec_"];

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::finding::Place;
    use crate::wire::PRESET_NAMES;

    fn spot(value: &str) -> Spot<String> {
        Spot { value: value.to_owned(), place: Place::Default }
    }

    fn read(presets: &[&str], names: &[(&str, &str)]) -> Result<IdentityFields, Vec<Code>> {
        let findings = RefCell::new(Vec::new());
        let presets: Vec<_> = presets.iter().map(|preset| spot(preset)).collect();
        let names: Vec<_> = names.iter().map(|(part, name)| (spot(part), spot(name))).collect();
        let fields = fields(&presets, &names, ",", &|finding| findings.borrow_mut().push(finding.code));
        let findings = findings.into_inner();
        if findings.is_empty() { Ok(fields) } else { Err(findings) }
    }

    #[test]
    fn presets_and_single_names_add_up() {
        assert_eq!(read(&["remote"], &[]).unwrap().fields.len(), 5);
        assert_eq!(read(&["none"], &[]).unwrap().fields.len(), 0);
        assert_eq!(
            read(&["remote", "x-user"], &[("user", "Remote-User"), ("email", "X-Mail")]).unwrap().fields.len(),
            10
        );
        assert_eq!(read(&["remot"], &[]), Err(vec![Code::E102]));
    }

    #[test]
    fn the_names_of_the_presets_are_those_that_are_stripped() {
        let here: BTreeSet<_> = PRESETS.iter().flat_map(|(_, fields)| fields.iter().map(|(_, name)| *name)).collect();
        assert_eq!(here, PRESET_NAMES.iter().copied().collect());
    }

    #[test] // C06
    fn reserved_names_and_names_of_one_fold_are_refused() {
        for name in [
            "Host",
            "Connection",
            "Content-Length",
            "Cookie",
            "Authorization",
            "Transfer-Encoding",
            "X_User",
            "",
            "-",
            "X-Forwarded-For",
            "é",
            "Proxy",
            "Proxy-User",
            "Content-Type",
            "X Y",
        ] {
            assert_eq!(read(&[], &[("user", name)]), Err(vec![Code::E302]), "{name}");
        }
        assert_eq!(read(&[], &[("user", "X-A"), ("email", "x-a")]), Err(vec![Code::E303]));
        assert_eq!(read(&["remote"], &[("email", "Remote-User")]), Err(vec![Code::E303]));
        assert_eq!(read(&[], &[("claim:tenant", "X-Tenant")]), Err(vec![Code::E103]));
    }
}
