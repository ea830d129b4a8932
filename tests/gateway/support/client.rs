//! A small HTTP/1.1 client that checks every answer the gateway makes itself.
use serde_json::{Value, json};

use super::{Answer, Gateway, Raw};

/// One request, sent on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    gateway: &'a Gateway,
    port: u16,
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(gateway: &'a Gateway, port: u16, method: &str, target: &str) -> Self {
        Self { gateway, port, method: method.to_owned(), target: target.to_owned(), fields: Vec::new(), body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, kind: &str, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self.header("Content-Type", kind)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Names and values that need no escaping, or are escaped already.
    pub(crate) fn form(self, body: &str) -> Self {
        self.body("application/x-www-form-urlencoded", body)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The bytes as they are sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: 127.0.0.1:{}\r\n", self.port));
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    #[track_caller]
    pub(crate) fn send(self) -> Answer {
        let mut raw = Raw::open(self.port);
        self.send_on(&mut raw)
    }

    /// Sends on a connection that is kept.
    #[track_caller]
    pub(crate) fn send_on(self, raw: &mut Raw) -> Answer {
        raw.send(self.bytes());
        let answer = raw.answer_to(&self.method);
        let answer = answer
            .unwrap_or_else(|| panic!("no answer to {} {}\n{}", self.method, self.target, self.gateway.log_text()));
        // In another stack's words they are held against that stack.
        if self.port == self.gateway.port && answer.is_own() && !self.gateway.site().speaks_foreign() {
            check_own(&answer, &self.method, &self.target, &self.gateway.auth_prefix());
        }
        answer
    }
}

/// Somebody with an account, signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) password: String,
    pub(crate) id: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Gateway {
    /// Registers and is signed in by that.
    #[track_caller]
    pub(crate) fn register(&self, name: &str) -> Person {
        let password = password_of(name);
        let target = format!("{}/register", self.auth_prefix());
        let answer = self.post(&target).json(&json!({ "username": name, "password": password })).send().expect(201);
        self.person(name, &answer)
    }

    /// Signs in somebody that `register` or `add_admin` made.
    #[track_caller]
    pub(crate) fn sign_in(&self, name: &str) -> Person {
        let answer = self.log_in(name, &password_of(name)).expect(200);
        self.person(name, &answer)
    }

    #[track_caller]
    pub(crate) fn log_in(&self, name: &str, password: &str) -> Answer {
        let target = format!("{}/login", self.auth_prefix());
        self.post(&target).json(&json!({ "username": name, "password": password })).send()
    }

    /// Somebody with the role admin: made by the operator, as the first one always is.
    #[track_caller]
    pub(crate) fn add_admin(&self, name: &str) -> Person {
        let args = ["user", "add", name, "--role", "admin", "--password-stdin"];
        super::authgate_with_input(self.folder(), self.site().variables(), &args, &password_of(name)).expect(0);
        self.sign_in(name)
    }

    #[track_caller]
    pub(crate) fn refresh(&self, token: &str) -> Answer {
        self.post(&format!("{}/refresh", self.auth_prefix())).json(&json!({ "refresh_token": token })).send()
    }

    #[track_caller]
    pub(crate) fn log_out(&self, access: &str) -> Answer {
        self.post(&format!("{}/logout", self.auth_prefix())).bearer(access).send()
    }

    /// Reads a token answer and keeps what is secret in it.
    #[track_caller]
    pub(crate) fn person(&self, name: &str, answer: &Answer) -> Person {
        let body = answer.json();
        let text = |pointer: &str| {
            body.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {body}")).to_owned()
        };
        let person = Person {
            password: password_of(name),
            id: text("/user/id"),
            access: text("/access_token"),
            refresh: text("/refresh_token"),
        };
        for secret in [&person.password, &person.access, &person.refresh] {
            self.keep_secret(secret);
        }
        person
    }
}

/// Long, never the name itself, and found by a search of the log.
pub(crate) fn password_of(name: &str) -> String {
    let reversed: String = name.chars().rev().collect();
    format!("{reversed}-Kiefer-7-Wolke")
}

/// What holds for every answer the gateway makes itself.
#[track_caller]
pub(crate) fn check_own(answer: &Answer, method: &str, target: &str, auth_prefix: &str) {
    let about = format!("{method} {target}: {} {}", answer.head.first, answer.text());
    for (name, value) in &answer.head.fields {
        // Proxies that ask are told who it is.
        let tells = answer.status == 200
            && target.contains("/verify")
            && IDENTITY_FIELDS.iter().any(|start| name.to_ascii_lowercase().starts_with(start));
        let usual = OWN_FIELDS.contains(&name.to_ascii_lowercase().as_str());
        assert!(usual || tells, "{name}: {value} in {about}");
    }
    if answer.status == 401 {
        assert!(answer.field("www-authenticate").is_some_and(|ask| ask.starts_with("Bearer ")), "{about}");
    }
    if answer.status == 405 {
        assert!(answer.field("allow").is_some(), "{about}");
    }
    if answer.status == 429 || answer.status == 503 && !target.contains("/readyz") && is_for_a_while(answer) {
        let wait = answer.field("retry-after").and_then(|wait| wait.parse::<u32>().ok());
        assert!(wait.is_some_and(|wait| wait > 0), "{about}");
    }
    if let Some(place) = answer.field("location") {
        assert!(place.starts_with('/') && !place.starts_with("//"), "{about}");
    }
    let refused_by_the_parser =
        answer.status >= 400 && answer.body.is_empty() && answer.field("x-request-id").is_none();
    if refused_by_the_parser {
        return;
    }
    let path = target.split('?').next().unwrap_or_default();
    let is_document = matches!(answer.status, 200 | 304) && path.ends_with("/openapi.json");
    let is_key_set = answer.status == 200 && target.starts_with("/.well-known/") || is_document;
    let is_asset = answer.status == 200 && target.starts_with(&format!("{auth_prefix}/authgate/"));
    let cached = match (is_key_set, is_asset) {
        (true, _) => "public, max-age=300",
        (_, true) => "public, max-age=31536000, immutable",
        (false, false) => "no-store",
    };
    assert_eq!(answer.field("cache-control"), Some(cached), "{about}");
    if answer.field("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        return check_page(answer, &about);
    }
    if answer.status >= 400 && method != "HEAD" {
        check_refusal(answer, target, auth_prefix, &about);
    }
}

/// What holds for every page of our own.
#[track_caller]
fn check_page(answer: &Answer, about: &str) {
    let policy = answer.field("content-security-policy").unwrap_or_default();
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"] {
        assert!(policy.contains(part), "{about}");
    }
    assert!(!policy.contains("unsafe"), "{about}");
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{about}");
    assert_eq!(answer.field("referrer-policy"), Some("same-origin"), "{about}");
    assert_eq!(answer.field("cache-control"), Some("no-store"), "{about}");
    assert!(!answer.text().contains("<script>") && !answer.text().contains("style="), "{about}");
}

/// A 503 of our own that passes by itself; when a backend has no room, nobody knows for how long.
fn is_for_a_while(answer: &Answer) -> bool {
    let body = answer.text();
    body.contains("\"busy\"") || body.contains("\"unavailable\"")
}

#[track_caller]
fn check_refusal(answer: &Answer, target: &str, auth_prefix: &str, about: &str) {
    if target.ends_with("/readyz") {
        return;
    }
    let body = answer.json();
    if is_oauth(target, auth_prefix) && answer.field("content-type") == Some("application/json") {
        let names: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["error", "error_description"], "{about}");
        return;
    }
    assert_eq!(answer.field("content-type"), Some("application/problem+json"), "{about}");
    let code = body["error"].as_str().unwrap_or_default();
    assert!(!code.is_empty(), "{about}");
    assert_eq!(body["status"], answer.status, "{about}");
    assert_eq!(body["type"], format!("{auth_prefix}/errors#{code}"), "{about}");
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{about}");
    assert_eq!(body["request_id"].as_str(), answer.field("x-request-id"), "{about}");
    assert!(answer.field("x-request-id").is_some(), "{about}");
}

fn is_oauth(target: &str, auth_prefix: &str) -> bool {
    let path = target.split('?').next().and_then(|path| path.strip_prefix(auth_prefix));
    path.is_some_and(|path| ["/token", "/introspect", "/revoke"].contains(&path))
}

/// How the identity fields of the fixture and of the default begin.
const IDENTITY_FIELDS: &[&str] = &["x-user-", "remote-"];

/// The only field names our own answers may have.
const OWN_FIELDS: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "etag",
    "location",
    "pragma",
    "referrer-policy",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-request-id",
];
