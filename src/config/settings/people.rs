//! Who has an account, what they sign in with, and the letters they get.
use super::{Kind, Section, Setting, Shape, needed, with_default, without};

pub(super) const ACCOUNTS: Section = Section {
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
};

pub(super) const PASSWORDS: Section = Section {
    name: "passwords",
    shape: Shape::Once,
    words: "",
    header: "[passwords]",
    settings: &[
        with_default("min_length", Kind::Count(1, 256), "8", "In characters."),
        with_default("max_length", Kind::Count(8, 4096), "256", "In bytes; nothing longer is hashed."),
        with_default(
            "block_common",
            Kind::Flag,
            "true",
            "Refuse the most used passwords and ones that contain the person's own name.",
        ),
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
};

pub(super) const MAIL: Section = Section {
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
};

const MIGRATE_FROM: &[Setting] = &[
    needed("url", Kind::Text, "\"http://127.0.0.1:5000/login\"", "Gets a POST with a JSON object of the two fields."),
    with_default("username_field", Kind::Text, "\"username\"", ""),
    with_default("password_field", Kind::Text, "\"password\"", ""),
];

/// Argon2id (RFC 9106): less than the least is no protection, more than the most is a slip of the pen.
const ARGON2: &[Setting] = &[
    with_default("memory", Kind::Size(8 << 20, 4 << 30), "\"19MiB\"", "For each hash."),
    with_default("iterations", Kind::Count(1, 64), "2", "Passes over the memory."),
    with_default("lanes", Kind::Count(1, 16), "1", ""),
];
