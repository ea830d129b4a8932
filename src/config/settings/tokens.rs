//! What a program shows, and the keys behind it.
use std::time::Duration;

use super::{ALGORITHMS, Kind, LIFE, Section, Shape, with_default, without};

pub(super) const TOKENS: Section = Section {
    name: "tokens",
    shape: Shape::Once,
    words: "",
    header: "[tokens]",
    settings: &[
        with_default("access_ttl", LIFE, "\"15m\"", ""),
        with_default("refresh_ttl", LIFE, "\"30d\"", ""),
        with_default(
            "refresh_grace",
            Kind::Duration(Duration::ZERO, Duration::from_secs(300)),
            "\"10s\"",
            "A refresh token that is sent twice within this time (two tabs, a retry) gets the same\n\
             answer; after it, a second use is taken for theft and ends the session.",
        ),
        without("issuer", Kind::Text, "\"http://localhost:8080\"", "Without it: public_url of [server]."),
        with_default("audience", Kind::Text, "\"authgate\"", ""),
        with_default(
            "subject",
            Kind::Word(&["id", "username", "email"]),
            "\"id\"",
            "What `sub` holds: \"id\" (never changes), \"username\" or \"email\".",
        ),
        with_default(
            "algorithm",
            Kind::Word(ALGORITHMS),
            "\"ES256\"",
            "\"ES256\", \"EdDSA\", \"RS256\", \"PS256\" or \"HS256\"",
        ),
        with_default(
            "leeway",
            Kind::Duration(Duration::ZERO, Duration::from_secs(300)),
            "\"5s\"",
            "Clocks may differ by this much.",
        ),
        with_default(
            "revoke",
            Kind::Word(&["now", "at_expiry"]),
            "\"now\"",
            "\"now\": a signed-out session's tokens stop working with the next request, on every node.\n\
             \"at_expiry\": tokens live out their time.",
        ),
        with_default(
            "password_grant",
            Kind::Flag,
            "true",
            "POST {auth_prefix}/token with grant_type=password, for first-party tools and API docs.",
        ),
        without(
            "claims",
            Kind::Texts(&[]),
            "{ tenant = \"acme\", department = \"${user.department}\" }",
            "Claims that go into every access token; ${user.NAME} is an attribute of the person.",
        ),
        with_default(
            "locations",
            Kind::List,
            "[\"header\", \"cookie\"]",
            "Where a token may stand, asked in this order; two different tokens in one request are refused.\n\
             \"cookie\" is the session of a browser.",
        ),
        with_default("query_name", Kind::Text, "\"access_token\"", "The parameter that location \"query\" reads."),
        with_default(
            "format",
            Kind::Word(&["native", "flask-jwt-extended", "simplejwt"]),
            "\"native\"",
            "Tokens and answers in the form another stack expects: \"native\", \"flask-jwt-extended\" or \"simplejwt\".",
        ),
    ],
    later: &[],
};

pub(super) const KEYS: Section = Section {
    name: "keys",
    shape: Shape::Once,
    words: "",
    header: "[keys]",
    settings: &[
        with_default(
            "rotate_every",
            LIFE,
            "\"90d\"",
            "Made at the first start and kept in the store, so that a restart signs nobody out.",
        ),
        without(
            "encrypt_with",
            Kind::Secret,
            "\"${file:/run/secrets/authgate_key}\"",
            "Encrypts the private keys in the store (authgate keys new-secret prints one).",
        ),
        without(
            "files",
            Kind::List,
            "[\"/etc/authgate/keys/2026-11.pem\"]",
            "Bring your own instead; the first one signs, the others are still believed.",
        ),
        without("secret", Kind::Secret, "\"${JWT_SECRET_KEY}\"", "The shared secret of HS256; at least 32 bytes."),
    ],
    later: &[],
};
