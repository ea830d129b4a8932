//! How a person stays signed in with a browser, and what they see.
use super::{Kind, LIFE, Section, Shape, with_default, without};

pub(super) const SESSIONS: Section = Section {
    name: "sessions",
    shape: Shape::Once,
    words: "",
    header: "[sessions]",
    settings: &[
        with_default("idle", LIFE, "\"7d\"", "How long a browser stays signed in, used or not used."),
        with_default("max", LIFE, "\"30d\"", ""),
        with_default(
            "cookie",
            Kind::Text,
            "\"authgate\"",
            "On HTTPS the cookie is called __Host-authgate and is always Secure.",
        ),
        with_default("same_site", Kind::Word(&["lax", "strict", "none"]), "\"lax\"", ""),
        without(
            "domain",
            Kind::Text,
            "\"example.com\"",
            "Share the sign-in with sub-domains (gives up the __Host- protection).",
        ),
        with_default(
            "close_streams",
            Kind::Flag,
            "true",
            "Close WebSocket, SSE and gRPC streams when the session behind them ends.",
        ),
    ],
    later: &[],
};

pub(super) const PAGES: Section = Section {
    name: "pages",
    shape: Shape::Once,
    words: "",
    header: "[pages]",
    settings: &[
        with_default("enabled", Kind::Flag, "true", "Sign-in, sign-up and account pages."),
        without(
            "title",
            Kind::Text,
            "\"Sign in\"",
            "The heading of the sign-in page; without it \"Sign in\" in the reader's language.",
        ),
        without("logo", Kind::Text, "\"/etc/authgate/logo.svg\"", "Stands on every page in place of the site's name."),
        with_default(
            "accent",
            Kind::Text,
            "\"#3b5bdb\"",
            "Of buttons and links; made darker or lighter as far as it must be to be read.",
        ),
        with_default(
            "theme",
            Kind::Word(&["auto", "light", "dark"]),
            "\"auto\"",
            "\"auto\" follows the reader's system.",
        ),
        with_default(
            "languages",
            Kind::List,
            "[\"auto\"]",
            "\"auto\" is all of them, as the reader's browser asks: \"en\", \"de\", \"fr\", \"es\", \"ar\".\n\
             Or those to choose from; the first one is for readers of none of them.",
        ),
        without(
            "templates",
            Kind::Text,
            "\"/etc/authgate/pages\"",
            "Files here replace the built-in templates of the same name.",
        ),
    ],
    later: &[],
};
