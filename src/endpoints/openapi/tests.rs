use std::collections::BTreeSet;

use serde_json::Value;

use super::operations::{self, ANY};
use super::{Describes, Document, draw};
use crate::authn;
use crate::endpoints::Endpoint;
use crate::refusal::CODES;
use crate::token::Format;

fn everything() -> Describes {
    Describes {
        prefix: "/auth".to_owned(),
        well_known: true,
        browsers: true,
        password_grant: true,
        proxies: true,
        format: Format::Native,
        token_cookies: true,
        locations: authn::Settings { header: true, cookie: true, query: true },
        query_token: Some("access_token".to_owned()),
        cookie: "authgate".to_owned(),
    }
}

fn paths(document: &Value) -> Vec<&str> {
    document["paths"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_endpoint_is_described_with_its_methods_and_every_code_is_named() {
    let document = draw::document(&everything());
    let below = Endpoint::BELOW.iter().map(|below| (format!("/auth{}{{{}}}", below.path, below.what), below.endpoint));
    let named = Endpoint::TABLE.iter().map(|(name, endpoint)| (format!("/auth{name}"), *endpoint));
    let known = Endpoint::WELL_KNOWN.iter().map(|(name, endpoint)| ((*name).to_owned(), *endpoint));
    for (path, endpoint) in below.chain(named).chain(known) {
        let described = document["paths"][&path].as_object().unwrap_or_else(|| panic!("{path} is not described"));
        let described: BTreeSet<_> = described.keys().map(String::as_str).filter(|key| *key != "parameters").collect();
        let methods = endpoint.methods().iter().map(|method| method.as_str().to_ascii_lowercase());
        let methods: Vec<_> = methods.filter(|method| method != "head").collect();
        if methods.is_empty() {
            assert_eq!(described.len(), 8, "{path}");
        } else {
            assert_eq!(described, methods.iter().map(String::as_str).collect(), "{path}");
        }
    }
    let told = &document["components"]["schemas"]["Problem"]["properties"]["error"]["enum"];
    for code in CODES {
        assert!(told.as_array().unwrap().iter().any(|name| name == code.name), "{} is not named", code.name);
    }
}

#[test]
fn what_is_referred_to_is_there_and_no_two_operations_have_one_name() {
    for format in [Format::Native, Format::FlaskJwtExtended, Format::SimpleJwt] {
        let document = draw::document(&Describes { format, ..everything() });
        let text = document.to_string();
        for place in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.pointer(place).is_some(), "{place} is not there");
        }
        let mut names = BTreeSet::new();
        for name in text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(names.insert(name), "{name} stands twice");
        }
        assert!(names.len() > 50);
    }
}

#[test]
fn what_an_operation_refuses_is_a_code() {
    let all = Endpoint::TABLE.iter().chain(Endpoint::WELL_KNOWN).map(|(_, endpoint)| *endpoint);
    for endpoint in all.chain(Endpoint::BELOW.iter().map(|below| below.endpoint)) {
        for operation in operations::of(endpoint) {
            let groups = operation.refuses.iter().copied().chain([operation.forbids, operations::ALWAYS]);
            for name in groups.flatten() {
                assert!(CODES.iter().any(|code| code.name == *name), "{endpoint:?}: {name} is no code");
            }
            let known = operation.method == ANY || endpoint.methods().iter().any(|method| method == operation.method);
            assert!(known, "{endpoint:?} has no {}", operation.method);
        }
    }
}

#[test]
fn what_is_switched_off_is_not_described() {
    let bare = Describes { browsers: false, well_known: false, proxies: false, ..everything() };
    let document = draw::document(&bare);
    let paths = paths(&document);
    for absent in ["/auth/account", "/auth/verify/nginx", "/.well-known/jwks.json"] {
        assert!(!paths.contains(&absent), "{absent}");
    }
    assert!(document["paths"]["/auth/login"].get("get").is_none(), "a page");
    assert!(document["paths"]["/auth/login"].get("post").is_some());
    assert!(paths.contains(&"/auth/verify"));
    let at_the_root = draw::document(&Describes { prefix: String::new(), ..everything() });
    assert!(at_the_root["paths"].get("/openapi.json").is_none(), "a backend's own");
    assert!(at_the_root["paths"].get("/login").is_some());
}

#[test]
fn the_document_is_drawn_when_somebody_asks_and_not_before() {
    let document = Document::of(everything());
    assert!(document.drawn.get().is_none());
    let drawn = document.drawn();
    assert_eq!(serde_json::from_slice::<Value>(&drawn.bytes).unwrap(), draw::document(&everything()));
    assert!(std::ptr::eq(drawn, document.drawn()));
}
