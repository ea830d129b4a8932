//! The file a test starts its gateway with: the fixture, and what the test wants otherwise.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Gateway, Upstream};

/// A `gateway.toml` in parts. Listening addresses are filled in when the gateway starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Site {
    sections: BTreeMap<String, BTreeMap<String, String>>,
    routes: Vec<String>,
    env: Vec<(String, String)>,
    under: Vec<String>,
}

/// The shared secret of the sites that sign with HS256, so that a test can sign too. It protects nothing else.
pub(crate) const TEST_SECRET: &str = "0f6b9c52d1e84a7fb3c08d25e6917a4c-test-key";

impl Site {
    /// No routes; hashing is cheap and nobody is slowed down.
    pub(crate) fn new() -> Self {
        Self::default()
            .set("passwords", "argon2", "{ memory = \"8MiB\", iterations = 1, lanes = 1 }")
            .set("passwords", "parallel_hashes", "2")
            .set("limits", "login_per_ip", "\"100000/m\"")
            .set("limits", "login_per_account", "\"100000/m\"")
            .set("limits", "register_per_ip", "\"100000/m\"")
            .set("log", "level", "\"debug\"")
            .set("log", "format", "\"json\"")
    }

    /// `/pub` is open, `/app` is for any user, `/app/admin` needs the role admin; nothing else.
    pub(crate) fn fixture(upstream: &Upstream) -> Self {
        let url = upstream.url();
        Self::new()
            .set(
                "identity",
                "names",
                "{ sub = \"X-User-Id\", user = \"X-User-Name\", email = \"X-User-Email\", groups = \"X-User-Roles\" }",
            )
            .route(&format!("prefix = \"/pub\"\nupstream = \"{url}\"\nauth = \"none\""))
            .route(&format!("prefix = \"/app\"\nupstream = \"{url}\""))
            .route(&format!("prefix = \"/app/admin\"\nupstream = \"{url}\"\nroles = [\"admin\"]"))
    }

    /// The fixture with tokens that the test can sign itself.
    pub(crate) fn shared_secret(upstream: &Upstream) -> Self {
        Self::fixture(upstream)
            .set("tokens", "algorithm", "\"HS256\"")
            .set("keys", "secret", "\"${TEST_SECRET}\"")
            .env("TEST_SECRET", TEST_SECRET)
    }

    /// `value` as TOML writes it.
    pub(crate) fn set(mut self, section: &str, key: &str, value: &str) -> Self {
        self.sections.entry(section.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// The lines of one `[[routes]]` table.
    pub(crate) fn route(mut self, lines: &str) -> Self {
        self.routes.push(lines.to_owned());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The program that runs the gateway, such as one that sets bounds, with its arguments.
    pub(crate) fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|&word| word.to_owned()).collect();
        self
    }

    pub(crate) fn runner(&self) -> &[String] {
        &self.under
    }

    pub(crate) fn start(self) -> Gateway {
        Gateway::with(self)
    }

    /// Whether answers have the form of another stack.
    pub(crate) fn speaks_foreign(&self) -> bool {
        let format = self.sections.get("tokens").and_then(|tokens| tokens.get("format"));
        format.is_some_and(|format| format != "\"native\"")
    }

    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.env
    }

    /// "/auth", or "" for the root: what stands before an endpoint's name.
    pub(crate) fn auth_prefix(&self) -> String {
        let set = self.sections.get("server").and_then(|server| server.get("auth_prefix"));
        let bare = set.map_or("auth", |prefix| prefix.trim_matches(['"', '/']));
        if bare.is_empty() { String::new() } else { format!("/{bare}") }
    }

    pub(crate) fn public_url(&self) -> Option<String> {
        let url = self.sections.get("server")?.get("public_url")?;
        Some(url.trim_matches('"').to_owned())
    }

    /// Whether a bare HTTP/1.1 client is understood.
    pub(crate) fn is_plain(&self) -> bool {
        let server = self.sections.get("server");
        !self.sections.contains_key("tls") && !server.is_some_and(|server| server.contains_key("proxy_protocol"))
    }

    pub(crate) fn text(&self, port: u16, admin_port: u16) -> String {
        let site = self.clone().set("server", "listen", &format!("\"127.0.0.1:{port}\"")).set(
            "admin",
            "listen",
            &format!("\"127.0.0.1:{admin_port}\""),
        );
        let mut text = String::new();
        for (section, values) in &site.sections {
            writeln!(text, "[{section}]").unwrap();
            for (key, value) in values {
                writeln!(text, "{key} = {value}").unwrap();
            }
        }
        for route in &site.routes {
            writeln!(text, "[[routes]]\n{route}").unwrap();
        }
        text
    }
}
