use proptest::prelude::*;

use super::*;

fn canon(path: &str) -> Result<String, PathError> {
    let target = PathAndQuery::try_from(path).map_err(|_| PathError::Byte)?;
    CanonPath::parse(&target).map(|path| path.as_str().to_owned())
}

#[test]
fn a_plain_path_stays_as_it_is() {
    for path in
        ["/", "/app", "/app/", "/a.b/..c/.d/e..", "/a/...", "/@:!$&'()*+,=~", "/[a]|{b}", "/100%25", "/%25zz", "/a%20b"]
    {
        assert_eq!(canon(path).as_deref(), Ok(path));
    }
}

#[test]
fn encoded_unreserved_characters_are_decoded_and_nothing_else() {
    assert_eq!(canon("/app/%61dmin").as_deref(), Ok("/app/admin"));
    assert_eq!(canon("/a%2Db%5f%7E%39").as_deref(), Ok("/a-b_~9"));
    assert_eq!(canon("/%ef%bc%8e%ef%bc%8e/app").as_deref(), Ok("/%ef%bc%8e%ef%bc%8e/app"));
    assert_eq!(canon("/%c3%A9%3a").as_deref(), Ok("/%c3%A9%3a"));
}

#[test]
fn every_ambiguous_path_is_refused_with_its_reason() {
    use PathError as E;
    #[rustfmt::skip]
    let rows = [
        ("/pub/../app/x", E::DotSegment), ("/pub/./../app", E::DotSegment), ("/pub/..", E::DotSegment), ("/.", E::DotSegment),
        ("/pub/%2e%2e/app", E::DotSegment), ("/pub/.%2E/app", E::DotSegment), ("/pub/%2E./app", E::DotSegment), ("/../", E::DotSegment),
        ("/pub/..%2fapp", E::EncodedSlash), ("/app%2Fadmin", E::EncodedSlash),
        ("/pub/..\\app", E::Backslash), ("/pub/..%5capp", E::Backslash), ("/app%5Cadmin", E::Backslash),
        ("/pub/..;/app", E::Semicolon), ("/app;v=1/admin", E::Semicolon), ("/app/admin;x", E::Semicolon), ("/pub%3B/x", E::Semicolon),
        ("//app/x", E::EmptySegment), ("/pub//app", E::EmptySegment), ("/app/admin//", E::EmptySegment), ("//", E::EmptySegment),
        ("/pub/%252e%252e/app", E::EncodedTwice), ("/app/%2561dmin", E::EncodedTwice), ("/pub/%25%32%65", E::EncodedTwice),
        ("/%25252e", E::EncodedTwice),
        ("/pub/%zz", E::BadEscape), ("/pub/%2", E::BadEscape), ("/%", E::BadEscape), ("/%u002e%u002e/app", E::BadEscape), ("/%+1", E::BadEscape),
        ("/pub/%00/app", E::Byte), ("/pub/%0d%0aX-User-Id:1", E::Byte), ("/pub/%7f", E::Byte), ("/pub/é", E::Byte),
        ("/pub%3f/../app", E::Delimiter), ("/pub/%23", E::Delimiter),
        ("/%c0%ae%c0%ae/app", E::NotUtf8), ("/%e0%80%ae", E::NotUtf8), ("/%f0%80%80%af", E::NotUtf8), ("/%ff", E::NotUtf8),
        ("*", E::NoSlash), ("?x", E::NoSlash),
    ];
    for (path, why) in rows {
        assert_eq!(canon(path), Err(why), "{path}");
    }
    assert_eq!(canon(&format!("/{}", "a".repeat(MAX_PATH))), Err(E::TooLong));
}

#[test]
fn the_query_is_carried_byte_for_byte() {
    let path = CanonPath::parse(&PathAndQuery::from_static("/%61?a=/../%2e;&b=%61?")).unwrap();
    assert_eq!((path.as_str(), path.query()), ("/a", Some("a=/../%2e;&b=%61?")));
    assert_eq!(path.target().as_str(), "/a?a=/../%2e;&b=%61?");
    let empty = CanonPath::parse(&PathAndQuery::from_static("/a?")).unwrap();
    assert_eq!(empty.target().as_str(), "/a?");
}

#[test]
fn a_prefix_covers_whole_segments_only() {
    let app = PathPrefix::parse("/app/").unwrap();
    assert_eq!(app.as_str(), "/app");
    for (path, covered) in [
        ("/app", true),
        ("/app/", true),
        ("/app/x", true),
        ("/application", false),
        ("/app.bak", false),
        ("/APP", false),
        ("/", false),
    ] {
        assert_eq!(app.covers(&CanonPath::parse_text(path).unwrap()), covered, "{path}");
    }
    assert!(PathPrefix::parse("/").unwrap().covers(&CanonPath::parse_text("/x").unwrap()));
}

#[test]
fn a_prefix_matches_octets_and_not_spellings() {
    let cafe = PathPrefix::parse("/caf%C3%A9").unwrap();
    assert!(cafe.covers(&CanonPath::parse_text("/caf%c3%a9/x").unwrap()));
    assert!(PathPrefix::parse("/a:b").unwrap().covers(&CanonPath::parse_text("/a%3Ab").unwrap()));
}

#[test]
fn a_prefix_that_is_not_canonical_is_refused() {
    for wrong in ["app", "/app/../x", "/app//", "/app?x", "/app#", "/é", "", "//"] {
        assert!(PathPrefix::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn stripping_leaves_a_path_that_begins_with_one_slash() {
    let api = PathPrefix::parse("/api").unwrap();
    let strip = |target: &str| {
        let path = CanonPath::parse(&PathAndQuery::try_from(target).unwrap()).unwrap();
        api.strip(&path).map(Cow::into_owned)
    };
    assert_eq!(strip("/api/x/?q=1").as_deref(), Ok("/x/?q=1"));
    assert_eq!(strip("/api?").as_deref(), Ok("/?"));
    assert_eq!(strip("/api/").as_deref(), Ok("/"));
    assert_eq!(strip("/%61pi/%c3%a9").as_deref(), Ok("/%c3%a9"));
    assert!(strip("/apiary").is_err());
    let deep = PathPrefix::parse("/a%3Ab/%C3%A9").unwrap();
    assert_eq!(deep.strip(&CanonPath::parse_text("/a:b/%c3%a9/x%20").unwrap()).unwrap(), "/x%20");
    let root = PathPrefix::parse("/").unwrap();
    assert_eq!(root.strip(&CanonPath::parse_text("/x").unwrap()).unwrap(), "/x");
}

/// How upstreams in the wild read a path before they serve it.
fn readings(path: &str) -> Vec<String> {
    let once = lossy_decode(path);
    let without_parameters: Vec<_> = path.split('/').map(|part| part.split(';').next().unwrap_or("")).collect();
    vec![
        once.clone(),
        lossy_decode(&once),
        merge_slashes(path),
        without_parameters.join("/"),
        once.replace('\\', "/"),
        resolve_dots(&once),
        resolve_dots(&merge_slashes(&lossy_decode(&once).replace('\\', "/"))),
    ]
}

fn lossy_decode(path: &str) -> String {
    let bytes = path.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match path.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(unhex) {
            Some(octet) => (out.push(octet), at += 3),
            None => (out.push(bytes[at]), at += 1),
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn merge_slashes(path: &str) -> String {
    let mut out = String::new();
    for letter in path.chars() {
        if letter != '/' || !out.ends_with('/') {
            out.push(letter);
        }
    }
    out
}

fn resolve_dots(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

fn pieces() -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let piece = prop::sample::select(vec![
        "pub", "app", "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", ";", "%3b", "%25", "25", "2e", "2f", "%", "%61", "a",
        "%c3%a9", "%ef%bc%8e", "%c0%ae", "%00", "~", "%7e", ":", "%3a", "zz", "é", "|",
    ]);
    prop::collection::vec(piece, 0..9).prop_map(|pieces| format!("/pub{}", pieces.concat()))
}

proptest! {
    #[test]
    fn reading_a_canonical_path_again_changes_nothing(path in pieces()) {
        if let Ok(once) = canon(&path) {
            let twice = canon(&once);
            prop_assert_eq!(twice.as_ref(), Ok(&once));
        }
    }

    #[test]
    fn no_upstream_reads_an_accepted_public_path_as_another(path in pieces()) {
        let public = PathPrefix::parse("/pub").unwrap();
        let accepted = CanonPath::parse_text(&path).ok().filter(|path| public.covers(path));
        for reading in accepted.iter().flat_map(|path| readings(path.as_str())) {
            prop_assert!(reading == "/pub" || reading.starts_with("/pub/"), "{:?} is read as {:?}", path, reading);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(path in "\\PC{0,40}") {
        let _outcome = canon(&path);
    }

    #[test]
    fn stripping_a_covered_path_always_works(path in pieces()) {
        let public = PathPrefix::parse("/pub").unwrap();
        if let Some(path) = CanonPath::parse_text(&path).ok().filter(|path| public.covers(path)) {
            let rest = public.strip(&path).unwrap();
            prop_assert!(rest.starts_with('/') && !rest.starts_with("//"));
            let again = CanonPath::parse_text(&rest).unwrap();
            prop_assert_eq!(again.as_str(), rest);
            prop_assert!(again.octets() == b"/" || path.octets().ends_with(again.octets()));
        }
    }
}
