//! `[tokens]` and `[keys]`.
use super::keys;
use super::people::Sessions;
use crate::authn;
use crate::base::Secret;
use crate::config::codes::Code;
use crate::config::finding::{DID_YOU_MEAN, Finding, Place};
use crate::config::read::{Part, Reader, Spot, Texts};
use crate::config::suggest::nearest;
use crate::config::tree::{Node, Text};
use crate::config::value::quoted;
use crate::server::ListenAddress;
use crate::token::{Algorithm, Dialect, Format, MOST_CLAIMS, OwnClaim, Revoke, Settings, Subject};
use crate::{server, token, wire};

/// What the two sections say to two rooms.
pub(super) struct Tokens {
    pub(super) settings: Settings,
    pub(super) sessions: Sessions,
    pub(super) locations: authn::Settings,
    /// The parameter that is read, if one is.
    pub(super) query_token: Option<String>,
    /// Tokens stand in cookies too, as Flask-JWT-Extended has it: where it is asked for by name.
    pub(super) in_cookies: bool,
}

pub(super) fn tokens(reader: &Reader<'_>, server: &server::Settings, wire: &wire::Settings, https: bool) -> Tokens {
    let part = reader.part("tokens");
    let subjects = [("id", Subject::Id), ("username", Subject::Username), ("email", Subject::Email)];
    let algorithm = part.choice("algorithm", &Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm)));
    let keys = reader.part("keys");
    let formats = [
        ("native", Format::Native),
        ("flask-jwt-extended", Format::FlaskJwtExtended),
        ("simplejwt", Format::SimpleJwt),
    ];
    let format = part.choice("format", &formats);
    let stated = |key: &str| format == Format::Native || part.item(key).is_some();
    let dialect = Dialect { format, states_issuer: stated("issuer"), states_audience: stated("audience") };
    let settings = Settings {
        dialect,
        access_ttl: part.value("access_ttl"),
        issuer: name(&part, "issuer").unwrap_or_else(|| origin(server, wire, https)),
        audience: name(&part, "audience").unwrap_or_else(|| "authgate".to_owned()),
        subject: part.choice("subject", &subjects),
        algorithm,
        leeway: part.value("leeway"),
        revoke: part.choice("revoke", &[("now", Revoke::Now), ("at_expiry", Revoke::AtExpiry)]),
        secret: secret(&keys, algorithm),
        keys: keys::keys(&keys, algorithm),
        claims: claims(&part),
    };
    let sessions = Sessions {
        refresh_ttl: part.value("refresh_ttl"),
        refresh_grace: part.value("refresh_grace"),
        password_grant: part.value("password_grant"),
        subject: settings.subject,
    };
    let locations = locations(&part);
    let query_token = query_name(&part).filter(|_| locations.query);
    let in_cookies = format == Format::FlaskJwtExtended && locations.cookie && part.item("locations").is_some();
    Tokens { settings, sessions, locations, query_token, in_cookies }
}

/// Where credentials are looked for.
fn locations(part: &Part<'_>) -> authn::Settings {
    let list: Spot<Texts> = part.spot("locations");
    if list.value.is_empty()
        && matches!(part.item("locations").map(|item| &item.node), Some(Node::List(items)) if items.is_empty())
    {
        part.complain(Finding::new(Code::E102, list.place, "`locations` is empty").label("nobody could show a token"));
    }
    let mut locations = authn::Settings { header: false, cookie: false, query: false };
    for Spot { value, place } in list.value {
        let named = match value.as_str() {
            "header" => &mut locations.header,
            "cookie" => &mut locations.cookie,
            "query" => &mut locations.query,
            _ => {
                part.complain(no_location(&value, &place));
                continue;
            }
        };
        if std::mem::replace(named, true) {
            part.complain(Finding::new(Code::E106, place, format!("`{value}` stands twice")).label("once is enough"));
        }
    }
    locations
}

fn no_location(value: &str, place: &Place) -> Finding {
    let finding = Finding::new(Code::E102, place.clone(), format!("`{value}` is no location"))
        .label(format!("one of {}", LOCATIONS.join(", ")));
    match nearest(value, LOCATIONS.iter().copied()) {
        Some(meant) => finding.replace(format!("{DID_YOU_MEAN} `{meant}`?"), place, quoted(meant)),
        None => finding,
    }
}

fn query_name(part: &Part<'_>) -> Option<String> {
    let text: Spot<String> = part.spot("query_name");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !text.value.is_empty() && text.value.len() <= 64 && text.value.bytes().all(fits) {
        return Some(text.value);
    }
    part.complain(
        Finding::new(Code::E102, text.place, "`query_name` is no name of a parameter")
            .label("letters, digits, `_`, `-` and `.`"),
    );
    None
}

const LOCATIONS: &[&str] = &["header", "cookie", "query"];

/// Where the gateway is found when nobody says so.
pub(in crate::config) fn origin(server: &server::Settings, wire: &wire::Settings, https: bool) -> String {
    if let Some(url) = &wire.public_url {
        return url.origin();
    }
    let port = server.listen.iter().find_map(|listen| match listen {
        ListenAddress::Tcp(address) => Some(address.port()),
        ListenAddress::Unix(_) => None,
    });
    let scheme = if https { "https" } else { "http" };
    port.map_or_else(|| format!("{scheme}://localhost"), |port| format!("{scheme}://localhost:{port}"))
}

/// A text that names something: visible ASCII.
fn name(part: &Part<'_>, key: &str) -> Option<String> {
    let text: Spot<String> = part.given(key)?;
    if !text.value.is_empty() && text.value.len() <= 256 && text.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(text.value);
    }
    let title = format!("`{key}` must be 1 to 256 visible ASCII characters");
    part.complain(Finding::new(Code::E102, text.place, title).label("not usable"));
    None
}

/// What the operator adds to every token.
fn claims(part: &Part<'_>) -> Vec<OwnClaim> {
    let Some(rows) = part.given::<Vec<(Spot<String>, Spot<Text>)>>("claims") else { return Vec::new() };
    if rows.value.len() > MOST_CLAIMS {
        let title = format!("`claims` are more than {MOST_CLAIMS}");
        part.complain(Finding::new(Code::E105, rows.place, title).label("every request would carry them"));
        return Vec::new();
    }
    let made = rows.value.into_iter().filter_map(|(name, text)| {
        let title = format!("`{}` cannot be a claim of yours", name.value);
        let made = OwnClaim::new(name.value, text.value.text, text.value.attributes);
        made.map_err(|why| part.complain(Finding::new(Code::E102, name.place, title).label(why.to_string()))).ok()
    });
    made.collect()
}

fn secret(part: &Part<'_>, algorithm: Algorithm) -> Option<Secret> {
    let Spot { value: secret, place } = strong(part, "secret", "the signing secret")?;
    if algorithm != Algorithm::Hs256 {
        part.complain(
            Finding::new(Code::W304, place, "the signing secret is not used")
                .label(format!("{} signs with a pair of keys", algorithm.name()))
                .say("set `algorithm = \"HS256\"` in `[tokens]`, or take the secret out"),
        );
    }
    Some(secret)
}

/// A secret that cannot be guessed; told off when it stands in the file.
pub(super) fn strong(part: &Part<'_>, key: &str, what: &str) -> Option<Spot<Secret>> {
    let Spot { value: (secret, referenced), place } = part.given::<(Secret, bool)>(key)?;
    if let Some(why) = weakness(secret.expose()) {
        part.complain(
            Finding::new(Code::E301, place, format!("whoever guesses {what} can be anybody"))
                .label(why)
                .say("`authgate keys new-secret` makes a good one"),
        );
        return None;
    }
    if looks_made_up(secret.expose()) {
        part.complain(
            Finding::new(Code::W314, place.clone(), format!("{what} looks made up"))
                .label("words and rows of digits are guessed first")
                .say("`authgate keys new-secret` makes a good one"),
        );
    }
    if !referenced {
        part.complain(
            Finding::new(Code::W303, place.clone(), format!("{what} stands in the file"))
                .label("in clear")
                .say("write `${JWT_SECRET_KEY}` or `${file:/run/secrets/jwt}`"),
        );
    }
    Some(Spot { value: secret, place })
}

/// Why this is no secret.
fn weakness(secret: &str) -> Option<&'static str> {
    let lower = secret.to_ascii_lowercase();
    if SAMPLES.contains(&lower.as_str()) || SAMPLE_PARTS.iter().any(|part| lower.contains(part)) {
        return Some("a sample value that everybody knows");
    }
    token::weakness(secret)
}

/// Long enough, and yet what a person types who has to type something.
fn looks_made_up(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    MADE_UP.iter().any(|part| lower.contains(part))
}

/// Out of tutorials and sample files of others.
const SAMPLES: &[&str] = &[
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "a-string-secret-at-least-256-bits-long",
    "super-secret-jwt-token-with-at-least-32-characters-long",
];
const SAMPLE_PARTS: &[&str] = &[
    "change-me",
    "change_me",
    "changeme",
    "change this",
    "changethis",
    "change-this",
    "your-secret",
    "your_secret",
    "your-256-bit-secret",
    "your-super-secret",
    "your_super_secret",
    "replace-me",
    "replace_me",
    "django-insecure-",
    "jwt_secret_key",
    "placeholder",
];
const MADE_UP: &[&str] = &[
    "01234567",
    "12345678",
    "abcdefgh",
    "secretsecret",
    "super-secret",
    "super_secret",
    "supersecret",
    "my-secret-key",
    "my_secret_key",
    "mysecretkey",
    "example-secret",
    "sample-secret",
    "test-secret",
    "password",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // K01, K03
    fn a_secret_that_can_be_guessed_is_refused() {
        for weak in [
            "",
            " ",
            "short",
            &" ".repeat(40),
            &"a".repeat(64),
            // What the start refuses is refused here.
            &"ab".repeat(18),
            r#"{"kty":"EC","crv":"P-256","x":"aaaaaaaaaaaaaaaaaa"}"#,
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
            // K02: placeholders of manuals, sample files and our own example.
            "your-256-bit-secret-your-256-bit-secret",
            "change-me",
            "secret",
            "django-insecure-x3$k8v0z!qj2m9w@r7t5y1u4i6o8p0a2s4d6",
            "JWT_SECRET_KEY-JWT_SECRET_KEY-JWT_SECRET_KEY",
            "Please-CHANGE-ME-before-production-0123456789",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        ] {
            assert!(weakness(weak).is_some(), "{weak:?}");
        }
        assert_eq!(weakness("kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a"), None);
        assert!(!looks_made_up("kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a"));
        for taken in ["0123456789abcdef0123456789abcdef", "Super-Secret-key-that-is-long-enough-for-hs256"] {
            assert!(weakness(taken).is_none() && looks_made_up(taken), "{taken:?}");
        }
    }
}
