//! What is signed is read back, for as long as it should be.
use super::*;

#[test]
fn what_is_signed_is_read_back_with_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let bench = Bench::new(algorithm);
        let (name, roles) = (Username::parse("ann").unwrap(), [Role::parse("admin").unwrap()]);
        let person = Person {
            id: UserId::new(NOW),
            username: Some(&name),
            email: None,
            name: Some("Änn"),
            roles: &roles,
            scopes: &[],
            attributes: &std::collections::BTreeMap::new(),
        };
        let session = SessionId::new(NOW);
        let issued = bench.tokens.issue(&person, session, NOW, &["pwd"], NOW).unwrap();
        let identity = bench.verdict(&issued.token).unwrap();
        assert_eq!(identity.user(), Some(person.id), "{algorithm:?}");
        assert_eq!(identity.sub(), person.id.to_string());
        assert_eq!(identity.username(), Some(&name));
        assert_eq!(identity.email(), None);
        assert_eq!(identity.name(), Some("Änn"));
        assert_eq!(identity.roles(), &roles);
        assert_eq!(identity.scopes(), &[]);
        assert_eq!(identity.session(), Some(session));
        assert_eq!(identity.token_id(), issued.id.to_string());
        assert_eq!(identity.issued_at(), NOW);
        assert_eq!(identity.auth_time(), Some(Timestamp::from_seconds(NOW.seconds())));
        assert_eq!(identity.expires_at(), Timestamp::from_seconds(NOW.seconds() + 900));
    }
}

#[test]
fn a_token_has_exactly_the_promised_header_and_claims() {
    let bench = Bench::new(Algorithm::Es256);
    let token = issue(&bench.tokens);
    let part = |index: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
    };
    let names = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut header = names(&part(0));
    header.sort();
    assert_eq!(header, ["alg", "kid", "typ"]);
    assert_eq!(
        names(&part(1)).join(" "),
        "iss sub aud exp iat nbf jti sid auth_time amr scope roles preferred_username email name"
    );
    assert_eq!(part(1)["scope"], "read write");
    assert_eq!(part(1)["amr"], json!(["pwd"]));
}

#[test]
fn a_token_lives_from_its_second_to_its_end_and_the_leeway() {
    let bench = Bench::new(Algorithm::Hs256);
    let token = issue(&bench.tokens);
    let at = |seconds: u64| bench.tokens.verify(&token, Timestamp::from_seconds(NOW.seconds() + seconds)).map(drop);
    assert_eq!(at(0), Ok(()));
    assert_eq!(at(904), Ok(()));
    assert_eq!(at(905), Err(TokenError::Expired));
    assert_eq!(at(100_000_000), Err(TokenError::Expired));
    let before = |seconds: u64| bench.tokens.verify(&token, Timestamp::from_seconds(NOW.seconds() - seconds)).map(drop);
    assert_eq!(before(5), Ok(()));
    assert_eq!(before(6), Err(TokenError::Invalid));
}

#[test]
fn what_the_settings_allow_is_never_too_long_to_read() {
    let long = Settings { access_ttl: Duration::from_secs(90 * 86_400), ..settings() };
    let bench = Bench::with(Algorithm::Hs256, &long);
    assert!(bench.verdict(&issue(&bench.tokens)).is_ok());
}

#[test]
fn a_token_made_elsewhere_lives_no_longer_than_what_ends_it_is_kept() {
    let long = Settings { access_ttl: Duration::from_secs(3650 * 86_400), ..settings() };
    let bench = Bench::with(Algorithm::Hs256, &long);
    let year = |days: u64| json!({"exp": NOW.seconds() + days * 86_400, "sid": null});
    assert!(bench.with_claims(&year(366)).is_ok());
    assert_eq!(bench.with_claims(&year(367)), Err(TokenError::Invalid));
    assert!(bench.verdict(&issue(&bench.tokens)).is_ok(), "our own end with their session, which is kept as long");
}

#[test]
fn a_kept_key_verifies_until_it_is_dropped() {
    let old = Bench::new(Algorithm::Es256);
    let token = issue(&old.tokens);
    let new = StoredKey::generate(Algorithm::EdDsa, NOW).unwrap();
    let both = Tokens::new(KeyRing::new(&new, std::slice::from_ref(&old.key)).unwrap(), &settings());
    assert!(both.verify(&token, NOW).is_ok());
    assert!(both.verify(&issue(&both), NOW).is_ok());
    let alone = Tokens::new(KeyRing::new(&new, &[]).unwrap(), &settings());
    assert_eq!(alone.verify(&token, NOW), Err(TokenError::Invalid));
}

#[test]
fn an_inspection_says_where_a_token_fails() {
    let bench = Bench::new(Algorithm::Hs256);
    let steps = |token: &str, now: Timestamp| -> Vec<(&'static str, bool)> {
        bench.tokens.inspect(token, now).findings.iter().map(|finding| (finding.step.name(), finding.good)).collect()
    };
    let token = issue(&bench.tokens);
    let passed = ["signature", "issuer", "audience", "expires"].map(|name| (name, true));
    assert_eq!(steps(&token, NOW), passed);
    let late = bench.tokens.inspect(&token, NOW.plus(Duration::from_secs(900 + 200)));
    let last = late.findings.last().unwrap();
    assert_eq!((last.step, last.good), (Step::Expiry, false));
    assert_eq!(last.words, "2026-09-21T14:28:20.000Z, 3m 20s ago (leeway 5s)");
    assert_eq!(late.outcome, Err(TokenError::Expired));
    assert_eq!(steps("x", NOW), [("form", false)]);
    assert_eq!(steps(&issue(&Bench::new(Algorithm::Hs256).tokens), NOW), [("key", false)]);
    let foreign = bench.sign(&bench.header().to_string(), &json!({"iss": "http://\u{1b}[2J"}).to_string());
    assert_eq!(steps(&foreign, NOW).last(), Some(&("claims", false)));
    let mut claims = bench.claims();
    claims["iss"] = json!("http://\u{1b}[2J");
    let foreign = bench.tokens.inspect(&bench.sign(&bench.header().to_string(), &claims.to_string()), NOW);
    assert_eq!(foreign.findings.last().unwrap().words, "from \"http://\\u{1b}[2J\"");
}

#[test] // K06
fn the_key_set_shows_public_keys_only() {
    let keys: Vec<StoredKey> =
        Algorithm::ALL.into_iter().map(|algorithm| StoredKey::generate(algorithm, NOW).unwrap()).collect();
    let tokens = Tokens::new(KeyRing::new(&keys[0], &keys[1..]).unwrap(), &settings());
    let set: Value = serde_json::from_str(&tokens.jwks()).unwrap();
    let shown = set["keys"].as_array().unwrap();
    assert_eq!(shown.len(), 4);
    for (jwk, key) in shown.iter().zip(&keys) {
        let mut names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[&str] = match key.algorithm {
            Algorithm::Es256 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            Algorithm::EdDsa => &["alg", "crv", "kid", "kty", "use", "x"],
            Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Hs256 => &["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(names, expected);
        assert_eq!(
            (&jwk["use"], &jwk["alg"], &jwk["kid"]),
            (&json!("sig"), &json!(key.algorithm.name()), &json!(key.kid))
        );
    }
    let alone = Tokens::new(KeyRing::new(&keys[4], &[]).unwrap(), &settings());
    assert_eq!(alone.jwks(), r#"{"keys":[]}"#);
    for key in &keys {
        let printed = format!("{tokens:?} {alone:?} {key:?}");
        assert!(!printed.contains(&format!("{:?}", &key.material[key.material.len() - 8..])));
        assert!(!printed.contains(&URL_SAFE_NO_PAD.encode(&*key.material)));
    }
}

#[test]
fn a_token_names_its_session_after_its_end_but_only_when_all_else_is_right() {
    let bench = Bench::new(Algorithm::Es256);
    let token = issue(&bench.tokens);
    let session = bench.verdict(&token).unwrap().session();
    let late = Timestamp::from_seconds(NOW.seconds() + 86_400);
    assert!(session.is_some());
    assert_eq!(bench.tokens.session_of(&token, NOW), session);
    assert_eq!(bench.tokens.session_of(&token, late), session);
    assert_eq!(bench.tokens.session_of(&token, Timestamp::from_seconds(NOW.seconds() - 60)), None);
    assert_eq!(bench.tokens.session_of(&format!("{token}A"), late), None);
    assert_eq!(Bench::new(Algorithm::Es256).tokens.session_of(&token, late), None);
}
