//! Every endpoint and every kind of route, asked with nothing, a bad token, a dead one and one of the wrong role.
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Answer, Gateway, Mint, Person, Site, Upstream};

/// What a caller shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Nothing,
    /// Not a token of ours.
    Bad,
    /// Ours, and its time is over.
    Expired,
    /// Ours, of a session that has ended.
    Ended,
    /// A user's, good.
    User,
    /// An administrator's, good.
    Admin,
}

const SHOWN: [Shows; 6] = [Shows::Nothing, Shows::Bad, Shows::Expired, Shows::Ended, Shows::User, Shows::Admin];

/// What a door says: a status, and the code of a refusal ("" where it lets in).
type Says = (u16, &'static str);

/// One door: the variant of `Endpoint` it is ("" for a route), how it is asked, and what it says to each of `SHOWN`.
struct Door {
    endpoint: &'static str,
    method: &'static str,
    path: &'static str,
    body: Option<&'static str>,
    says: [Says; 6],
}

const OPEN: [Says; 6] = [(200, ""); 6];
const LEADS_ON: [Says; 6] = [(303, ""); 6];
const SIGNED_OUT: [Says; 6] = [(204, ""); 6];
const NEEDS_SOMEBODY: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (200, ""),
    (200, ""),
];
const SIGNED_OUT_EVERYWHERE: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (204, ""),
    (204, ""),
];
const NO_SUCH_SESSION: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (404, "no_route"),
    (404, "no_route"),
];
const NEEDS_ADMIN: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (403, "missing_role"),
    (200, ""),
];
const NEEDS_SCOPE: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (403, "missing_scope"),
    (200, ""),
];
/// A credential that is over counts as none, expired or signed out; a malformed one is refused.
const ASKS_ANYONE: [Says; 6] = [(200, ""), (401, "token_invalid"), (200, ""), (200, ""), (200, ""), (200, "")];
const NOWHERE: [Says; 6] = [(404, "no_route"); 6];
const WRONG_PASSWORD: [Says; 6] = [(401, "invalid_credentials"); 6];
const WRONG_CURRENT: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (401, "invalid_credentials"),
    (401, "invalid_credentials"),
];
/// In the words of RFC 6749 and RFC 6750.
const NEEDS_A_MACHINE: [Says; 6] = [
    (401, "invalid_client"),
    (401, "invalid_token"),
    (401, "invalid_token"),
    (401, "invalid_token"),
    (401, "insufficient_scope"),
    (401, "insufficient_scope"),
];
const SHOWN_THE_SIGN_IN: [Says; 6] = [(303, ""), (303, ""), (303, ""), (303, ""), (200, ""), (200, "")];
const WRONG_GRANT: [Says; 6] = [(400, "invalid_grant"); 6];
const NO_CHALLENGE: [Says; 6] = [(401, "invalid_challenge"); 6];
const HAS_NO_FACTOR: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (404, "no_second_factor"),
    (404, "no_second_factor"),
];
const NO_PASSKEY: [Says; 6] = [(401, "invalid_passkey"); 6];
const TAKES_NO_SUCH_PASSKEY: [Says; 6] = [
    (401, "login_required"),
    (401, "token_invalid"),
    (401, "token_expired"),
    (401, "session_ended"),
    (400, "passkey_refused"),
    (400, "passkey_refused"),
];
const NO_GOOD_LINK: [Says; 6] = [(400, "invalid_token"); 6];
const NO_TOKEN_OF_OURS: [Says; 6] = [(401, "invalid_refresh_token"); 6];
const WRONG_FIELDS: [Says; 6] = [(422, "invalid_fields"); 6];

const fn endpoint(endpoint: &'static str, method: &'static str, path: &'static str, says: [Says; 6]) -> Door {
    Door { endpoint, method, path, body: None, says }
}

const fn posted(name: &'static str, path: &'static str, body: &'static str, says: [Says; 6]) -> Door {
    Door { endpoint: name, method: "POST", path, body: Some(body), says }
}

const fn route(path: &'static str, says: [Says; 6]) -> Door {
    Door { endpoint: "", method: "GET", path, body: None, says }
}

const ASKED_BY_A_STRANGER: [Says; 6] = [(403, "untrusted_proxy"); 6];

const DOORS: &[Door] = &[
    posted("Register", "/auth/register", r#"{"username":"!","password":"long enough 1"}"#, WRONG_FIELDS),
    endpoint("Register", "GET", "/auth/register", OPEN),
    posted("Login", "/auth/login", r#"{"username":"alice","password":"wrong one"}"#, WRONG_PASSWORD),
    endpoint("Login", "GET", "/auth/login", OPEN),
    posted("Token", "/auth/token", "grant_type=password&username=alice&password=wrong-one", WRONG_GRANT),
    posted("Refresh", "/auth/refresh", r#"{"refresh_token":"agr_wrong"}"#, NO_TOKEN_OF_OURS),
    endpoint("Logout", "POST", "/auth/logout", SIGNED_OUT),
    endpoint("Logout", "DELETE", "/auth/logout", SIGNED_OUT),
    endpoint("LogoutAll", "POST", "/auth/logout-all", SIGNED_OUT_EVERYWHERE),
    endpoint("Sessions", "GET", "/auth/sessions", NEEDS_SOMEBODY),
    endpoint("Session", "DELETE", "/auth/sessions/01M00000000000000000000000", NO_SUCH_SESSION),
    endpoint("Me", "GET", "/auth/me", NEEDS_SOMEBODY),
    endpoint("Me", "GET", "/auth/user", NEEDS_SOMEBODY),
    endpoint("Me", "GET", "/auth/users/me", NEEDS_SOMEBODY),
    endpoint("Me", "GET", "/auth/userinfo", NEEDS_SOMEBODY),
    Door { endpoint: "Me", method: "PATCH", path: "/auth/me", body: Some("{}"), says: NEEDS_SOMEBODY },
    endpoint("Account", "GET", "/auth/account", SHOWN_THE_SIGN_IN),
    posted("Password", "/auth/password", r#"{"current_password":"wrong one","new_password":"x"}"#, WRONG_CURRENT),
    posted("ForgotPassword", "/auth/password/forgot", r#"{"email":"nobody"}"#, WRONG_FIELDS),
    posted(
        "ResetPassword",
        "/auth/password/reset",
        r#"{"token":"agl_x","new_password":"long enough 1"}"#,
        NO_GOOD_LINK,
    ),
    posted("VerifyEmail", "/auth/verify-email", r#"{"token":"agl_x"}"#, NO_GOOD_LINK),
    endpoint("ForgotPassword", "GET", "/auth/password/forgot", OPEN),
    endpoint("ResetPassword", "GET", "/auth/password/reset?token=agl_x", OPEN),
    endpoint("VerifyEmail", "GET", "/auth/verify-email?token=agl_x", OPEN),
    endpoint("Mfa", "GET", "/auth/mfa", NEEDS_SOMEBODY),
    posted("Mfa", "/auth/mfa", r#"{"challenge":"agc_x","code":"000000"}"#, NO_CHALLENGE),
    endpoint("Totp", "DELETE", "/auth/mfa/totp", HAS_NO_FACTOR),
    posted("ConfirmTotp", "/auth/mfa/totp/confirm", r#"{"code":"000000"}"#, HAS_NO_FACTOR),
    endpoint("RecoveryCodes", "POST", "/auth/mfa/recovery-codes", HAS_NO_FACTOR),
    endpoint("Passkeys", "GET", "/auth/passkeys", NEEDS_SOMEBODY),
    endpoint("Passkey", "DELETE", "/auth/passkeys/01M00000000000000000000000", NO_SUCH_SESSION),
    endpoint("BeginPasskey", "POST", "/auth/passkeys/register/begin", NEEDS_SOMEBODY),
    posted(
        "FinishPasskey",
        "/auth/passkeys/register/finish",
        r#"{"credential":{"rawId":"","response":{"clientDataJSON":"","attestationObject":""}}}"#,
        TAKES_NO_SUCH_PASSKEY,
    ),
    endpoint("BeginPasskeyLogin", "POST", "/auth/passkeys/login/begin", OPEN),
    posted(
        "FinishPasskeyLogin",
        "/auth/passkeys/login/finish",
        r#"{"credential":{"rawId":"","response":{"clientDataJSON":"","authenticatorData":"","signature":""}}}"#,
        NO_PASSKEY,
    ),
    posted("Introspect", "/auth/introspect", "token=x", NEEDS_A_MACHINE),
    posted("Revoke", "/auth/revoke", "token=x", OPEN),
    endpoint("Metadata", "GET", "/.well-known/openid-configuration", OPEN),
    endpoint("Metadata", "GET", "/.well-known/oauth-authorization-server", OPEN),
    endpoint("Jwks", "GET", "/.well-known/jwks.json", OPEN),
    endpoint("ChangePassword", "GET", "/.well-known/change-password", LEADS_ON),
    endpoint("Health", "GET", "/auth/healthz", OPEN),
    endpoint("Ready", "GET", "/auth/readyz", OPEN),
    endpoint("Errors", "GET", "/auth/errors", OPEN),
    endpoint("OpenApi", "GET", "/auth/openapi.json", OPEN),
    endpoint("Asset", "GET", "/auth/authgate/no-such-file.css", NOWHERE),
    endpoint("Verify", "GET", "/auth/verify", NEEDS_SOMEBODY),
    endpoint("Verify", "POST", "/auth/verify", NEEDS_SOMEBODY),
    endpoint("VerifyNginx", "GET", "/auth/verify/nginx", ASKED_BY_A_STRANGER),
    endpoint("VerifyTraefik", "GET", "/auth/verify/traefik", ASKED_BY_A_STRANGER),
    endpoint("VerifyCaddy", "GET", "/auth/verify/caddy", ASKED_BY_A_STRANGER),
    endpoint("VerifyEnvoy", "PUT", "/auth/verify/envoy/pub/x", ASKED_BY_A_STRANGER),
    route("/pub/x", OPEN),
    route("/maybe/x", ASKS_ANYONE),
    route("/app/x", NEEDS_SOMEBODY),
    route("/default/x", NEEDS_SOMEBODY),
    route("/app/admin/x", NEEDS_ADMIN),
    route("/scoped/x", NEEDS_SCOPE),
    route("/nowhere/x", NOWHERE),
    route("/", NOWHERE),
];

#[test]
fn every_door_says_to_everybody_what_it_should() {
    let upstream = Upstream::start();
    let gateway = house(&upstream);
    let alice = gateway.register("alice");
    let admin = gateway.add_admin("boss");
    let ended = gateway.sign_in("alice");
    let document = gateway.get("/auth/openapi.json").send().expect(200).json();
    for door in DOORS {
        for (shows, (status, code)) in SHOWN.into_iter().zip(door.says) {
            // A sign-out ends the session that is shown to it, so each door meets sessions of its own.
            let credential = credential(&gateway, shows, &ended);
            upstream.forget();
            let answer = knock(&gateway, door, credential.as_deref());
            let about = format!("{} {} shown {shows:?}: {}", door.method, door.path, answer.text());
            assert_eq!(answer.status, status, "{about}");
            if !code.is_empty() {
                assert_eq!(answer.code(), code, "{about}");
            }
            let let_through = usize::from(door.endpoint.is_empty() && status == 200);
            assert_eq!(upstream.seen().len(), let_through, "{about}");
            challenges(&answer, code, &about);
            if !door.endpoint.is_empty() {
                assert!(is_described(&document, door, status, code), "not in openapi.json: {about}");
            }
        }
    }
    gateway.keep_secret(&alice.access);
    gateway.keep_secret(&admin.access);
    gateway.stands(&upstream);
}

#[test]
fn every_endpoint_has_a_row() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/endpoints/endpoint.rs");
    let text = std::fs::read_to_string(&source).expect("the endpoints stand in src/endpoints/endpoint.rs");
    let variants = variants_of(&text, "enum Endpoint {");
    assert!(variants.len() > 5, "no `enum Endpoint` was read from {}", source.display());
    for variant in &variants {
        assert!(DOORS.iter().any(|door| door.endpoint == variant), "Endpoint::{variant} has no row in every_door.rs");
    }
    for door in DOORS.iter().filter(|door| !door.endpoint.is_empty()) {
        assert!(variants.iter().any(|variant| variant == door.endpoint), "{} is no Endpoint any more", door.endpoint);
    }
}

#[test]
fn a_method_that_an_endpoint_does_not_have_is_405_with_those_it_has() {
    let gateway = house(&Upstream::start());
    // The verify endpoints take any: it is the method that is asked about.
    let fixed = |door: &&Door| !door.endpoint.is_empty() && !door.endpoint.starts_with("Verify");
    for door in DOORS.iter().filter(fixed) {
        for method in ["PUT", "TRACE", "PROPFIND"] {
            let answer = gateway.call(method, door.path).send().expect(405);
            let allow = answer.field("allow").unwrap();
            assert!(allow.split(", ").any(|allowed| allowed == door.method), "{method} {}: {allow}", door.path);
        }
    }
}

/// The fixture, with one route of each kind and tokens the test can sign.
fn house(upstream: &Upstream) -> Gateway {
    let url = upstream.url();
    Site::shared_secret(upstream)
        .set("accounts", "role_scopes", "{ admin = [\"moon:read\"] }")
        .route(&format!("prefix = \"/maybe\"\nupstream = \"{url}\"\nauth = \"optional\""))
        .route(&format!("prefix = \"/default\"\nupstream = \"{url}\"\nauth = \"required\""))
        .route(&format!("prefix = \"/scoped\"\nupstream = \"{url}\"\nscopes = [\"moon:read\"]"))
        .start()
}

/// Whether the document names this answer. Proxies are trusted nowhere here, so what they ask does not stand in it.
fn is_described(document: &Value, door: &Door, status: u16, code: &str) -> bool {
    let path = door.path.split('?').next().unwrap_or_default();
    let paths = document["paths"].as_object().unwrap();
    let fits = |template: &str| match template.split_once('{') {
        Some((head, _)) => path.strip_prefix(head).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
        None => path == template,
    };
    let exact = paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, item)| item));
    let Some(item) = exact else { return code == "untrusted_proxy" };
    let said = &item[door.method.to_ascii_lowercase()]["responses"][status.to_string()];
    let said = said["$ref"].as_str().and_then(|place| document.pointer(place.trim_start_matches('#'))).unwrap_or(said);
    let mut words = said.to_string();
    if words.contains("OAuthProblem") {
        words += &document["components"]["schemas"]["OAuthProblem"].to_string();
    }
    said.is_object() && (code.is_empty() || words.contains(&format!("\"{code}\"")))
}

fn credential(gateway: &Gateway, shows: Shows, ended: &Person) -> Option<String> {
    match shows {
        Shows::Nothing => None,
        Shows::Bad => Some("bad.bad.bad".to_owned()),
        Shows::Expired => {
            let mint = Mint::of(&gateway.sign_in("alice").access);
            let mut past = mint.clone();
            for (name, before) in [("iat", 4000), ("nbf", 4000), ("auth_time", 4000), ("exp", 3100)] {
                past.claims[name] = json!(mint.now() - before);
            }
            Some(past.resigned())
        }
        Shows::Ended => {
            gateway.log_out(&ended.access).expect(204);
            Some(ended.access.clone())
        }
        Shows::User => Some(gateway.sign_in("alice").access),
        Shows::Admin => Some(gateway.sign_in("boss").access),
    }
}

fn knock(gateway: &Gateway, door: &Door, credential: Option<&str>) -> Answer {
    let mut call = gateway.call(door.method, door.path);
    if let Some(token) = credential {
        call = call.bearer(token);
    }
    match door.body {
        Some(body) if body.starts_with('{') => call.body("application/json", body),
        Some(body) => call.form(body),
        None => call,
    }
    .send()
}

/// RFC 6750, section 3: what a 401 and a 403 ask for.
fn challenges(answer: &Answer, code: &str, about: &str) {
    let asks = answer.field("www-authenticate").unwrap_or_default();
    match code {
        "login_required" | "invalid_client" => assert_eq!(asks, "Bearer realm=\"authgate\"", "{about}"),
        "token_invalid" | "token_expired" | "session_ended" => {
            assert!(asks.contains("error=\"invalid_token\""), "{about}: {asks}");
        }
        "missing_role" | "missing_scope" | "insufficient_scope" => {
            assert!(asks.contains("error=\"insufficient_scope\""), "{about}: {asks}")
        }
        _ => {}
    }
}

/// The names of the variants of an enum, read from its source.
fn variants_of(text: &str, head: &str) -> Vec<String> {
    let body = text.split_once(head).and_then(|(_, rest)| rest.split_once("\n}")).map_or("", |(body, _)| body);
    body.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split([',', '(', '{', ' ']).next())
        .map(str::to_owned)
        .collect()
}
