//! What is kept, and what the operator watches.
use super::{Kind, Section, Shape, with_default, without};

pub(super) const STORE: Section = Section {
    name: "store",
    shape: Shape::Once,
    words: "",
    header: "[store]",
    settings: &[
        with_default(
            "url",
            Kind::Text,
            "\"sqlite:authgate.db\"",
            "sqlite: and the path of a file, or postgres://USER@HOST/DATABASE, or mysql://USER@HOST/DATABASE.",
        ),
        without(
            "password",
            Kind::Secret,
            "\"${DATABASE_PASSWORD}\"",
            "A password kept out of the URL needs no escaping.",
        ),
        with_default("max_connections", Kind::Count(2, 1000), "16", "To a server, from this node."),
        with_default(
            "migrate",
            Kind::Word(&["auto", "manual"]),
            "\"auto\"",
            "\"auto\" brings the tables up to date at start; \"manual\" waits for `authgate store migrate`.",
        ),
        without(
            "shared",
            Kind::Text,
            "\"redis://10.0.0.9:6379/0\"",
            "Rate limits and revocations shared by several nodes.",
        ),
    ],
    later: &[],
};

pub(super) const ADMIN: Section = Section {
    name: "admin",
    shape: Shape::Once,
    words: "",
    header: "[admin]",
    settings: &[
        with_default(
            "listen",
            Kind::Text,
            "\"127.0.0.1:9090\"",
            "Health, reload and /metrics. Keep it off the internet.",
        ),
        with_default("allow", Kind::List, "[\"127.0.0.1\", \"::1\"]", "Who may connect at all."),
    ],
    later: &["ui"],
};

pub(super) const LOG: Section = Section {
    name: "log",
    shape: Shape::Once,
    words: "",
    header: "[log]",
    settings: &[
        with_default(
            "level",
            Kind::Word(&["error", "warn", "info", "debug", "trace"]),
            "\"info\"",
            "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        ),
        with_default(
            "format",
            Kind::Word(&["auto", "text", "json"]),
            "\"auto\"",
            "\"auto\" is text on a terminal and JSON everywhere else.",
        ),
        with_default(
            "access",
            Kind::Flag,
            "true",
            "One line for each request: route, decision, reason, user, status, times, request id.",
        ),
        without(
            "audit_file",
            Kind::Text,
            "\"/var/log/authgate/audit.jsonl\"",
            "Also write sign-ins, refusals and changes by administrators here, as JSON lines.",
        ),
    ],
    later: &[],
};

pub(super) const METRICS: Section = Section {
    name: "metrics",
    shape: Shape::Once,
    words: "",
    header: "[metrics]",
    settings: &[
        with_default("enabled", Kind::Flag, "true", ""),
        with_default("path", Kind::Text, "\"/metrics\"", ""),
        with_default("per_route", Kind::Flag, "true", ""),
        with_default(
            "server_timing",
            Kind::Flag,
            "false",
            "Say in the answer how long the gateway and the backend took (Server-Timing).",
        ),
    ],
    later: &["otlp"],
};
