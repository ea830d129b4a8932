//! The one table of all settings. Which keys are known, `gateway.toml.example`, the JSON schema and
//! `authgate help config` come from it.
use std::time::Duration;

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// What stands above the header in the example file.
    pub(super) words: &'static str,
    /// The header as the example file shows it.
    pub(super) header: &'static str,
    pub(super) settings: &'static [Setting],
    /// Keys that a later version will know.
    pub(super) later: &'static [&'static str],
}

/// How often a section's keys stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[server]`
    Once,
    /// `[upstreams.NAME]`
    Named,
    /// `[[routes]]`
    List,
}

/// One key.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    pub(super) unset: Unset,
    /// As TOML: the default, or an example where there is none.
    pub(super) shown: &'static str,
    pub(super) words: &'static str,
}

/// What holds when the key is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    /// The value shown.
    Default,
    /// Nothing, or what the words say; the value shown is an example.
    Nothing,
    /// It must be there.
    Refused,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// A text that is never shown.
    Secret,
    /// One of these.
    Word(&'static [&'static str]),
    Flag,
    Count(u64, u64),
    Duration(Duration, Duration),
    /// In bytes.
    Size(u64, u64),
    Rate,
    List,
    OneOrMore,
    /// An inline table with these keys.
    Table(&'static [Setting]),
    /// An inline table of lists, with names that are the operator's.
    Lists,
    /// An inline table of texts with these keys; none: with names that are the operator's.
    Texts(&'static [&'static str]),
}

impl Kind {
    /// A value that fits into an environment variable.
    pub(super) fn is_single(&self) -> bool {
        !matches!(self, Self::List | Self::Table(_) | Self::Lists | Self::Texts(_))
    }

    /// As a sentence names it: "must be ...".
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Text | Self::Secret | Self::Word(_) => "a text in quotes",
            Self::Flag => "true or false",
            Self::Count(..) => "a whole number",
            Self::Duration(..) => "a duration such as \"30s\"",
            Self::Size(..) => "a size such as \"10MiB\"",
            Self::Rate => "a rate such as \"20/m\"",
            Self::List => "a list of texts",
            Self::OneOrMore => "a text or a list of texts",
            Self::Table(_) | Self::Lists | Self::Texts(_) => "a table in braces",
        }
    }
}

impl Section {
    pub(super) fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.key == key)
    }

    /// As it is written above its keys: `[server]`, `[[routes]]`, `[upstreams.NAME]`.
    pub(super) fn title(&self) -> String {
        match self.shape {
            Shape::Once => format!("[{}]", self.name),
            Shape::Named => format!("[{}.NAME]", self.name),
            Shape::List => format!("[[{}]]", self.name),
        }
    }
}

pub(super) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

const fn with_default(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Default, shown, words }
}

const fn without(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Nothing, shown, words }
}

const fn needed(key: &'static str, kind: Kind, shown: &'static str, words: &'static str) -> Setting {
    Setting { key, kind, unset: Unset::Refused, shown, words }
}

/// Sections that a later version will know.
pub(super) const LATER_SECTIONS: &[&str] = &["providers", "issuers"];

/// Names that other gateways use, and ours: (section, theirs, ours).
pub(super) const SYNONYMS: &[(&str, &str, &str)] = &[
    ("server", "port", "listen"),
    ("server", "bind", "listen"),
    ("server", "address", "listen"),
    ("server", "app_url", "public_url"),
    ("server", "root_url", "public_url"),
    ("server", "site_url", "public_url"),
    ("upstreams", "url", "urls"),
    ("routes", "path", "prefix"),
    ("routes", "match", "prefix"),
    ("routes", "to", "upstream"),
    ("routes", "url", "upstream"),
    ("routes", "target", "upstream"),
    ("routes", "backend", "upstream"),
    ("routes", "proxy_pass", "upstream"),
    ("routes", "policy", "auth"),
    ("routes", "protected", "auth"),
    ("routes", "public", "auth"),
    ("routes", "groups", "roles"),
    ("tokens", "lifetime", "access_ttl"),
    ("tokens", "expires_in", "access_ttl"),
    ("store", "path", "url"),
    ("store", "database", "url"),
];

/// Half an hour is long for a request; a day is a mistake.
const WAIT: Kind = Kind::Duration(Duration::from_millis(1), Duration::from_secs(86_400));
const LIFE: Kind = Kind::Duration(Duration::from_secs(1), Duration::from_secs(3650 * 86_400));
const SOME: Kind = Kind::Count(1, 1_000_000);
pub(super) const ALGORITHMS: &[&str] = &["ES256", "EdDSA", "RS256", "PS256", "HS256"];
pub(super) const IDENTITY_PARTS: &[&str] = &["user", "email", "name", "groups", "sub", "scopes", "session"];

/// Argon2id (RFC 9106): less than the least is no protection, more than the most is a slip of the pen.
const MIGRATE_FROM: &[Setting] = &[
    needed("url", Kind::Text, "\"http://127.0.0.1:5000/login\"", "Gets a POST with a JSON object of the two fields."),
    with_default("username_field", Kind::Text, "\"username\"", ""),
    with_default("password_field", Kind::Text, "\"password\"", ""),
];

const CORS: &[Setting] = &[
    needed("origins", Kind::List, "[\"https://spa.example.com\"]", "Or \"*\", without credentials."),
    with_default("credentials", Kind::Flag, "false", "Pages of these origins may send and be given cookies."),
];

const ARGON2: &[Setting] = &[
    with_default("memory", Kind::Size(8 << 20, 4 << 30), "\"19MiB\"", "For each hash."),
    with_default("iterations", Kind::Count(1, 64), "2", "Passes over the memory."),
    with_default("lanes", Kind::Count(1, 16), "1", ""),
];

/// In the order of the example file. In `words` a line that begins with a newline leaves an empty line above it.
pub(super) const SECTIONS: &[Section] = &[
    Section {
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
                 are believed from these addresses and thrown away from everyone else.",
            ),
            with_default(
                "proxy_protocol",
                Kind::Flag,
                "false",
                "Connections from these addresses begin with the PROXY protocol, version 1 or 2, and say who the client is;\n\
                 one that does not is closed.",
            ),
            with_default(
                "workers",
                Kind::Count(0, 1024),
                "0",
                "\nThreads that serve requests; 0 takes one for each core.",
            ),
            with_default(
                "shutdown_grace",
                Kind::Duration(Duration::ZERO, Duration::from_secs(86_400)),
                "\"30s\"",
                "Requests under way have so long to end when the gateway stops.",
            ),
        ],
        later: &[],
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
                Kind::Texts(&[]),
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
                "Pages of these origins may call this route and the gateway's own endpoints. The gateway answers the browser's\n\
                 questions itself and says who may read an answer, in place of the backend.",
            ),
        ],
        later: &["allow_if", "assertion"],
    },
    Section {
        name: "accounts",
        shape: Shape::Once,
        words: "",
        header: "[accounts]",
        settings: &[
            with_default(
                "identifier",
                Kind::Word(&["username", "email", "either"]),
                "\"username\"",
                "What people sign in with: \"username\", \"email\" or \"either\".",
            ),
            with_default(
                "registration",
                Kind::Word(&["open", "invite", "closed"]),
                "\"open\"",
                "Who may make an account: \"open\" everyone, \"invite\" people with a link, \"closed\" nobody.",
            ),
            with_default(
                "allowed_domains",
                Kind::List,
                "[]",
                "Whoever makes an account needs an e-mail address at one of these. Empty: any, or none.",
            ),
            with_default(
                "verify_email",
                Kind::Flag,
                "false",
                "Send a link first and let nobody in before it was followed (needs [mail]).",
            ),
            with_default("default_roles", Kind::List, "[\"user\"]", "What everyone who makes an account is given."),
            without(
                "role_scopes",
                Kind::Lists,
                "{ admin = [\"users:read\", \"users:write\"] }",
                "Lists that a role name stands for: who has the role has these scopes.",
            ),
            without(
                "migrate_from",
                Kind::Table(MIGRATE_FROM),
                "{ url = \"http://127.0.0.1:5000/login\", username_field = \"username\", password_field = \"password\" }",
                "Unknown here? Ask the old login once, and keep the person on success.",
            ),
        ],
        later: &[],
    },
    Section {
        name: "passwords",
        shape: Shape::Once,
        words: "",
        header: "[passwords]",
        settings: &[
            with_default("min_length", Kind::Count(1, 256), "8", "In characters."),
            with_default("max_length", Kind::Count(8, 4096), "256", "In bytes; nothing longer is hashed."),
            with_default("block_common", Kind::Flag, "true", "Refuse the 100,000 most used passwords."),
            with_default(
                "argon2",
                Kind::Table(ARGON2),
                "{ memory = \"19MiB\", iterations = 2, lanes = 1 }",
                "Argon2id. `authgate passwords tune` finds numbers for this machine.",
            ),
            with_default(
                "parallel_hashes",
                Kind::Count(0, 1024),
                "0",
                "So many hashes at once; the memory needed is this times the memory above. 0 takes one for each core.",
            ),
            with_default(
                "hash_queue",
                Kind::Count(0, 1_000_000),
                "256",
                "So many more may wait; beyond that the answer is 503.",
            ),
        ],
        later: &[],
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
            without(
                "logo",
                Kind::Text,
                "\"/etc/authgate/logo.svg\"",
                "Stands on every page in place of the site's name.",
            ),
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
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
    },
    Section {
        name: "mail",
        shape: Shape::Once,
        words: "",
        header: "[mail]",
        settings: &[
            without(
                "url",
                Kind::Text,
                "\"smtps://authgate@mail.example.com:465\"",
                "Without a server, mails are written to the log: good for trying things out.\n\
                 smtps:// is TLS from the start; smtp:// is STARTTLS, and in the clear only to this machine or with ?tls=none.",
            ),
            without("password", Kind::Secret, "\"${SMTP_PASSWORD}\"", ""),
            without(
                "from",
                Kind::Text,
                "\"Example <no-reply@example.com>\"",
                "Without it: no-reply at the host of public_url.",
            ),
        ],
        later: &[],
    },
    Section {
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
    },
    Section {
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
    },
    Section {
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
    },
];

/// Words that a later version will take as a value: (section, key, word).
pub(super) const LATER_WORDS: &[(&str, &str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for section in SECTIONS {
            assert!(!LATER_SECTIONS.contains(&section.name));
            for setting in section.settings {
                assert!(seen.insert((section.name, setting.key)), "{}.{}", section.name, setting.key);
                assert!(!section.later.contains(&setting.key));
            }
        }
    }

    #[test]
    fn a_synonym_names_a_setting_and_is_none() {
        for (name, theirs, ours) in SYNONYMS {
            let section = section(name).unwrap();
            assert!(section.setting(ours).is_some(), "{ours}");
            assert!(section.setting(theirs).is_none(), "{theirs}");
        }
    }
}
