//! Where clients arrive, and how much of them is taken.
use std::time::Duration;

use super::{Kind, SOME, Section, Shape, WAIT, with_default, without};

pub(super) const SERVER: Section = Section {
    name: "server",
    shape: Shape::Once,
    words: "",
    header: "[server]",
    settings: &[
        with_default(
            "listen",
            Kind::OneOrMore,
            "\"127.0.0.1:8080\"",
            "One address or a list: \"127.0.0.1:8080\", \"[::]:8080\", \"unix:/run/authgate.sock\".",
        ),
        without(
            "public_url",
            Kind::Text,
            "\"http://localhost:8080\"",
            "\nWhat people type into a browser. Links, cookies and the tokens' issuer come from it.\n\
             Without it: http://localhost and the port above.",
        ),
        with_default(
            "auth_prefix",
            Kind::Text,
            "\"/auth\"",
            "\nThe gateway's own pages and endpoints live under this path; the rest belongs to the backends.",
        ),
        with_default(
            "well_known",
            Kind::Flag,
            "true",
            "\nAnswer /.well-known/jwks.json, openid-configuration, oauth-authorization-server and change-password.\n\
             Every other /.well-known/ path goes to the routes.",
        ),
        with_default(
            "trusted_proxies",
            Kind::List,
            "[]",
            "\nLoad balancers and proxies in front of the gateway. X-Forwarded-For, -Proto and -Host\n\
             are believed from these addresses and thrown away from everyone else. \"unix:\" is whoever may open the unix\n\
             socket of `listen` (mode 0660: this user and group); without it everybody who comes by it is one address.",
        ),
        with_default(
            "proxy_protocol",
            Kind::Flag,
            "false",
            "Connections from these addresses begin with the PROXY protocol, version 1 or 2, and say who the client is;\n\
             one that does not is closed.",
        ),
        with_default("workers", Kind::Count(0, 1024), "0", "\nThreads that serve requests; 0 takes one for each core."),
        with_default(
            "shutdown_grace",
            Kind::Duration(Duration::ZERO, Duration::from_secs(86_400)),
            "\"30s\"",
            "Requests under way have so long to end when the gateway stops.",
        ),
    ],
    later: &[],
};

pub(super) const TLS: Section = Section {
    name: "tls",
    shape: Shape::Once,
    words: "",
    header: "[tls]",
    settings: &[
        without(
            "cert",
            Kind::OneOrMore,
            "\"/etc/authgate/tls/fullchain.pem\"",
            "A certificate of your own with its chain (read again on reload and when the file changes), and its key.\n\
             Several, chosen by the name the client asks for, stand in two lists of the same order.",
        ),
        without("key", Kind::OneOrMore, "\"/etc/authgate/tls/privkey.pem\"", ""),
        with_default("min_version", Kind::Word(&["1.2", "1.3"]), "\"1.2\"", ""),
        without("redirect_http", Kind::Text, "\"0.0.0.0:80\"", "Answer plain HTTP here with a redirect to HTTPS."),
    ],
    later: &["acme_domains", "acme_email", "acme_directory"],
};

pub(super) const LIMITS: Section = Section {
    name: "limits",
    shape: Shape::Once,
    words: "",
    header: "[limits]",
    settings: &[
        with_default(
            "max_connections",
            SOME,
            "10000",
            "Each may take two file descriptors; as many as the system lets it have are taken at the start.",
        ),
        with_default("max_connections_per_ip", SOME, "1000", ""),
        with_default("max_header", Kind::Size(8 << 10, 1 << 20), "\"32KiB\"", "The head of a request."),
        with_default("max_body", Kind::Size(0, 1 << 50), "\"10MiB\"", "Of every route that says nothing else."),
        with_default("header_timeout", WAIT, "\"10s\"", ""),
        with_default("body_timeout", WAIT, "\"60s\"", "Between two pieces of a body."),
        with_default("idle_timeout", WAIT, "\"75s\"", "Between two requests."),
        with_default("login_per_ip", Kind::Rate, "\"20/m\"", ""),
        with_default("login_per_account", Kind::Rate, "\"5/m\"", ""),
        with_default("register_per_ip", Kind::Rate, "\"10/h\"", ""),
    ],
    later: &[],
};
