//! The document as JSON (OpenAPI 3.1).
use serde_json::{Map, Value, json};

use super::Describes;
use super::operations::{self, ALWAYS, ANY, Operation, SOMEBODY, Says, Shown, Takes};
use crate::endpoints::Endpoint;
use crate::refusal::{CODES, Code, heard_as};
use crate::token::Format;

pub(super) fn document(what: &Describes) -> Value {
    let mut paths = Map::new();
    for (path, endpoint) in places(what) {
        let wanted = operations::of(endpoint).iter().filter(|operation| what.browsers || !operation.for_browsers);
        let methods: Map<_, _> = wanted.flat_map(|operation| methods(what, &path, operation)).collect();
        if methods.is_empty() {
            continue;
        }
        let mut methods = methods;
        if let Some(name) = path.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name) {
            let parameter = json!([{ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } }]);
            methods.insert("parameters".to_owned(), parameter);
        }
        paths.insert(path, Value::Object(methods));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "authgate",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Sign-in and accounts. Every refusal has a stable `error`; the page `errors` says what to do about each. \
                HEAD is answered wherever GET is.",
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "securitySchemes": schemes(what), "schemas": shapes(what), "responses": always(what) },
    })
}

/// Every name that is answered with this configuration.
fn places(what: &Describes) -> impl Iterator<Item = (String, Endpoint)> {
    let named = Endpoint::TABLE.iter().map(|(name, endpoint)| (format!("{}{name}", what.prefix), *endpoint));
    let below = Endpoint::BELOW
        .iter()
        .map(|below| (format!("{}{}{{{}}}", what.prefix, below.path, below.what), below.endpoint));
    let known = Endpoint::WELL_KNOWN.iter().filter(|_| what.well_known);
    let known = known.map(|(name, endpoint)| ((*name).to_owned(), *endpoint));
    named.chain(below).chain(known).filter(|(_, endpoint)| {
        let asked_by_proxies = endpoint.asks_routes() && !what.proxies;
        let left_to_backends = *endpoint == Endpoint::OpenApi && what.prefix.is_empty();
        !asked_by_proxies && !left_to_backends
    })
}

fn methods(what: &Describes, path: &str, operation: &Operation) -> Vec<(String, Value)> {
    const ALL: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    let only = [operation.method];
    let methods = if operation.method == ANY { &ALL[..] } else { &only[..] };
    methods.iter().map(|method| (method.to_ascii_lowercase(), drawn(what, path, method, operation))).collect()
}

fn drawn(what: &Describes, path: &str, method: &str, operation: &Operation) -> Value {
    let words =
        path.strip_prefix(what.prefix.as_str()).unwrap_or(path).split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let slash = if path.ends_with('/') { "_" } else { "" };
    let mut drawn = json!({
        "operationId": format!("{}_{}{slash}", method.to_ascii_lowercase(), words.join("_")),
        "summary": operation.summary,
        "responses": answers(what, method, operation),
        "security": security(what, operation.shown),
    });
    let Some(members) = drawn.as_object_mut() else { return drawn };
    if !operation.query.is_empty() {
        let query =
            operation.query.iter().map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
        members.insert("parameters".to_owned(), query.collect());
    }
    if let Some(body) = body(what, operation.takes) {
        members.insert("requestBody".to_owned(), body);
    }
    drawn
}

fn body(what: &Describes, takes: Takes) -> Option<Value> {
    let (kind, shape, needed) = match takes {
        Takes::Nothing => return None,
        Takes::Json(shape) => (JSON, shape, true),
        Takes::MaybeJson(shape) => (JSON, shape, false),
        Takes::Form(shape) => (FORM, shape, true),
    };
    let mut content = json!({ kind: { "schema": reference(shape) } });
    // SimpleJWT's clients send name and password as JSON.
    if shape == "Grant" && what.format == Format::SimpleJwt {
        merge(&mut content, Some(&json!({ JSON: { "schema": reference("SignIn") } })));
    }
    Some(json!({ "required": needed, "content": content }))
}

/// What is heard, by status.
fn answers(what: &Describes, method: &str, operation: &Operation) -> Value {
    let mut answers = Map::new();
    for (status, says) in operation.says {
        if matches!(says, Says::Message) && what.format != Format::FlaskJwtExtended {
            continue;
        }
        answers.insert(status.to_string(), said(*status, *says, method));
    }
    let asks = matches!(operation.shown, Shown::Somebody | Shown::Machine);
    let groups = operation.refuses.iter().copied().chain(asks.then_some(SOMEBODY));
    let named = |name: &&str| code(what, name);
    let own = groups.flatten().filter_map(named).map(|code| (status_of(what, code), code.name));
    let forbidden = operation.forbids.iter().filter_map(named).map(|code| (403, code.name));
    for (status, mut codes) in by_status(own.chain(forbidden)) {
        codes.extend(usual(what, status));
        let mut refused = refused(what, &codes);
        if let (Some(before), Some(content)) = (answers.get(&status.to_string()), refused.get_mut("content")) {
            merge(content, before.get("content"));
        }
        answers.insert(status.to_string(), refused);
    }
    for status in operation.oauth {
        let words = Some(json!({ JSON: { "schema": reference("OAuthProblem") } }));
        let usual = usual(what, *status);
        let answer = answers.entry(status.to_string()).or_insert_with(|| match usual.as_slice() {
            [] => json!({ "description": "In OAuth's words", "content": {} }),
            codes => refused(what, codes),
        });
        if let Some(content) = answer.get_mut("content") {
            merge(content, words.as_ref());
        }
    }
    for status in always_heard(what) {
        let place = format!("#/components/responses/Refused{status}");
        answers.entry(status.to_string()).or_insert_with(|| json!({ "$ref": place }));
    }
    Value::Object(answers)
}

fn said(status: u16, says: Says, method: &str) -> Value {
    let words = match says {
        Says::Json(_) if status >= 400 => "Not now",
        Says::Json(_) | Says::Message => "Done",
        Says::Page => "A page",
        Says::File => "The file",
        Says::Empty => "Done, and nothing to say",
        Says::Elsewhere => "On to another page of this site",
    };
    let content = match says {
        _ if method == "HEAD" => None,
        Says::Json(shape) => Some(json!({ JSON: { "schema": reference(shape) } })),
        Says::Message => Some(json!({ JSON: { "schema": reference("Message") } })),
        Says::Page => Some(json!({ "text/html": { "schema": { "type": "string" } } })),
        Says::File => Some(json!({ "*/*": { "schema": {} } })),
        Says::Empty | Says::Elsewhere => None,
    };
    let mut said = json!({ "description": words });
    if let (Some(members), Some(content)) = (said.as_object_mut(), content) {
        members.insert("content".to_owned(), content);
    }
    if let (Some(members), Says::Elsewhere) = (said.as_object_mut(), says) {
        members.insert("headers".to_owned(), json!({ "Location": { "schema": { "type": "string" } } }));
    }
    said
}

fn refused(what: &Describes, codes: &[&str]) -> Value {
    let words: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let (kind, schema) = match what.format {
        Format::Native => {
            let only = json!({ "properties": { "error": { "enum": codes } } });
            ("application/problem+json", json!({ "allOf": [reference("Problem"), only] }))
        }
        Format::FlaskJwtExtended | Format::SimpleJwt => (JSON, reference("Problem")),
    };
    json!({ "description": words.join(", "), "content": { kind: { "schema": schema } } })
}

/// What any request may hear, once for all operations.
fn always(what: &Describes) -> Value {
    let one = |status: u16| (format!("Refused{status}"), refused(what, &usual(what, status)));
    Value::Object(always_heard(what).map(one).collect())
}

fn always_heard(what: &Describes) -> impl Iterator<Item = u16> {
    let all = ALWAYS.iter().filter_map(|name| code(what, name)).map(|code| (status_of(what, code), code.name));
    by_status(all).into_iter().map(|(status, _)| status)
}

fn usual(what: &Describes, status: u16) -> Vec<&'static str> {
    let codes = ALWAYS.iter().filter_map(|name| code(what, name));
    codes.filter(|code| status_of(what, code) == status).map(|code| code.name).collect()
}

fn by_status(codes: impl Iterator<Item = (u16, &'static str)>) -> Vec<(u16, Vec<&'static str>)> {
    let mut found: Vec<(u16, Vec<&'static str>)> = Vec::new();
    for (status, name) in codes {
        match found.iter_mut().find(|(other, _)| *other == status) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => found.push((status, vec![name])),
        }
    }
    found
}

/// The code of this name, where it can be heard.
fn code(what: &Describes, name: &str) -> Option<&'static Code> {
    let heard = what.token_cookies || !name.starts_with("csrf_");
    CODES.iter().find(|code| code.name == name).filter(|_| heard)
}

fn status_of(what: &Describes, code: &Code) -> u16 {
    heard_as(what.format, code).as_u16()
}

fn merge(into: &mut Value, more: Option<&Value>) {
    if let (Value::Object(into), Some(Value::Object(more))) = (into, more) {
        for (name, value) in more {
            into.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn security(what: &Describes, shown: Shown) -> Value {
    let ways = schemes(what);
    let all = ways.as_object().map(|ways| ways.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let one = |name: &String| json!({ name: [] });
    let people = all.iter().filter(|name| *name != MACHINE).map(one);
    match shown {
        Shown::Nothing => json!([]),
        Shown::Perhaps => std::iter::once(json!({})).chain(people).collect(),
        Shown::Somebody => people.collect(),
        Shown::Machine => json!([{ MACHINE: [] }]),
    }
}

/// How somebody shows who they are.
fn schemes(what: &Describes) -> Value {
    let mut ways = Map::new();
    if what.locations.header {
        ways.insert("token".to_owned(), json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }));
    }
    if what.locations.header && what.password_grant {
        let flow = json!({ "tokenUrl": format!("{}/token", what.prefix), "scopes": {} });
        ways.insert("password".to_owned(), json!({ "type": "oauth2", "flows": { "password": flow } }));
    }
    if what.locations.cookie {
        ways.insert("session".to_owned(), json!({ "type": "apiKey", "in": "cookie", "name": what.cookie }));
    }
    if let Some(name) = &what.query_token {
        ways.insert("query".to_owned(), json!({ "type": "apiKey", "in": "query", "name": name }));
    }
    let machine =
        json!({ "type": "http", "scheme": "bearer", "description": "A service token with the scope introspect." });
    ways.insert(MACHINE.to_owned(), machine);
    Value::Object(ways)
}

fn shapes(what: &Describes) -> Value {
    let mut shapes: Value = serde_json::from_str(SHAPES).unwrap_or_default();
    let problem = match what.format {
        Format::Native => json!({
            "type": "object",
            "description": "RFC 9457.",
            "required": ["type", "title", "status", "error", "detail", "request_id"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "error": { "type": "string", "enum": CODES.iter().map(|code| code.name).collect::<Vec<_>>() },
                "detail": { "type": "string" },
                "request_id": { "type": "string" },
                "errors": { "type": "array", "items": {
                    "type": "object",
                    "required": ["pointer", "error", "detail"],
                    "properties": {
                        "pointer": { "type": "string" }, "error": { "type": "string" }, "detail": { "type": "string" },
                    },
                }},
                "challenge": { "type": "string", "description": "What the second half of a sign-in is sent with." },
                "methods": { "type": "array", "items": { "type": "string" } },
            },
        }),
        Format::FlaskJwtExtended => {
            json!({ "type": "object", "required": ["msg"], "properties": { "msg": { "type": "string" } } })
        }
        Format::SimpleJwt => json!({
            "type": "object",
            "required": ["detail"],
            "properties": { "detail": { "type": "string" }, "code": { "type": "string" } },
        }),
    };
    if let Some(members) = shapes.as_object_mut() {
        members.insert("Problem".to_owned(), problem);
    }
    shapes
}

fn reference(shape: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{shape}") })
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MACHINE: &str = "machine";
const SHAPES: &str = include_str!("shapes.json");
