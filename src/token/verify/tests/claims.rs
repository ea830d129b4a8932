//! What a token may say: each row is signed with the right key and must still be refused.
use super::*;

#[test] // T08
fn an_audience_is_ours_alone() {
    let bench = Bench::new(Algorithm::Hs256);
    for good in [json!("gw"), json!(["gw"])] {
        assert!(bench.with_claims(&json!({"aud": good})).is_ok());
    }
    for aud in [
        json!(null),
        json!(1),
        json!(true),
        json!({}),
        json!([1]),
        json!([]),
        json!(["gw", 1]),
        json!(["gw", "gw"]),
        json!(["other", "gw"]),
        json!([["gw"]]),
        json!("gw2"),
        json!("GW"),
        json!(" gw"),
        json!(""),
    ] {
        assert_eq!(bench.with_claims(&json!({"aud": aud})), Err(TokenError::Invalid), "{aud}");
    }
}

#[test] // T09
fn an_issuer_is_us_to_the_letter() {
    let bench = Bench::new(Algorithm::Hs256);
    for iss in [
        json!(null),
        json!(1),
        json!(["http://gw"]),
        json!(["evil", "http://gw"]),
        json!("http://gw.evil"),
        json!("http://gw/"),
        json!("HTTP://gw"),
        json!("http://GW"),
        json!(""),
        json!({}),
    ] {
        assert_eq!(bench.with_claims(&json!({"iss": iss})), Err(TokenError::Invalid), "{iss}");
    }
}

#[test] // T10
fn a_subject_is_an_id_of_ours() {
    let bench = Bench::new(Algorithm::Hs256);
    let id = UserId::new(NOW).to_string();
    assert!(bench.with_claims(&json!({"sub": id})).is_ok());
    for sub in [
        json!(null),
        json!(""),
        json!(1),
        json!([]),
        json!([id]),
        json!("a\u{0}b"),
        json!("alice"),
        json!(id.to_lowercase()),
        json!(format!("{id} ")),
        json!("é"),
    ] {
        assert_eq!(bench.with_claims(&json!({"sub": sub})), Err(TokenError::Invalid), "{sub}");
    }
    let lone = bench.claims().to_string().replace(r#""name":"Änn""#, r#""name":"\ud800""#);
    assert_eq!(bench.with_payload(&lone), Err(TokenError::Invalid));
}

#[test]
fn a_subject_may_be_a_name_or_an_address_in_its_one_spelling() {
    let named = Bench::with(Algorithm::Hs256, &Settings { subject: Subject::Username, ..settings() });
    let identity = named.verdict(&issue(&named.tokens)).unwrap();
    assert_eq!((identity.sub(), identity.user()), ("ann", None));
    let alone = named.with_claims(&json!({"sub": "bob", "preferred_username": null})).unwrap();
    assert_eq!(alone.username().map(Username::as_str), Some("bob"));
    for changes in
        [json!({"sub": "Ann"}), json!({"sub": "bob"}), json!({"sub": UserId::new(NOW).to_string()}), json!({"sub": ""})]
    {
        assert_eq!(named.with_claims(&changes), Err(TokenError::Invalid), "{changes}");
    }
    let mailed = Bench::with(Algorithm::Hs256, &Settings { subject: Subject::Email, ..settings() });
    assert_eq!(mailed.verdict(&issue(&mailed.tokens)).unwrap().sub(), "ann@example.com");
    assert_eq!(mailed.with_claims(&json!({"sub": "bob@example.com"})), Err(TokenError::Invalid));
}

#[test]
fn who_has_no_name_gets_no_token_that_needs_one() {
    let named = Bench::with(Algorithm::Hs256, &Settings { subject: Subject::Username, ..settings() });
    let person = Person {
        id: UserId::new(NOW),
        username: None,
        email: None,
        name: None,
        roles: &[],
        scopes: &[],
        attributes: &std::collections::BTreeMap::new(),
    };
    let refused = named.tokens.issue(&person, SessionId::new(NOW), NOW, &[], NOW).unwrap_err();
    assert_eq!(refused.to_string(), "tokens name people by their username, and this person has none");
}

#[test] // T11, T12
fn times_are_whole_seconds_that_make_sense() {
    let bench = Bench::new(Algorithm::Hs256);
    let now = NOW.seconds();
    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [
            json!("123"),
            json!(-1),
            json!(now as f64 + 600.5),
            json!(1e300),
            json!(u64::MAX),
            json!([now]),
            json!(true),
            json!(9_007_199_254_740_993_u64),
            json!({}),
        ] {
            assert_eq!(bench.with_claims(&json!({name: value})), Err(TokenError::Invalid), "{name} {value}");
        }
        let spelt = |text: &str| {
            bench.claims().to_string().replace(&format!("\"{name}\":"), &format!("\"{name}\":{text},\"x\":"))
        };
        assert_eq!(bench.with_payload(&spelt("null")), Err(TokenError::Invalid), "{name}");
        assert_eq!(bench.with_payload(&spelt(&format!("{now}.0"))), Err(TokenError::Invalid), "{name}");
    }
    for changes in [
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"exp": 0}),
        json!({"exp": now}),
        json!({"nbf": now + 6}),
        json!({"nbf": 9_999_999_999_u64}),
        json!({"iat": now + 86_400, "exp": now + 90_000}),
        json!({"iat": now + 6, "nbf": null}),
        json!({"exp": now + 10 * 365 * 86_400}),
        json!({"iat": now - 29 * 86_400, "exp": now + 2 * 86_400}),
    ] {
        assert_eq!(bench.with_claims(&changes), Err(TokenError::Invalid), "{changes}");
    }
    for changes in [
        json!({"nbf": null}),
        json!({"nbf": now + 5, "iat": now + 5}),
        json!({"exp": now + 30 * 86_400}),
        json!({"auth_time": null}),
    ] {
        assert!(bench.with_claims(&changes).is_ok(), "{changes}");
    }
    for changes in
        [json!({"iat": now - 930, "nbf": now - 930, "exp": now - 30}), json!({"iat": now - 900, "exp": now - 5})]
    {
        assert_eq!(bench.with_claims(&changes), Err(TokenError::Expired), "{changes}");
    }
}

#[test] // T22
fn only_a_token_that_is_right_in_all_else_hears_that_it_expired() {
    let bench = Bench::new(Algorithm::Hs256);
    let past = |changes: Value| {
        let mut all = json!({"iat": NOW.seconds() - 1000, "nbf": NOW.seconds() - 1000, "exp": NOW.seconds() - 100});
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        all
    };
    assert_eq!(bench.with_claims(&past(json!({}))), Err(TokenError::Expired));
    for changes in [
        json!({"iss": "x"}),
        json!({"aud": "x"}),
        json!({"sub": "x"}),
        json!({"sid": "x"}),
        json!({"roles": 1}),
        json!({"jti": ""}),
    ] {
        assert_eq!(bench.with_claims(&past(changes.clone())), Err(TokenError::Invalid), "{changes}");
    }
    let token = sign(&[7; 32], bench.header().to_string().as_bytes(), bench.claims().to_string().as_bytes());
    assert_eq!(bench.tokens.verify(&token, NOW.plus(Duration::from_secs(10_000))), Err(TokenError::Invalid));
}

#[test] // T13, T16, T21
fn a_payload_is_one_plain_object() {
    let bench = Bench::new(Algorithm::Hs256);
    let claims = bench.claims().to_string();
    let inside = |text: &str| bench.more_claims(text);
    assert!(bench.with_payload(&inside(r#""x":{"y":[1,2,{"z":null}]}"#)).is_ok());
    for payload in [
        "[]".to_owned(),
        "null".to_owned(),
        "\"x\"".to_owned(),
        "{}".to_owned(),
        format!("[{claims}]"),
        format!("\u{feff}{claims}"),
        format!("{claims}{claims}"),
        format!("{claims},"),
        format!("{claims}\0"),
        claims.trim_end_matches('}').to_owned(),
        inside(r#""exp":1"#),
        inside(r#""e\u0078p":9999999999"#),
        inside(r#""sub":"x""#),
        inside(r#""x":1,"x":1"#),
        inside(r#""x":{"a":1,"a":1}"#),
        inside(r#""x":NaN"#),
        inside(&format!(r#""x":{}{}"#, "[".repeat(200), "]".repeat(200))),
        inside(&format!(r#""x":{}1{}"#, r#"{"a":"#.repeat(200), "}".repeat(200))),
    ] {
        assert_eq!(bench.with_payload(&payload), Err(TokenError::Invalid), "{payload}");
    }
    let broken = sign(&bench.key.material, bench.header().to_string().as_bytes(), b"{\"iss\":\"\xff\"}");
    assert_eq!(bench.verdict(&broken), Err(TokenError::Invalid));
}

#[test] // T16
fn no_claim_stands_twice_not_even_with_the_same_value() {
    let bench = Bench::new(Algorithm::Hs256);
    let claims = bench.claims();
    let claims = claims.as_object().unwrap();
    assert_eq!(claims.len(), 15, "every claim that is read");
    for (name, value) in claims {
        let twice = Value::Object(claims.clone()).to_string().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        assert_eq!(bench.with_payload(&twice), Err(TokenError::Invalid), "{name}");
    }
    bench.with_payload(&Value::Object(claims.clone()).to_string()).expect("each of them once");
}

#[test]
fn claims_that_name_somebody_have_their_types_and_no_control_characters() {
    let bench = Bench::new(Algorithm::Hs256);
    for changes in [
        json!({"preferred_username": "a b"}),
        json!({"preferred_username": "аnn"}),
        json!({"preferred_username": 1}),
        json!({"preferred_username": "a\r\nX: y"}),
        json!({"email": "x"}),
        json!({"email": "a@b\nc"}),
        json!({"email": ["a@b"]}),
        json!({"name": "a\u{0}"}),
        json!({"name": "a\nb"}),
        json!({"name": "\u{85}"}),
        json!({"name": 1}),
        json!({"name": {}}),
        json!({"roles": "admin"}),
        json!({"roles": ["a,b"]}),
        json!({"roles": [""]}),
        json!({"roles": [1]}),
        json!({"roles": {}}),
        json!({"scope": ["read"]}),
        json!({"scope": "a  b"}),
        json!({"scope": " a"}),
        json!({"scope": "a\tb"}),
        json!({"scope": 1}),
        json!({"sid": ""}),
        json!({"sid": 1}),
        json!({"sid": "x"}),
        json!({"jti": null}),
        json!({"jti": ""}),
        json!({"jti": 1}),
        json!({"jti": "a b"}),
        json!({"jti": "j".repeat(129)}),
    ] {
        assert_eq!(bench.with_claims(&changes), Err(TokenError::Invalid), "{changes}");
    }
    let bare = json!({"preferred_username": null, "email": null, "name": null, "roles": null, "scope": null, "sid": null, "amr": null});
    let identity = bench.with_claims(&bare).unwrap();
    assert_eq!((identity.session(), identity.roles().len(), identity.name()), (None, 0, None));
}

#[test]
fn the_time_of_issue_is_as_exact_as_the_token_is_ours() {
    let bench = Bench::new(Algorithm::Hs256);
    let issued = |jti: String| bench.with_claims(&json!({"jti": jti})).unwrap().issued_at();
    assert_eq!(issued(TokenId::new(NOW).to_string()), NOW);
    let second = Timestamp::from_seconds(NOW.seconds());
    assert_eq!(issued("other-7".to_owned()), second);
    assert_eq!(
        issued(TokenId::new(NOW.plus(Duration::from_secs(1))).to_string()),
        second,
        "a jti that disagrees with iat"
    );
}
