//! What a good file comes to.
use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::config::settings::{Kind, SECTIONS, Unset};
use crate::proxy::Address;
use crate::server::ListenAddress;
use crate::token::Algorithm;

#[test]
fn three_lines_protect_everything() {
    let loaded = load(&least(""));
    assert!(loaded.warnings.is_empty());
    let config = loaded.config;
    assert_eq!(config.server.listen, [ListenAddress::Tcp("127.0.0.1:8080".parse().unwrap())]);
    assert_eq!((config.server.workers, config.passwords.parallel_hashes), (2, 2));
    assert_eq!(config.tokens.issuer, "http://localhost:8080");
    assert_eq!(config.wire.auth_prefix.0, "/auth");
    assert!(config.wire.well_known && config.wire.trusted_proxies.is_empty());
    let [route] = config.routes.as_slice() else { panic!("one route") };
    assert_eq!((route.prefix.as_str(), route.policy.auth), ("/", Asks::Somebody));
    assert_eq!((route.max_body, route.timeout), (10 << 20, None));
    assert_eq!(route.place.to_string(), "gateway.toml:2");
    let [upstream] = config.upstreams.as_slice() else { panic!("one upstream") };
    assert_eq!((&upstream.name, upstream.connect_timeout), (&route.upstream, Duration::from_secs(2)));
    assert_eq!(upstream.addresses, [Address::Tcp { host: "127.0.0.1".to_owned(), port: 3000 }]);
    assert_eq!(upstream.identity.fields.len(), 5);
}

#[test]
fn every_setting_of_the_table_is_read_and_has_a_value_that_is_one() {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&section.header.replace('#', ""));
        text.push('\n');
        for setting in section.settings {
            text.push_str(&format!("{} = {}\n", setting.key, setting.shown));
        }
    }
    let environment = Environment::of([
        ("JWT_SECRET_KEY", "kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a"),
        ("DATABASE_PASSWORD", "x"),
        ("SMTP_PASSWORD", "x"),
    ]);
    let (text, _files) = samples_test::with_files(&text);
    let text = text.replace("http://localhost:8080", "https://app.example.com");
    // A password and connections are for a server.
    let text = text.replace("sqlite:authgate.db", "postgres://gw@127.0.0.1/gw");
    let loaded = load_in(&text, &environment);
    let seen: BTreeSet<_> = loaded.effective.iter().map(|one| one.key.as_str()).collect();
    // A table within the line is read key by key.
    let tables = ["argon2", "migrate_from", "cors"];
    for setting in SECTIONS.iter().flat_map(|section| section.settings).filter(|one| !tables.contains(&one.key)) {
        assert!(seen.contains(setting.key), "{} is in the table and nobody reads it", setting.key);
    }
    assert!(seen.contains("memory") && seen.contains("username_field"));
}

#[test]
fn without_the_line_the_default_holds() {
    let loaded = load(&least(""));
    let seen: BTreeSet<_> = loaded.effective.iter().map(|one| one.key.as_str()).collect();
    // What is said of a backend or of TLS holds where there is one.
    for section in SECTIONS.iter().filter(|section| !["upstreams", "tls"].contains(&section.name)) {
        for setting in
            section.settings.iter().filter(|setting| setting.unset == Unset::Default && setting.key != "argon2")
        {
            assert!(seen.contains(setting.key), "{}", setting.key);
        }
    }
}

#[test]
fn every_word_of_the_table_means_something_of_its_own() {
    let mut meanings = BTreeSet::new();
    let mut words = 0;
    for section in SECTIONS {
        for setting in section.settings {
            let Kind::Word(all) = setting.kind else { continue };
            for word in all {
                let text = match section.name {
                    "routes" => least(&format!("{} = \"{word}\"", setting.key)),
                    "upstreams" => least(&format!("[upstreams.a]\nurls = \"http://a\"\n{} = \"{word}\"", setting.key)),
                    "tls" => samples_test::with_real_files(&least(&format!(
                        "[tls]\ncert = \"/etc/authgate/tls/fullchain.pem\"\nkey = \"/etc/authgate/tls/privkey.pem\"\n{} = \"{word}\"",
                        setting.key
                    ))),
                    // Some cookies are for HTTPS only.
                    "sessions" => least(&format!(
                        "[server]\npublic_url = \"https://a.example\"\n[sessions]\n{} = \"{word}\"",
                        setting.key
                    )),
                    name => least(&format!("[{name}]\n{} = \"{word}\"", setting.key)),
                };
                words += 1;
                // Another word that came to the same would have the same text.
                assert!(
                    meanings.insert(format!("{}.{}{:?}", section.name, setting.key, load(&text).config)),
                    "{} = {word}",
                    setting.key
                );
            }
        }
    }
    assert_eq!(meanings.len(), words);
}

#[test]
fn a_variable_stands_above_the_file() {
    let environment = Environment::of([
        ("AUTHGATE__SERVER__LISTEN", "0.0.0.0:80"),
        ("AUTHGATE__SERVER__WORKERS", "7"),
        ("AUTHGATE__SERVER__WELL_KNOWN", "false"),
        ("AUTHGATE__TOKENS__ACCESS_TTL", "1h"),
        ("AUTHGATE__PASSWORDS__ARGON2__MEMORY", "64MiB"),
        ("AUTHGATE__UPSTREAMS__APP_ONE", "http://10.0.0.1:80"),
        ("AUTHGATE__UPSTREAMS__OTHER__CONNECT_TIMEOUT", "1s"),
        ("AUTHGATE__IDENTITY__HEADERS", "x-user"),
        ("AUTHGATE_CONFIG", "/etc/x.toml"),
    ]);
    let text = "[server]\nworkers = 3\n[upstreams]\napp-one = \"http://app\"\nother = \"http://other:81\"\n\
                [[routes]]\nprefix = \"/\"\nupstream = \"app-one\"\n[tokens]\naccess_ttl = \"5m\"\n";
    let loaded = load_in(text, &environment);
    let config = &loaded.config;
    assert_eq!((config.server.workers, config.wire.well_known), (7, false));
    assert_eq!(config.tokens.access_ttl, Duration::from_secs(3600));
    assert_eq!(config.passwords.cost.memory_kib, 64 * 1024);
    let address = |host: &str, port| [Address::Tcp { host: host.to_owned(), port }];
    let named = |name: &str| config.upstreams.iter().find(|upstream| upstream.name == name).unwrap();
    assert_eq!(named("app-one").addresses, address("10.0.0.1", 80));
    assert_eq!(named("other").addresses, address("other", 81));
    assert_eq!(named("other").connect_timeout, Duration::from_secs(1));
    assert_eq!(config.tokens.issuer, "http://localhost:80");
    let origin = loaded.effective.iter().find(|one| one.key == "access_ttl").unwrap();
    assert_eq!(
        (origin.value.as_str(), origin.origin.to_string().as_str()),
        ("\"1h\"", "env AUTHGATE__TOKENS__ACCESS_TTL")
    );
}

#[test]
fn a_variable_stands_for_one_value_of_a_table_in_braces() {
    let environment = Environment::of([
        ("AUTHGATE__ACCOUNTS__MIGRATE_FROM__URL", "http://127.0.0.1:5000/login"),
        ("AUTHGATE__IDENTITY__NAMES__USER", "X-Account"),
        ("AUTHGATE__TOKENS__CLAIMS__TENANT", "acme"),
        ("AUTHGATE__TOKENS__CLAIMS__COST_CENTRE", "7"),
        ("AUTHGATE__TOKENS__CLAIMS__API_SECRET", "hunter2"),
        ("AUTHGATE__PASSWORDS__ARGON2__ITERATIONS", "03"),
    ]);
    let text =
        least("[tokens]\nclaims = { Cost-Centre = \"1\", region = \"eu\" }\n[accounts]\nregistration = \"closed\"");
    let loaded = load_in(&text, &environment);
    let old = loaded.config.accounts.migrate_from.unwrap();
    assert_eq!((old.port, old.target.as_str(), old.username_field.as_str()), (5000, "/login", "username"));
    let fields: Vec<_> = loaded.config.identity.fields.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(fields, ["x-account"]);
    assert_eq!(loaded.config.passwords.cost.iterations, 3);
    let shown = |key: &str| loaded.effective.iter().find(|one| one.key == key).unwrap();
    let claims = &shown("claims").value;
    for part in ["region = \"eu\"", "Cost-Centre = \"7\"", "tenant = \"acme\"", "api_secret = \"***\""] {
        assert!(claims.contains(part), "{claims}");
    }
    assert!(!claims.contains("hunter2") && loaded.config.tokens.claims.len() == 4);
    let url = loaded.effective.iter().find(|one| one.section == "[accounts.migrate_from]" && one.key == "url").unwrap();
    assert_eq!(url.origin.to_string(), "env AUTHGATE__ACCOUNTS__MIGRATE_FROM__URL");
    assert_eq!(shown("iterations").value, "3");
}

#[test]
fn what_came_from_a_variable_is_shown_as_the_file_would_have_it() {
    let environment = Environment::of([
        ("AUTHGATE__SERVER__WORKERS", "3"),
        ("AUTHGATE__SERVER__WELL_KNOWN", "false"),
        ("AUTHGATE__SERVER__LISTEN", "127.0.0.1:80"),
        ("AUTHGATE__TOKENS__ACCESS_TTL", "1h"),
        ("AUTHGATE__PASSWORDS__ARGON2__MEMORY", "64MiB"),
        ("AUTHGATE__PASSWORDS__MIN_LENGTH", "010"),
    ]);
    let effective = load_in(&least(""), &environment).effective;
    for (key, value) in [
        ("workers", "3"),
        ("well_known", "false"),
        ("listen", "\"127.0.0.1:80\""),
        ("access_ttl", "\"1h\""),
        ("memory", "\"64MiB\""),
        ("min_length", "10"),
    ] {
        assert_eq!(effective.iter().find(|one| one.key == key).unwrap().value, value, "{key}");
    }
    // Read as a file it comes to the same.
    let mut text = String::new();
    for one in effective.iter().filter(|one| ["[server]", "[[routes]]"].contains(&one.section.as_str())) {
        if !text.contains(&format!("{}\n", one.section)) {
            text.push_str(&format!("{}\n", one.section));
        }
        text.push_str(&format!("{} = {}\n", one.key, one.value));
    }
    let again = load(&text).config.server;
    assert_eq!((again.workers, again.listen), (3, vec![ListenAddress::Tcp("127.0.0.1:80".parse().unwrap())]));
}

#[test]
fn references_work_in_every_text_and_a_secret_is_not_shown() {
    let secret = "kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a";
    let environment = Environment::of([("PORT", "3001"), ("KEY", secret), ("ROLE", "admin")]);
    let text = "[[routes]]\nprefix = \"/\"\nupstream = \"http://127.0.0.1:${PORT}\"\nroles = [\"${ROLE}\"]\n\
                [keys]\nsecret = \"${KEY}\"\n[tokens]\nalgorithm = \"HS256\"\n";
    let loaded = load_in(text, &environment);
    assert!(loaded.warnings.is_empty());
    assert_eq!(loaded.config.tokens.algorithm, Algorithm::Hs256);
    assert_eq!(loaded.config.tokens.secret.as_ref().unwrap().expose(), secret);
    assert_eq!(loaded.config.routes[0].policy.roles[0].as_str(), "admin");
    assert_eq!(loaded.config.upstreams[0].name, "http://127.0.0.1:3001");
    assert!(!format!("{loaded:?}").contains(secret));
}

#[test]
fn hs256_needs_no_secret_of_ones_own() {
    assert!(load(&least("[tokens]\nalgorithm = \"HS256\"")).config.tokens.secret.is_none());
}

#[test]
fn equal_urls_share_an_upstream_and_routes_know_their_lines() {
    let text = "[limits]\nmax_body = \"1MiB\"\n[[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n[[routes]]\n\
                upstream = \"http://a\"\nscopes = [\"s\"]\nroles = [\"r\"]\nprefix = \"/x/\"\nmax_body = \"2MiB\"\ntimeout = \"5s\"\n";
    let config = load(text).config;
    assert_eq!((config.upstreams.len(), config.routes.len()), (1, 2));
    let route = &config.routes[1];
    assert_eq!((route.prefix.as_str(), route.max_body), ("/x", 2 << 20));
    let places = &route.places;
    let (roles, scopes) = (places.roles.as_ref().unwrap(), places.scopes.as_ref().unwrap());
    assert_eq!((route.place.line, roles.line, scopes.line), (10, 9, 8));
    assert_eq!(route.timeout, Some(Duration::from_secs(5)));
    assert_eq!((config.routes[0].max_body, config.routes[0].places.roles.as_ref()), (1 << 20, None));
}

#[test]
fn identity_names_of_every_upstream_are_known_to_those_who_strip_them() {
    let text = "[identity]\nnames = { user = \"X-Account\" }\n[upstreams.b]\nurls = \"http://b\"\nidentity = \"x-webauth\"\n\
                [[routes]]\nprefix = \"/\"\nupstream = \"http://a\"\n";
    let config = load(text).config;
    let names: Vec<_> = config.wire.own_identity_names.iter().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-account", "x-webauth-email", "x-webauth-groups", "x-webauth-name", "x-webauth-user"]);
}

#[test]
fn the_root_can_be_the_gateways_own_and_the_issuer_follows_the_public_url() {
    let text = least(
        "[server]\nauth_prefix = \"/\"\npublic_url = \"https://App.example.com\"\nlisten = [\"unix:/run/a.sock\"]",
    );
    let config = load(&text).config;
    assert_eq!(config.wire.auth_prefix.0, "");
    assert_eq!(config.tokens.issuer, "https://app.example.com");
}

#[test]
fn the_file_is_looked_for_in_order() {
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("a.toml");
    std::fs::write(&file, least("")).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(find(Some(&file), &quiet()).unwrap(), file);
    assert_eq!(find(None, &Environment::of([("AUTHGATE_CONFIG", path)])).unwrap(), file);
    let error = find(Some(Path::new("/no/such.toml")), &quiet()).unwrap_err();
    assert_eq!(error.to_string(), "no configuration file: looked at /no/such.toml");
    assert!(crate::config::load(&file, &quiet()).unwrap().warnings.is_empty());
}
