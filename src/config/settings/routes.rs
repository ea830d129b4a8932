//! What is protected, where it goes, and what it is told about the person.
use std::time::Duration;

use super::{IDENTITY_PARTS, Kind, SOME, Section, Setting, Shape, WAIT, needed, with_default, without};

pub(super) const UPSTREAMS: Section = Section {
    name: "upstreams",
    shape: Shape::Named,
    words: "Where requests go. A route may also name a URL directly; give a backend a name here\n\
            when several routes share it or when it needs more than a URL.",
    header: "[upstreams]\n#app = \"http://127.0.0.1:3000\"\n\n#[upstreams.billing]",
    settings: &[
        needed(
            "urls",
            Kind::OneOrMore,
            "[\"http://10.0.0.5:4000\", \"http://10.0.0.6:4000\"]",
            "http://, https://, h2c:// (HTTP/2 in the clear, for gRPC) or unix:/path.sock",
        ),
        with_default(
            "balance",
            Kind::Word(&["least_requests", "round_robin", "client_ip", "user"]),
            "\"least_requests\"",
            "\"least_requests\" (of two picked at random), \"round_robin\", \"client_ip\" or \"user\"",
        ),
        with_default("connect_timeout", WAIT, "\"2s\"", ""),
        with_default(
            "response_timeout",
            WAIT,
            "\"60s\"",
            "Until the head of the answer; then idle_timeout between two pieces of a body.",
        ),
        with_default("idle_timeout", WAIT, "\"60s\"", ""),
        with_default("keep_alive", WAIT, "\"60s\"", "So long an unused connection is kept."),
        with_default("max_connections", SOME, "1024", ""),
        with_default(
            "host_header",
            Kind::Word(&["keep", "upstream"]),
            "\"keep\"",
            "\"keep\" sends the Host the client asked for, \"upstream\" the one in the URL.",
        ),
        without(
            "health_path",
            Kind::Text,
            "\"/healthz\"",
            "Each address is asked for this by itself; one that twice does not answer 2xx or 3xx is left out until it does.",
        ),
        with_default(
            "health_interval",
            Kind::Duration(Duration::from_millis(50), Duration::from_secs(3600)),
            "\"10s\"",
            "",
        ),
        with_default(
            "eject_after",
            SOME,
            "5",
            "An address that cannot be reached or gives no answer so often in a row is left out for a while.",
        ),
        with_default("eject_for", WAIT, "\"10s\"", ""),
        with_default(
            "retries",
            Kind::Count(0, 100),
            "1",
            "Another attempt when a connection fails before anything was sent (any method), or for safe methods\n\
             when the backend answered 502, 503 or 504.",
        ),
        without(
            "ca",
            Kind::Text,
            "\"/etc/authgate/tls/internal-ca.pem\"",
            "For https://: who may issue the backend's certificate (PEM), instead of the system's authorities.",
        ),
        without(
            "client_cert",
            Kind::Text,
            "\"/etc/authgate/tls/client.pem\"",
            "What the gateway shows to a backend that asks for it.",
        ),
        without("client_key", Kind::Text, "\"/etc/authgate/tls/client.key\"", ""),
        with_default("verify_tls", Kind::Flag, "true", "With false whoever answers is believed."),
        without(
            "identity",
            Kind::OneOrMore,
            "\"x-webauth\"",
            "Names of the identity headers for this backend, when they differ from [identity].",
        ),
    ],
    later: &[],
};

pub(super) const ROUTES: Section = Section {
    name: "routes",
    shape: Shape::List,
    words: "What is protected. The longest matching prefix wins, in whatever order they stand.\n\
            \"/api\" means /api and everything under /api/, and never /apiary; \"/api/\" means the same.\n\
            A path that no route covers is answered 404 by the gateway and reaches no backend.",
    header: "[[routes]]",
    settings: &[
        needed("prefix", Kind::Text, "\"/\"", ""),
        needed("upstream", Kind::Text, "\"http://127.0.0.1:3000\"", ""),
        without(
            "hosts",
            Kind::List,
            "[\"app.example.com\", \"*.example.org\"]",
            "Only for requests to one of these hosts.",
        ),
        with_default(
            "auth",
            Kind::Word(&["required", "optional", "none"]),
            "\"required\"",
            "\"required\" is the default: no valid token or session, no entry.\n\
             \"optional\" lets everyone in and adds identity headers for those who are signed in.\n\
             \"none\" never looks at tokens. All three strip identity headers that a client sends.",
        ),
        with_default(
            "mode",
            Kind::Word(&["enforce", "observe"]),
            "\"enforce\"",
            "\"observe\" forwards everything, writes down what \"enforce\" would have done, and compares it with the\n\
             backend's own answer: for putting the gateway in front of a backend that still checks for itself.",
        ),
        without("roles", Kind::List, "[\"admin\", \"staff\"]", "One of these roles is needed."),
        without("scopes", Kind::List, "[\"invoices:read\"]", "All of these scopes are needed."),
        without(
            "fresh_login",
            Kind::Duration(Duration::from_secs(1), Duration::from_secs(3650 * 86_400)),
            "\"10m\"",
            "The sign-in must be younger than this; older ones are asked for the password again.",
        ),
        with_default("mfa", Kind::Flag, "false", "A second factor is needed."),
        with_default(
            "on_denied",
            Kind::Word(&["auto", "login", "401"]),
            "\"auto\"",
            "Someone who is not signed in: \"auto\" shows a browser that opens a page the sign-in form\n\
             and gives everything else a 401; \"login\" and \"401\" force one of the two.",
        ),
        without("methods", Kind::List, "[\"GET\", \"HEAD\", \"POST\"]", "Other methods are answered 405."),
        with_default("strip_prefix", Kind::Flag, "false", "Take the prefix away before the backend sees the path."),
        with_default(
            "forward_token",
            Kind::Flag,
            "false",
            "Hand the client's own Authorization header on to the backend (the session cookie never is).",
        ),
        without("max_body", Kind::Size(0, 1 << 50), "\"10MiB\"", "Without it: max_body of [limits]."),
        without(
            "timeout",
            WAIT,
            "\"60s\"",
            "Until the head of the answer. Without it: response_timeout of the upstream.",
        ),
        without("networks", Kind::List, "[\"10.0.0.0/8\"]", "Networks that may use this route at all."),
        without("rate_per_ip", Kind::Rate, "\"100/s\"", "From one address; what is refused counts too."),
        without("rate_per_user", Kind::Rate, "\"50/s\"", "By one person, from wherever."),
        without(
            "set_request_headers",
            Kind::Hidden,
            "{ \"X-Tenant\" = \"acme\" }",
            "Set for the backend, whatever the client sent.",
        ),
        without("remove_response_headers", Kind::List, "[\"Server\"]", "Taken off the backend's answers."),
        with_default(
            "allow_in_path",
            Kind::List,
            "[]",
            "Spellings that are refused with 400 unless a backend needs them: \"semicolon\", \"encoded_slash\", \"empty_segment\".",
        ),
        without(
            "cors",
            Kind::Table(CORS),
            "{ origins = [\"https://spa.example.com\"], credentials = true }",
            "Pages of these origins may call this route and the gateway's own endpoints; with \"*\", which takes no\n\
             credentials, those of every site this route only. The gateway answers the browser's questions itself and says\n\
             who may read an answer, in place of the backend.",
        ),
    ],
    later: &["allow_if", "assertion"],
};

pub(super) const IDENTITY: Section = Section {
    name: "identity",
    shape: Shape::Once,
    words: "What a backend is told about the person. These names, all their spellings and every other\n\
            identity header this gateway knows are removed from what clients send, on every route.",
    header: "[identity]",
    settings: &[
        with_default(
            "headers",
            Kind::OneOrMore,
            "\"remote\"",
            "\"remote\": Remote-User, Remote-Email, Remote-Name, Remote-Groups, Remote-Sub\n\
             also \"x-forwarded\", \"x-auth-request\", \"x-webauth\", \"x-user\", \"none\", or a list of several",
        ),
        without(
            "names",
            Kind::Texts(IDENTITY_PARTS),
            "{ user = \"X-Account\", email = \"X-Mail\", groups = \"X-Roles\" }",
            "Or name them one by one: user, email, name, groups, sub, scopes, session.",
        ),
        with_default("group_separator", Kind::Text, "\",\"", ""),
    ],
    later: &[],
};

const CORS: &[Setting] = &[
    needed("origins", Kind::List, "[\"https://spa.example.com\"]", "Or \"*\", without credentials."),
    with_default("credentials", Kind::Flag, "false", "Pages of these origins may send and be given cookies."),
];
