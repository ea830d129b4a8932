//! How a token must be spelt: its parts, its header, its signature.
use super::*;

#[test] // T01, T03, T07
fn a_header_says_the_algorithm_and_the_type_to_the_letter() {
    let bench = Bench::new(Algorithm::Hs256);
    let kid = &bench.key.kid;
    let with = |alg: &str, typ: &str| bench.with_header(&format!(r#"{{"alg":{alg},"typ":{typ},"kid":"{kid}"}}"#));
    assert!(with(r#""HS256""#, r#""at+jwt""#).is_ok());
    let (quoted, bare) = (
        ["none", "None", "nOnE", "", "hs256", "HS512", "HS384", "RS256", "ES256", "PS256", "EdDSA"],
        ["null", "1", "true", "{}", r#"["HS256"]"#],
    );
    for alg in quoted.map(|name| format!("\"{name}\"")).into_iter().chain(bare.map(str::to_owned)) {
        assert_eq!(with(&alg, r#""at+jwt""#), Err(TokenError::Invalid), "{alg}");
    }
    for typ in
        [r#""JWT""#, r#""refresh""#, r#""AT+JWT""#, r#""application/at+jwt""#, r#""""#, "null", "1", r#"["at+jwt"]"#]
    {
        assert_eq!(with(r#""HS256""#, typ), Err(TokenError::Invalid), "{typ}");
    }
}

#[test] // T04, T05, T20
fn a_header_says_nothing_else() {
    let bench = Bench::new(Algorithm::Hs256);
    for (name, value) in [
        ("crit", json!(["zzz"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("jku", json!("http://127.0.0.1/k")),
        ("x5u", json!("http://127.0.0.1/k")),
        ("x5c", json!(["AAAA"])),
        ("x5t", json!("AAAA")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A128GCM")),
        ("p2c", json!(999_999_999)),
        ("iss", json!("http://gw")),
        ("", json!("")),
    ] {
        let mut header = bench.header();
        header[name] = value;
        assert_eq!(bench.with_header(&header.to_string()), Err(TokenError::Invalid), "{header}");
    }
}

#[test] // T13, T21
fn a_header_is_one_object_with_each_name_once() {
    let bench = Bench::new(Algorithm::Hs256);
    let (kid, right) = (&bench.key.kid, bench.header().to_string());
    assert!(bench.with_header(&format!(r#"{{"kid":"{kid}","typ":"at+jwt","\u0061lg":"HS256"}}"#)).is_ok());
    for header in [
        &format!(r#"{{"alg":"HS256","alg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#),
        &format!(r#"{{"alg":"none","\u0061lg":"HS256","typ":"at+jwt","kid":"{kid}"}}"#),
        &format!(r#"{{"alg":"HS256","typ":"at+jwt","kid":"x","kid":"{kid}"}}"#),
        &format!(r#"["HS256","at+jwt","{kid}"]"#),
        &format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
        &format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#),
        r#"{"alg":"HS256","typ":"at+jwt"}"#,
        &format!("\u{feff}{right}"),
        &format!("{right} x"),
        &format!("{right}{right}"),
        "null",
        "1",
        r#""x""#,
        "[]",
        "{}",
        "{",
    ] {
        assert_eq!(bench.with_header(header), Err(TokenError::Invalid), "{header}");
    }
}

#[test] // T06, K05
fn a_kid_is_looked_up_and_nothing_more() {
    let bench = Bench::new(Algorithm::Hs256);
    for kid in [
        json!("../../../../dev/null"),
        json!("' OR '1'='1"),
        json!("a\r\nX: y"),
        json!("k".repeat(5000)),
        json!("1"),
        json!(""),
        json!(null),
        json!(1),
        json!(["a"]),
        json!({}),
        json!(format!("{} ", bench.key.kid)),
    ] {
        let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid}).to_string();
        assert_eq!(bench.with_header(&header), Err(TokenError::Invalid), "{header}");
    }
}

#[test] // T02, T03
fn a_key_is_used_with_its_own_algorithm_only() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Ps256] {
        let bench = Bench::new(algorithm);
        let jwk = bench.tokens.jwks().to_owned();
        let first = jwk.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}").to_owned();
        for secret in [
            bench.key.kid.clone().into_bytes(),
            jwk.into_bytes(),
            first.into_bytes(),
            bench.key.material.to_vec(),
            vec![],
        ] {
            for alg in Algorithm::ALL.map(Algorithm::name) {
                let header = json!({"alg": alg, "typ": "at+jwt", "kid": bench.key.kid}).to_string();
                let token = sign(&secret, header.as_bytes(), bench.claims().to_string().as_bytes());
                assert_eq!(bench.verdict(&token), Err(TokenError::Invalid), "{algorithm:?} as {alg}");
            }
        }
    }
}

#[test] // T02: RS256 and PS256 with one and the same RSA key
fn an_rsa_key_for_one_padding_does_not_verify_the_other() {
    let rs = Bench::new(Algorithm::Rs256);
    let twin = StoredKey { algorithm: Algorithm::Ps256, ..rs.key.clone() };
    let ps = Tokens::new(KeyRing::new(&twin, &[]).unwrap(), &settings());
    assert_eq!(rs.verdict(&issue(&ps)), Err(TokenError::Invalid));
    assert_eq!(ps.verify(&issue(&rs.tokens), NOW), Err(TokenError::Invalid));
    assert!(ps.verify(&issue(&ps), NOW).is_ok());
}

#[test] // T14
fn a_token_has_one_spelling() {
    let bench = Bench::new(Algorithm::Hs256);
    let token = bench.sign(&bench.header().to_string(), &bench.claims().to_string());
    assert!(bench.verdict(&token).is_ok());
    let parts: Vec<&str> = token.split('.').collect();
    for index in 0..3 {
        for changed in [
            format!("{}=", parts[index]),
            format!("{}==", parts[index]),
            format!(" {}", parts[index]),
            format!("{}\n", parts[index]),
            format!("{} ", parts[index]),
            format!("{}+", parts[index]),
            format!("{}/", parts[index]),
            format!("{}\0", parts[index]),
            format!("{}é", parts[index]),
        ] {
            let mut all = parts.clone();
            all[index] = &changed;
            assert_eq!(bench.verdict(&all.join(".")), Err(TokenError::Invalid), "{changed}");
        }
    }
    // 32 bytes of signature are 43 characters with two bits left over: the other three spellings of the last one.
    let (rest, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    assert_eq!(place % 4, 0);
    for other in &alphabet.chars().collect::<Vec<_>>()[place + 1..place + 4] {
        assert_eq!(bench.verdict(&format!("{rest}{other}")), Err(TokenError::Invalid));
    }
}

#[test] // T15, T16, T19
fn a_token_has_three_parts_and_a_bound() {
    let bench = Bench::new(Algorithm::Hs256);
    let token = bench.sign(&bench.header().to_string(), &bench.claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let payload = URL_SAFE_NO_PAD.encode(bench.claims().to_string());
    for refused in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{token}"),
        format!("{message}..{signature}"),
        format!("{token}.a.b"),
        payload.clone(),
        format!(".{payload}."),
        ".".repeat(5_000_000),
        json!({"protected": "e30", "payload": payload, "signature": signature}).to_string(),
    ] {
        assert_eq!(bench.verdict(&refused), Err(TokenError::Invalid));
    }
    let mut lengths = Vec::new();
    for fill in 5000..6000 {
        let payload = bench.more_claims(&format!("\"x\":\"{}\"", "x".repeat(fill)));
        let token = bench.sign(&bench.header().to_string(), &payload);
        assert_eq!(bench.verdict(&token).is_ok(), token.len() <= 8192, "{} bytes", token.len());
        lengths.push(token.len());
    }
    assert!(
        lengths.iter().any(|length| (8190..=8192).contains(length))
            && lengths.iter().any(|length| (8193..8196).contains(length))
    );
}

#[test] // T17, T18
fn an_ecdsa_signature_is_64_bytes_that_fit() {
    let bench = Bench::new(Algorithm::Es256);
    let token = issue(&bench.tokens);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let good = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let order = [
        255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 188, 230, 250, 173, 167, 23, 158, 132,
        243, 185, 202, 194, 252, 99, 37, 81,
    ];
    let mut der = vec![0x30, 0x44, 0x02, 0x20];
    der.extend(&good[..32]);
    der.extend([0x02, 0x20]);
    der.extend(&good[32..]);
    for wrong in
        [vec![0; 64], [order, order].concat(), der, good[..63].to_vec(), [&good[..], &[0]].concat(), vec![0; 1]]
    {
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(wrong));
        assert_eq!(bench.verdict(&token), Err(TokenError::Invalid));
    }
}
