//! `[accounts]` and `[passwords]`.
use std::collections::BTreeMap;
use std::time::Duration;

use super::routes::names;
use crate::account::{self, Identifier, MigrateFrom, Registration};
use crate::base::{Role, Scope};
use crate::config::address;
use crate::config::codes::Code;
use crate::config::environment::Environment;
use crate::config::finding::{Finding, Place};
use crate::config::read::{Lists, Part, Reader, Spot, Texts};
use crate::password::{self, Argon2Cost};
use crate::token::Subject;

/// What `[tokens]` says about sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sessions {
    pub(super) refresh_ttl: Duration,
    pub(super) refresh_grace: Duration,
    pub(super) password_grant: bool,
    pub(super) subject: Subject,
}

/// `[accounts]`, with the limits and the lifetimes that sign-ins obey.
pub(super) fn accounts(
    reader: &Reader<'_>,
    limits: &Part<'_>,
    browsers: &Part<'_>,
    sessions: Sessions,
) -> account::Settings {
    let part = reader.part("accounts");
    let identifiers =
        [("username", Identifier::Username), ("email", Identifier::Email), ("either", Identifier::Either)];
    let registration = part.choice(
        "registration",
        &[("open", Registration::Open), ("invite", Registration::Invite), ("closed", Registration::Closed)],
    );
    let identifier = part.choice("identifier", &identifiers);
    if let Some(subject) = reader.part("tokens").item("subject") {
        warn_of_two_names(&part, identifier, sessions.subject, &subject.place);
    }
    account::Settings {
        identifier,
        subject: sessions.subject,
        registration,
        allowed_domains: allowed_domains(&part),
        verify_email: part.value("verify_email"),
        default_roles: default_roles(&part, registration),
        role_scopes: role_scopes(&part),
        refresh_ttl: sessions.refresh_ttl,
        refresh_grace: sessions.refresh_grace,
        session_idle: browsers.value("idle"),
        session_max: browsers.value("max"),
        password_grant: sessions.password_grant,
        login_per_ip: limits.value("login_per_ip"),
        login_per_account: limits.value("login_per_account"),
        register_per_ip: limits.value("register_per_ip"),
        migrate_from: migrate_from(&part, registration),
    }
}

/// Those who are here already may have one name and not the other.
fn warn_of_two_names(part: &Part<'_>, identifier: Identifier, subject: Subject, place: &Place) {
    let (sign_in_with, named_by) = match (identifier, subject) {
        (Identifier::Username, Subject::Email) => ("username", "e-mail address"),
        (Identifier::Email, Subject::Username) => ("e-mail address", "username"),
        (Identifier::Username | Identifier::Email | Identifier::Either, _) => return,
    };
    let title = format!("people sign in with their {sign_in_with}, and tokens name them by their {named_by}");
    let finding = Finding::new(Code::W309, place.clone(), title).label("everybody needs both");
    part.complain(finding.say(format!("who is here already without a(n) {named_by} cannot sign in")));
}

/// The old login, asked over plain HTTP: it stands beside the gateway.
fn migrate_from(part: &Part<'_>, registration: Registration) -> Option<MigrateFrom> {
    let place = &part.item("migrate_from")?.place;
    let inner = part.inner("migrate_from");
    let (username_field, password_field) = (inner.value("username_field"), inner.value("password_field"));
    let url: Spot<String> = inner.given("url")?;
    let parsed = || {
        let uri: http::Uri = url.value.parse().ok()?;
        let (host, plain) = (uri.host()?.to_owned(), uri.scheme_str() == Some("http") && !url.value.contains('@'));
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let port = uri.port_u16().unwrap_or(80);
        plain.then_some(MigrateFrom { host, port, target, username_field, password_field })
    };
    let found = parsed();
    if found.is_none() {
        part.complain(
            Finding::new(Code::E205, url.place.clone(), "the old login cannot be asked there")
                .label("not http://HOST:PORT/PATH"),
        );
    } else if registration == Registration::Open {
        let title =
            "`registration = \"open\"` beside `migrate_from` lets anybody take the name of whoever has not moved yet";
        let given = part.item("registration").map(|item| &item.place);
        let finding = Finding::new(Code::W312, given.unwrap_or(place).clone(), title);
        let label = if given.is_some() { "open to strangers" } else { "and \"open\" is the default" };
        let cure = "set `registration` to \"invite\" or \"closed\" until everybody has moved";
        part.complain(finding.label(label).say(cure));
    }
    found
}

/// `[passwords]`
pub(super) fn passwords(reader: &Reader<'_>, environment: &Environment) -> password::Settings {
    let part = reader.part("passwords");
    let min_length: Spot<usize> = part.spot("min_length");
    let max_length: Spot<usize> = part.spot("max_length");
    if min_length.value > max_length.value {
        let (here, other) =
            if part.item("max_length").is_some() { (&max_length, &min_length) } else { (&min_length, &max_length) };
        part.complain(
            Finding::new(Code::E105, here.place.clone(), "`max_length` is below `min_length`")
                .label("no password would fit")
                .beside(&other.place, "beside this"),
        );
    }
    let cost = part.inner("argon2");
    let memory: u64 = cost.value("memory");
    let parallel_hashes = match part.value("parallel_hashes") {
        0 => environment.cores(),
        hashes => hashes,
    };
    password::Settings {
        min_length: min_length.value,
        max_length: max_length.value,
        block_common: part.value("block_common"),
        cost: Argon2Cost {
            memory_kib: u32::try_from(memory / 1024).unwrap_or(u32::MAX),
            iterations: cost.value("iterations"),
            lanes: cost.value("lanes"),
        },
        parallel_hashes,
        hash_queue: part.value("hash_queue"),
    }
}

fn default_roles(part: &Part<'_>, registration: Registration) -> Vec<Role> {
    let texts: Texts = part.value("default_roles");
    if registration == Registration::Open
        && let Some(admin) = texts.iter().find(|text| text.value == ADMIN)
    {
        part.complain(
            Finding::new(Code::W306, admin.place.clone(), "everyone who makes an account is an administrator")
                .label("given to anybody who asks")
                .say("take `admin` out, or set `registration = \"closed\"`"),
        );
    }
    names(part, &texts, "default_roles", Role::parse)
}

/// Domains in lower case, as they are compared.
fn allowed_domains(part: &Part<'_>) -> Vec<String> {
    let texts: Texts = part.value("allowed_domains");
    let mut domains = Vec::with_capacity(texts.len());
    for text in texts {
        let domain = text.value.strip_prefix('@').unwrap_or(&text.value).to_ascii_lowercase();
        if address::is_host(&domain) {
            domains.push(domain);
        } else {
            let title = format!("`{}` is no domain", text.value);
            part.complain(Finding::new(Code::E102, text.place, title).label("a name such as example.com"));
        }
    }
    domains
}

fn role_scopes(part: &Part<'_>) -> BTreeMap<Role, Vec<Scope>> {
    let rows = part.given::<Lists>("role_scopes").map(|spot| spot.value).unwrap_or_default();
    let read = rows.into_iter().filter_map(|(role, scopes)| {
        let role = names(part, &[role], "role_scopes", Role::parse).pop()?;
        Some((role, names(part, &scopes, "role_scopes", Scope::parse)))
    });
    read.collect()
}

/// The role that may use the admin address.
const ADMIN: &str = "admin";
