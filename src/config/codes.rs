//! What can be wrong with a file: a stable code for each, and a paragraph that explains it.

/// A stable code: E0xx syntax, E1xx keys and values, E2xx routes, E3xx security, W warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Code {
    E001,
    E002,
    E101,
    E102,
    E103,
    E104,
    E105,
    E106,
    E110,
    E111,
    E120,
    E121,
    E122,
    E130,
    E201,
    E202,
    E203,
    E204,
    E205,
    E206,
    E207,
    E208,
    E209,
    E301,
    E302,
    E303,
    E304,
    E305,
    E310,
    E320,
    W201,
    W301,
    W302,
    W303,
    W304,
    W305,
    W310,
    W311,
    W312,
    W313,
    W314,
    W306,
    W307,
    W308,
    W309,
    W320,
}

impl Code {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }

    /// A warning lets the gateway start.
    pub(crate) fn is_warning(self) -> bool {
        self >= Self::W201
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        ALL.iter().map(|(code, _, _)| *code).find(|code| code.name().eq_ignore_ascii_case(name))
    }

    /// One line.
    pub(crate) fn title(self) -> &'static str {
        self.row().map_or("", |(_, title, _)| title)
    }

    /// A paragraph: what it means and what to do.
    pub(crate) fn words(self) -> &'static str {
        self.row().map_or("", |(_, _, words)| words)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|(code, _, _)| *code)
    }

    fn row(self) -> Option<&'static (Self, &'static str, &'static str)> {
        ALL.iter().find(|(code, _, _)| *code == self)
    }
}

const ALL: &[(Code, &str, &str)] = &[
    (
        Code::E001,
        "the file is not TOML",
        "A quote, a bracket or a value is missing or superfluous. All slips in the syntax are told at once; what the\n\
         values mean is looked at when the syntax is right. https://toml.io shows the whole language on one page.",
    ),
    (
        Code::E002,
        "the file is not text",
        "The file must be UTF-8 and at most 1 MiB long. An editor that saved it as UTF-16 or Latin-1 can save it again\n\
         as UTF-8.",
    ),
    (
        Code::E101,
        "a value of another kind is expected",
        "A text stands in quotes, a list in square brackets, a whole number and true or false stand alone. A section\n\
         that may come several times is written [[routes]], one that comes once [server].",
    ),
    (
        Code::E102,
        "a value is not understood",
        "The kind is right but the content is not: a word that is none of those the setting knows, an address without\n\
         a port, a URL with a path where only a host may stand. `authgate help config KEY` shows what fits.",
    ),
    (
        Code::E103,
        "unknown key or section",
        "A misspelt security setting that is silently ignored is a hole, so every name must be known. In TOML a key\n\
         belongs to the last header above it: a key that stands too low in the file lands in another section.\n\
         Names that only a later version knows are refused as well: what does nothing must not look as if it did.",
    ),
    (
        Code::E104,
        "a needed key is missing",
        "Each [[routes]] needs `prefix` and `upstream`, each table in [upstreams] needs `urls`.",
    ),
    (
        Code::E105,
        "a number is out of range",
        "The message names both ends of the range. Argon2 takes 8 MiB to 4 GiB of memory, 1 to 64 iterations and 1 to\n\
         16 lanes: less protects nobody, more is a slip that would stop the machine.",
    ),
    (
        Code::E106,
        "the same thing is said twice",
        "Two listeners cannot have one address, and a list need not name anything twice.",
    ),
    (
        Code::E110,
        "a unit is missing",
        "Durations are written \"900ms\", \"30s\", \"15m\", \"12h\" or \"30d\", sizes \"512B\", \"64KiB\", \"10MiB\" or\n\
         \"1GiB\", rates \"100/s\", \"20/m\", \"10/h\" or \"50/d\". A bare number would be read as seconds by some and as\n\
         minutes by others.",
    ),
    (
        Code::E111,
        "a unit is unknown",
        "Durations know ms, s, m, h and d; sizes know B, KiB, MiB and GiB (powers of 1024); rates know /s, /m, /h and\n\
         /d. The number before it is whole.",
    ),
    (
        Code::E120,
        "an environment variable is not set",
        "${NAME} takes the value of an environment variable. One that is not set, or set to nothing, is an error and\n\
         never an empty text: an empty secret would be worse than none. ${NAME:-x} stands for x when it is not set.",
    ),
    (
        Code::E121,
        "a reference is not understood",
        "References are ${NAME}, ${NAME:-fallback} and ${file:/path}; a name has letters, digits and underscores.\n\
         A dollar sign that is meant as such is written $$ before a brace.",
    ),
    (
        Code::E122,
        "a referenced file cannot be used",
        "${file:/path} takes what a file holds, without one newline at its end. The file must be there, readable for\n\
         the gateway's user, UTF-8, at most 64 KiB long and not empty.",
    ),
    (
        Code::E130,
        "an environment variable sets no setting",
        "Variables that begin with AUTHGATE__ set single values: [server] listen is AUTHGATE__SERVER__LISTEN. One that\n\
         stands for nothing is an error like an unknown key. Lists, tables and [[routes]] are set in the file.",
    ),
    (
        Code::E201,
        "a route's upstream is unknown",
        "`upstream` is a URL (http://127.0.0.1:3000, unix:/run/app.sock) or a name declared in [upstreams]. They are\n\
         told apart by `://`.",
    ),
    (
        Code::E202,
        "two routes have the same prefix",
        "The longest prefix wins and order does not matter, so of two equal prefixes one would never match. /x and /x/\n\
         are the same prefix. Two routes may share a prefix when their `hosts` differ.",
    ),
    (
        Code::E203,
        "a prefix is not a plain path",
        "A prefix begins with a slash and is written as the path is matched: no `..`, `//`, `%`, `?`, `#`, `;`, `\\`,\n\
         `*` and nothing beyond ASCII. It covers whole segments: /api is /api and everything under /api/.",
    ),
    (
        Code::E204,
        "there is no route",
        "Without [[routes]] every request would be answered 404. The least that works is one route with prefix \"/\".",
    ),
    (
        Code::E205,
        "an upstream's URL is not usable",
        "An upstream is http://HOST, http://HOST:PORT or unix:/path.sock, without a path, a query or a password:\n\
         requests keep their own path. https:// is TLS, in which the backend chooses HTTP/2 or HTTP/1.1; h2c:// is\n\
         HTTP/2 in the clear, for gRPC. All URLs of one upstream speak the same.",
    ),
    (
        Code::E206,
        "a host is not usable",
        "`hosts` holds names such as app.example.com, *.example.org for everything below a domain, or an address;\n\
         no scheme, no port and no path.",
    ),
    (
        Code::E207,
        "a route contradicts itself",
        "Roles and scopes can only be asked of somebody who is signed in, so they need auth = \"required\". And nobody can be\n\
         led to a sign-in form where [pages] is off or [tokens] locations names no cookie.",
    ),
    (
        Code::E208,
        "a header cannot be set or removed",
        "`set_request_headers` and `remove_response_headers` change any header but those that frame a message\n\
         (Content-Length, Connection, Host and their like) and those that the gateway makes (X-Forwarded-*,\n\
         X-Request-Id). A value is one line. Identity headers are set after these, so they cannot be forged here.",
    ),
    (
        Code::E209,
        "every site is let in with credentials",
        "`cors` with the origin \"*\" lets pages of any site read answers. Together with `credentials = true` any page that\n\
         somebody opens could do whatever that person may. Name the origins, or leave `credentials` out.",
    ),
    (
        Code::E301,
        "the signing secret can be guessed",
        "Whoever knows the secret of HS256 can make tokens for anybody. It must be at least 32 bytes long, not blank,\n\
         not a few characters again and again, not a value out of a tutorial, and not a PEM file: a public key is public.\n\
         `openssl rand -base64 48` makes a good one.",
    ),
    (
        Code::E302,
        "a name cannot be an identity header",
        "Identity headers are made of letters, digits and hyphens. Names with a meaning of their own in HTTP or that\n\
         the gateway makes itself, such as Host, Cookie or X-Forwarded-For, are taken.",
    ),
    (
        Code::E303,
        "two identity headers have one spelling",
        "Many backends read letters of either case, hyphens and underscores as the same. Two headers that differ only\n\
         in that would hide each other.",
    ),
    (
        Code::E304,
        "a prefix of the gateway is not usable",
        "auth_prefix is a plain path such as /auth, or / for the root.",
    ),
    (
        Code::E305,
        "a certificate or its key cannot be used",
        "[tls] cert is a PEM file with the certificate first and the chain that leads to its authority after it; key is a\n\
         PEM file with the private key of that certificate, not encrypted. Both must be readable for the gateway's user.\n\
         Several certificates stand in a list, and their keys in another in the same order.",
    ),
    (
        Code::E310,
        "a key file cannot be used",
        "`files` of [keys] names PEM files with one key each: PKCS#8 (BEGIN PRIVATE KEY), SEC1 (BEGIN EC PRIVATE KEY) or\n\
         PKCS#1 (BEGIN RSA PRIVATE KEY), on P-256, Ed25519 or with RSA of 2048 to 8192 bits, without a passphrase. The\n\
         first one signs, so it must be private and fit `algorithm` of [tokens]; the others may be public keys.",
    ),
    (
        Code::E320,
        "the session cookie could not work",
        "Browsers refuse a cookie whose `domain` is not one that the site lies in, and SameSite=None without HTTPS. Sign-in\n\
         would then lead back to the sign-in page for ever.",
    ),
    (
        Code::W201,
        "a route lies under the gateway's own prefix",
        "Paths under auth_prefix are answered by the gateway and reach no backend. Choose another auth_prefix, such as\n\
         \"/_gateway\", when the backend needs these paths.",
    ),
    (
        Code::W301,
        "passwords would travel unencrypted",
        "The gateway listens in plain HTTP on an address that other machines reach, and no proxy is named that does\n\
         TLS. Add a [tls] section, listen on 127.0.0.1, or put a proxy in front and name it in trusted_proxies.",
    ),
    (
        Code::W302,
        "everybody is believed",
        "With 0.0.0.0/0 or ::/0 in trusted_proxies any client can say which address and scheme it comes from, and so\n\
         pass limits that count by address. Name the proxies.",
    ),
    (
        Code::W303,
        "a secret stands in the file",
        "A file is copied, backed up and committed. Write ${NAME} or ${file:/run/secrets/name} instead.",
    ),
    (
        Code::W304,
        "a secret is not used",
        "[keys] secret belongs to algorithm = \"HS256\" in [tokens]. Other algorithms use a pair of keys that the\n\
         gateway makes itself.",
    ),
    (
        Code::W305,
        "the admin address is open to everybody",
        "With 0.0.0.0/0 or ::/0 in [admin] allow, whoever reaches the address sees the metrics and the health of the\n\
         gateway. Name the networks that need it.",
    ),
    (
        Code::W310,
        "others may read a private key",
        "Whoever reads the key can make tokens for anybody. `chmod 600 FILE`, and give the file to the user that the\n\
         gateway runs as. Where a secret is mounted with such a mode and nobody else has an account, this is only noise.",
    ),
    (
        Code::W311,
        "nobody's address is known behind a unix socket",
        "Who comes by a unix socket has no address. Limits by address count everybody together, `networks` of a route lets\n\
         nobody in, and X-Forwarded-* are thrown away. With \"unix:\" in trusted_proxies whoever may open the socket (mode\n\
         0660: the user and the group of the gateway) is believed what it says of its clients: let only the proxy be in\n\
         that group, and have it set X-Forwarded-For and X-Forwarded-Proto.",
    ),
    (
        Code::W312,
        "a stranger could take the name of somebody who has not moved yet",
        "With migrate_from people come by the name they have at the old login, which is asked about names that nobody has\n\
         here. With registration = \"open\", the default, anybody could make an account of such a name first, and its owner\n\
         would never come in. Set registration to \"invite\" or \"closed\" until everybody has moved.",
    ),
    (
        Code::W313,
        "a setting does nothing here",
        "password and max_connections of [store] are for a database server: a SQLite file is opened without a password, and by\n\
         this node alone. min_version of [tls] needs cert and key. rate_per_user needs a route that asks who somebody is.",
    ),
    (
        Code::W314,
        "a secret looks made up",
        "It is long enough and no known sample value, but made of words or rows of digits that a guesser tries first. Whoever\n\
         has one token can try secrets on it at home, as many as they like. `openssl rand -base64 48` makes a good one.",
    ),
    (
        Code::W306,
        "everyone who makes an account is an administrator",
        "With registration = \"open\" the roles in default_roles are given to anybody who asks. Take `admin` out, or close\n\
         the registration.",
    ),
    (
        Code::W307,
        "a certificate has expired, or will within a week",
        "Clients refuse a certificate that has expired. Whatever renews it should have done so a month before; the gateway\n\
         takes a new file up by itself. The metric authgate_tls_certificate_expiry_timestamp_seconds tells in time.",
    ),
    (
        Code::W308,
        "a backend's certificate is not checked",
        "With verify_tls = false anybody between the gateway and the backend can pose as the backend. A certificate of your\n\
         own authority, or one that signed itself, is named with `ca` in a PEM file; then no other is believed.",
    ),
    (
        Code::W309,
        "people need two names",
        "Tokens name people by what they do not sign in with. Whoever registers is asked for both; who is here already and\n\
         has only one is refused at sign-in until `authgate user edit` gives the other, and an old login (migrate_from)\n\
         knows only one, so nobody is taken from it. Let subject in [tokens] and identifier in [accounts] name the same.",
    ),
    (
        Code::W320,
        "the session cookie is shared with sub-domains",
        "With `domain` the browser sends the cookie to every host below it and lets each of them set it. Without it, the name\n\
         begins with __Host-, and browsers hold it to this one host.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_and_found_by_its_name() {
        for (code, title, words) in ALL {
            assert_eq!(Code::parse(&code.name()), Some(*code));
            assert!(!title.is_empty() && words.ends_with('.'));
            assert_eq!(code.is_warning(), code.name().starts_with('W'));
        }
        assert_eq!(Code::parse("e202"), Some(Code::E202));
        assert_eq!(ALL.len(), Code::W320 as usize + 1);
    }
}
