//! POST /auth/register.
use serde_json::{Value, json};

use crate::support::client::password_of;
use crate::support::{Gateway, Site, Upstream, authgate_with_input};

#[test]
fn who_registers_is_signed_in_and_told_where_their_account_is() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let form = json!({ "username": "Alice", "password": password_of("alice"), "email": "Alice@Example.com", "name": "Alice L" });
    let answer = gateway.post("/auth/register").json(&form).send().expect(201);
    assert_eq!(answer.field("location"), Some("/auth/me"));
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 900);
    assert!(body["refresh_token"].as_str().unwrap().starts_with("agr_"));
    assert_eq!(body["user"]["email"], "alice@example.com");
    assert_eq!(body["user"]["roles"], json!(["user"]));
    let alice = gateway.person("alice", &answer);
    gateway.get("/app").bearer(&alice.access).send().expect(200);
    gateway.refresh(&alice.refresh).expect(200);
    gateway.stands(&upstream);
}

#[test]
fn a_name_is_given_once_in_whatever_case() {
    let gateway = Gateway::start(&Upstream::start());
    gateway.register("alice");
    for name in ["alice", "Alice", "ALICE"] {
        let form = json!({ "username": name, "password": password_of("other") });
        gateway.post("/auth/register").json(&form).send().refused(409, "user_exists");
    }
    gateway.log_in("ALICE", &password_of("alice")).expect(200);
}

#[test]
fn an_address_is_given_once() {
    let gateway = Gateway::start(&Upstream::start());
    let form = |name: &str, email: &str| json!({ "username": name, "password": password_of(name), "email": email });
    gateway.post("/auth/register").json(&form("alice", "a@example.com")).send().expect(201);
    gateway.post("/auth/register").json(&form("bob", "A@EXAMPLE.com")).send().refused(409, "user_exists");
    gateway.post("/auth/register").json(&form("bob", "b@example.com")).send().expect(201);
}

#[test]
fn what_is_wrong_with_the_fields_is_told_field_by_field() {
    let gateway = Gateway::start(&Upstream::start());
    let answer = gateway.post("/auth/register").json(&json!({ "username": "a b", "password": "short" })).send();
    assert_eq!(answer.status, 422, "{}", answer.text());
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["#/username", "#/password"], "{body}");
    for error in errors {
        assert!(error["error"].is_string() && error["detail"].is_string(), "{body}");
    }
    assert!(!answer.text().contains("a b"), "what was sent is not sent back: {body}");
}

#[test]
fn names_that_are_no_names_are_refused_and_nothing_is_stored() {
    let gateway = Gateway::start(&Upstream::start());
    let long = "a".repeat(65);
    let names = [
        "",
        " ",
        "alice ",
        "\talice",
        "a\r\nb",
        "ali\0ce",
        "-alice",
        ".alice",
        "a/b",
        "a@b",
        "alice;",
        &long,
        "аlice",
        "ﬁn",
        "ᴬlice",
        "İ",
        "al\u{200d}ice",
        "\u{202e}alice",
        "e\u{301}ve",
        "é",
    ];
    for name in names {
        let form = json!({ "username": name, "password": password_of("somebody") });
        let answer = gateway.post("/auth/register").json(&form).send();
        assert_eq!(answer.status, 422, "{name:?}: {}", answer.text());
        assert_eq!(answer.code(), "invalid_fields", "{name:?}");
        assert_eq!(answer.json()["errors"][0]["pointer"], "#/username", "{name:?}");
    }
}

#[test]
fn names_that_mean_nobody_cannot_be_taken_and_admin_can() {
    let gateway = Gateway::start(&Upstream::start());
    for name in ["anonymous", "Root", "system", "me", "null"] {
        let form = json!({ "username": name, "password": password_of("somebody") });
        gateway.post("/auth/register").json(&form).send().refused(422, "invalid_fields");
    }
    let admin = gateway.register("admin");
    gateway.get("/app/admin").bearer(&admin.access).send().refused(403, "missing_role");
}

#[test]
fn nobody_gives_themselves_a_role() {
    let gateway = Gateway::start(&Upstream::start());
    for member in ["role", "roles", "is_admin", "id", "sub", "password_hash", "scopes", "disabled", "email_verified"] {
        let mut form = json!({ "username": "mallory", "password": password_of("mallory") });
        form[member] = json!("admin");
        let answer = gateway.post("/auth/register").json(&form).send().refused(400, "bad_json");
        assert!(!answer.text().contains("mallory"));
    }
    let mallory = gateway.register("mallory");
    assert_eq!(gateway.get("/auth/me").bearer(&mallory.access).send().json()["roles"], json!(["user"]));
}

#[test]
fn weak_passwords_are_refused_before_anything_is_hashed() {
    let gateway = Gateway::start(&Upstream::start());
    for password in ["", "short", "carolina", "xx-Carolina-xx", &"a".repeat(257), &"ä".repeat(129)] {
        let form = json!({ "username": "carolina", "password": password });
        let answer = gateway.post("/auth/register").json(&form).send();
        assert_eq!(answer.status, 422, "{password:?}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["pointer"], "#/password", "{password:?}");
        assert_eq!(answer.json()["errors"][0]["error"], "weak_password", "{password:?}");
        assert_eq!(answer.code(), "weak_password", "{password:?}");
    }
}

#[test]
fn a_password_is_the_same_however_the_keyboard_composed_it() {
    let gateway = Gateway::start(&Upstream::start());
    let form = json!({ "username": "zoe", "password": "Schl\u{fc}ssel-Br\u{fc}cke" });
    gateway.post("/auth/register").json(&form).send().expect(201);
    gateway.log_in("zoe", "Schlu\u{308}ssel-Bru\u{308}cke").expect(200);
    gateway.log_in("zoe", "Schlussel-Brucke").refused(401, "invalid_credentials");
}

#[test]
fn a_body_that_is_not_what_it_says_is_refused() {
    let gateway = Gateway::start(&Upstream::start());
    let send = |kind: &str, body: &str| gateway.post("/auth/register").body(kind, body).send();
    for body in ["", "{", "[]", "null", "\"x\"", "{\"username\":1}", "{\"username\":\"a\",\"username\":\"b\"}", "{} {}"]
    {
        let answer = send("application/json", body);
        assert!([400, 422].contains(&answer.status), "{body}: {}", answer.text());
    }
    send("application/json", "{").refused(400, "bad_json");
    send("application/json; charset=utf-8", "{").refused(400, "bad_json");
    for kind in ["text/plain", "application/xml", "multipart/form-data; boundary=x"] {
        send(kind, "{\"username\":\"alice\",\"password\":\"long enough 1\"}").expect(415);
    }
    let squeezed = gateway.post("/auth/register").json(&json!({})).header("Content-Encoding", "gzip").send();
    squeezed.expect(415);
}

#[test]
fn json_bombs_are_refused_at_once() {
    let gateway = Gateway::start(&Upstream::start());
    let deep = "[".repeat(3000);
    let wide = format!("{{{}}}", (0..300).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","));
    let number = format!("{{\"username\":{}}}", "9".repeat(3000));
    for body in [deep, wide, number] {
        let answer = gateway.post("/auth/register").body("application/json", body).send();
        assert!([400, 422].contains(&answer.status), "{}", answer.text());
    }
    let huge = format!("{{\"username\":\"{}\"}}", "a".repeat(5000));
    gateway.post("/auth/register").body("application/json", huge).send().refused(413, "body_too_large");
    gateway.is_alive();
}

#[test]
fn a_closed_door_lets_nobody_register() {
    let gateway = Site::fixture(&Upstream::start()).set("accounts", "registration", "\"closed\"").start();
    let form = json!({ "username": "alice", "password": password_of("alice") });
    gateway.post("/auth/register").json(&form).send().refused(403, "registration_closed");
}

#[test]
fn with_email_as_the_identifier_the_address_is_what_one_signs_in_with() {
    let gateway = Site::fixture(&Upstream::start()).set("accounts", "identifier", "\"email\"").start();
    let password = password_of("ann");
    let answer = gateway.post("/auth/register").json(&json!({ "username": "ann", "password": password })).send();
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.json()["errors"][0]["pointer"], "#/email");
    let form = json!({ "email": "ann@example.com", "password": password });
    gateway.post("/auth/register").json(&form).send().expect(201);
    gateway.post("/auth/login").json(&json!({ "email": "Ann@example.com", "password": password })).send().expect(200);
    gateway.log_in("ann@example.com", &password).expect(200);
}

#[test]
fn a_foreign_page_cannot_register_anybody() {
    let gateway = Gateway::start(&Upstream::start());
    let form = json!({ "username": "alice", "password": password_of("alice") });
    let from = |name: &str, value: &str| gateway.post("/auth/register").json(&form).header(name, value).send();
    from("Origin", "https://evil.example").expect(403);
    from("Origin", "null").expect(403);
    from("Sec-Fetch-Site", "cross-site").expect(403);
    from("Origin", &format!("http://{}", gateway.authority())).expect(201);
}

#[test]
fn members_that_are_missing_are_told_by_name_and_wrong_ones_are_no_such_object() {
    let gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    for (path, missing, wrong) in [
        ("/auth/register", &["username", "password"][..], json!({ "username": "ann", "password": null })),
        ("/auth/login", &["username", "password"], json!({ "username": "ann", "password": 1 })),
        ("/auth/password", &["current_password", "new_password"], json!({ "new_password": ["x"] })),
        ("/auth/password/forgot", &["email"], json!({ "email": 1 })),
        ("/auth/password/reset", &["token", "new_password"], json!({ "token": "agl_x", "role": "admin" })),
        ("/auth/verify-email", &["token"], json!({ "token": {} })),
        ("/auth/mfa", &["challenge", "code"], json!({ "challenge": 1 })),
    ] {
        let send = |body: &Value| gateway.post(path).bearer(&alice.access).json(body).send();
        let refused = send(&json!({})).refused(422, "invalid_fields").json();
        let errors = refused["errors"].as_array().unwrap();
        let told: Vec<_> = errors.iter().map(|error| (error["pointer"].clone(), error["error"].clone())).collect();
        let expected: Vec<_> = missing.iter().map(|name| (json!(format!("#/{name}")), json!("required"))).collect();
        assert_eq!(told, expected, "{path}");
        send(&wrong).refused(400, "bad_json");
    }
    let one = gateway.post("/auth/login").json(&json!({ "email": "ann@example.com" })).send();
    let one = one.refused(422, "invalid_fields").json();
    assert_eq!((one["errors"].as_array().unwrap().len(), &one["errors"][0]["pointer"]), (1, &json!("#/password")));
}

#[test]
fn what_tokens_name_people_by_is_asked_for_and_who_has_none_is_told_no_and_not_that_we_are_broken() {
    let mut gateway = Gateway::start(&Upstream::start());
    let alice = gateway.register("alice");
    gateway.kill();
    gateway.change(|site| site.set("tokens", "subject", "\"email\""));
    gateway.run();
    let run =
        |args: &[&str]| authgate_with_input(gateway.folder(), gateway.site().variables(), args, "long enough 7\n");
    let checked = run(&["check"]);
    assert!(checked.out.contains("W309") || checked.err.contains("W309"), "{} {}", checked.out, checked.err);
    let bob = json!({ "username": "bob", "password": password_of("bob") });
    let refused = gateway.post("/auth/register").json(&bob).send().refused(422, "invalid_fields").json();
    assert_eq!(refused["errors"][0]["pointer"], "#/email");
    let page = gateway.get("/auth/register").header("Accept", "text/html").send().expect(200).text();
    assert!(page.contains("name=\"email\" type=\"email\"") && !page.contains("class=\"optional\""), "{page}");
    gateway.log_in("alice", &alice.password).refused(403, "account_disabled");
    let form = format!("grant_type=password&username=alice&password={}", alice.password);
    gateway.post("/auth/token").form(&form).send().refused(400, "invalid_grant");
    gateway.refresh(&alice.refresh).refused(401, "invalid_refresh_token");
    assert!(gateway.log_text().contains("authgate user edit"), "cause and cure");
    let added = run(&["user", "add", "cy", "--password-stdin"]).expect(1);
    assert!(added.err.contains("email"), "{}", added.err);
    run(&["user", "edit", "alice", "--email", "alice@example.com"]).expect(0);
    gateway.log_in("alice", &alice.password).expect(200);
}

#[test]
fn a_closed_registration_says_so_on_a_page_whoever_asks_for_it() {
    let gateway = Site::fixture(&Upstream::start()).set("accounts", "registration", "\"closed\"").start();
    for accept in ["*/*", "application/json", "text/html"] {
        let page = gateway.get("/auth/register").header("Accept", accept).send().expect(403);
        assert!(page.field("content-type").unwrap().starts_with("text/html"), "{accept}");
    }
}

#[test]
fn no_word_of_the_own_name_makes_a_password() {
    let gateway = Gateway::start(&Upstream::start());
    let named = |password: &str| json!({ "username": "ann", "name": "Ann de Lovelace", "password": password });
    gateway.post("/auth/register").json(&named("99-LoveLace-99")).send().refused(422, "weak_password");
    gateway.post("/auth/register").json(&named("announcement of a deer")).send().expect(201);
}
