//! What is wrong is found, and nothing more.
use super::*;

/// The codes that a file has beside the least one.
#[track_caller]
fn finds(more: &str, expected: &[&str]) {
    assert_eq!(codes(&least(more)), expected, "{more}");
}

/// A drawing of the only finding.
fn drawn(text: &str) -> String {
    findings_in(text, &quiet()).render(Format::Text, false)
}

#[test] // C02
fn a_name_nobody_knows_is_refused() {
    for (more, code) in [
        ("protcted = [\"/a\"]", "E103"),
        ("Role = [\"a\"]", "E103"),
        ("[sevrer]\nlisten = \"127.0.0.1:80\"", "E103"),
        ("[server]\nlisen = \"127.0.0.1:80\"", "E103"),
        ("[[route]]\nprefix = \"/x\"", "E103"),
        ("[passwords]\nargon2 = { memry = \"19MiB\" }", "E103"),
        ("[tls]\nacme_email = \"x\"", "E103"),
        ("mode = \"observed\"", "E102"),
        ("[accounts]\nregistration = \"invited\"", "E102"),
        ("[log]\nlevel = \"dbug\"", "E102"),
        ("[tokens]\nlocations = [\"heder\"]", "E102"),
        ("[tokens]\nlocations = []", "E102"),
        ("[tokens]\nlocations = [\"header\", \"header\"]", "E106"),
        ("[tokens]\nquery_name = \"a=b\"", "E102"),
        ("auth = \"none\"\non_denied = \"login\"", "E207"),
        ("on_denied = \"login\"\n[pages]\nenabled = false", "E207"),
        ("on_denied = \"login\"\n[tokens]\nlocations = [\"header\"]", "E207"),
        ("auth = \"none\"\nrate_per_user = \"50/s\"", "W313"),
        ("auth = \"optional\"\nrate_per_user = \"50/s\"", ""),
        ("[tls]\nmin_version = \"1.3\"", "W313"),
        ("[tls]\nmin_version = \"1.2\"", ""),
        ("[tls]\nmin_version = \"1.1\"", "E102"),
        ("[sessions]\ncookie = \"__Host-x\"", "E102"),
        ("[sessions]\nsame_site = \"none\"", "E320"),
        ("[sessions]\ndomain = \"example.com\"", "E320"),
        ("[server]\npublic_url = \"https://evilexample.com\"\n[sessions]\ndomain = \"example.com\"", "E320"),
        ("[server]\npublic_url = \"https://example.com\"\n[sessions]\ndomain = \"com\"", "E320"),
    ] {
        finds(more, Some(code).filter(|code| !code.is_empty()).as_slice());
    }
    assert_eq!(codes(&format!("listen = \"127.0.0.1:80\"\n{}", least(""))), ["E103"]);
}

#[test]
fn a_misspelt_name_is_told_the_right_one() {
    let made_up = "[tokens]\nalgorithm = \"HS256\"\n[keys]\nsecret = \"0123456789abcdef0123456789abcdef\"";
    finds(made_up, &["W303", "W314"]);
    for (more, said) in [
        ("[[route]]\nprefix = \"/x\"", "did you mean `routes`?"),
        ("[sevrer]\na = 1", "did you mean `server`?"),
        ("[route]\nprefix = \"/x\"", "did you mean `[[routes]]`?"),
        ("[[sevrer]]\na = 1", "did you mean `[server]`?"),
        ("[[upstream]]\na = 1", "did you mean `[upstreams]`?"),
        ("path = \"/x\"", "did you mean `prefix`?"),
        ("listen = \"x\"", "this setting belongs in `[server]` or `[admin]`: in TOML"),
        ("[log]\nlog_level = \"debug\"", "did you mean `level`?"),
        ("assertion = \"x\"", "not in this version"),
        ("[accounts]\nregistration = \"opn\"", "did you mean `open`?"),
        ("[identity]\nheaders = \"remot\"", "did you mean `remote`?"),
        ("methods = [\"get\"]", "did you mean `GET`?"),
        ("max_body = \"10MB\"", "did you mean `10MiB`?"),
        ("hosts = [\"https://a.example/x\"]", "only the name"),
        ("[server]\nlisten = \":8080\"", "127.0.0.1:8080"),
        ("[limits]\nlogin_per_ip = 20", "20/m"),
        ("[limits]\nmax_body = 1048576", "1MiB"),
    ] {
        let drawn = drawn(&least(more));
        assert!(drawn.contains(said), "{more}\n{drawn}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_or_size_is_refused() {
    for &(more, code) in WRONG {
        let code = Some(code).filter(|code| !code.is_empty());
        finds(more, code.as_slice());
    }
}

#[test]
fn an_upstream_that_cannot_be_spoken_to_is_refused() {
    for (more, code) in [
        ("[upstreams]\na = \"https://a/x\"", "E205"),
        ("[upstreams]\na = \"http://a/x\"", "E205"),
        ("[upstreams]\na = 3", "E101"),
        ("[upstreams.a]\nkeep_alive = \"1s\"", "E104"),
        ("[upstreams.a]\nurls = []", "E102"),
        ("[upstreams.a]\nurls = [\"h2c://a\", \"http://a\"]", "E205"),
        ("[upstreams.a]\nurls = [\"https://a\", \"http://a\"]", "E205"),
        ("[upstreams.a]\nurls = \"http://a\"\nverify_tls = false", "E102"),
        ("[upstreams.a]\nurls = \"https://a\"\nclient_cert = \"/x\"", "E104"),
        ("[upstreams.a]\nurls = \"https://a\"\nca = \"/no/such.pem\"", "E305"),
        ("[upstreams]\na = \"h2c://a\"", ""),
    ] {
        finds(more, Some(code).filter(|code| !code.is_empty()).as_slice());
    }
}

#[test]
fn only_exact_origins_are_let_in_and_everybody_only_without_credentials() {
    for (more, code) in [
        ("cors = { origins = [\"https://a\", \"http://b:3000\"], credentials = true }", ""),
        ("cors = { origins = [\"*\"] }", ""),
        ("cors = { origins = [\"*\"], credentials = true }", "E209"),
        ("cors = { origins = [\"https://a/\"] }", "E102"),
        ("cors = { origins = [\"https://*.a.example\"] }", "E102"),
        ("cors = { origins = [\"null\"] }", "E102"),
        ("cors = { origins = [] }", "E102"),
        ("cors = { credentials = true }", "E104"),
    ] {
        finds(more, Some(code).filter(|code| !code.is_empty()).as_slice());
    }
}

const WRONG: &[(&str, &str)] = &[
    ("auth = true", "E101"),
    ("set_request_headers = { X-Forwarded-For = \"1\" }", "E208"),
    ("set_request_headers = { X_Forwarded-For = \"1\" }", "E208"),
    ("set_request_headers = { Content_Length = \"1\" }", "E208"),
    ("remove_response_headers = [\"X.Request_Id\"]", "E208"),
    ("set_request_headers = { X_Forward = \"1\" }", ""),
    ("strip_prefix = \"true\"", "E101"),
    ("roles = \"admin\"", "E101"),
    ("roles = [1]", "E101"),
    ("roles = [\"a b\"]", "E102"),
    ("roles = [\"a\", \"a\"]", "E106"),
    ("roles = []", "E102"),
    ("hosts = []", "E102"),
    ("hosts = [\"a_b.example:80\"]", "E206"),
    ("methods = [\"G T\"]", "E102"),
    ("timeout = 5", "E110"),
    ("timeout = \"5\"", "E110"),
    ("timeout = \"5x\"", "E111"),
    ("timeout = 1.5", "E101"),
    ("timeout = \"0s\"", "E105"),
    ("max_body = 10", "E110"),
    ("server = 3", "E103"),
    ("[server]\nworkers = -1", "E105"),
    ("[server]\nworkers = 0x10", ""),
    ("[server]\nworkers = \"2\"", "E101"),
    ("[server]\nworkers = 99999999999999999999999", "E105"),
    ("[server]\nlisten = 8080", "E101"),
    ("[server]\nlisten = []", "E102"),
    ("[server]\nlisten = \"example.com:80\"", "E102"),
    ("[server]\nlisten = \"systemd\"", "E102"),
    ("[server]\npublic_url = \"https://a/x\"", "E102"),
    ("[server]\nauth_prefix = \"auth\"", "E304"),
    ("[server]\ntrusted_proxies = [\"proxy.local\"]", "E102"),
    ("[limits]\nlogin_per_ip = \"0/m\"", "E105"),
    ("[limits]\nmax_header = \"1KiB\"", "E105"),
    ("[passwords]\nmax_length = 4097", "E105"),
    ("[passwords]\nmin_length = 20\nmax_length = 10", "E105"),
    ("[tokens]\nissuer = \"\"", "E102"),
    ("[tokens]\nalgorithm = \"none\"", "E102"),
    ("[tokens]\nalgorithm = \"ES512\"", "E102"),
    ("[identity]\ngroup_separator = \"x\"", "E102"),
    ("[tokens]\nclaims = { Sub = \"x\" }", "E102"),
    ("[tokens]\nclaims = { a = 1 }", "E101"),
    ("[tokens]\nclaims = { a = \"${user.b-c}/${user.d}\", \"https://a/b\" = \"$${user.b}\" }", ""),
    ("[tokens]\nclaims = { a = \"${user.}\" }", "E121"),
    ("[tokens]\nissuer = \"${user.b}\"", "E121"),
    ("[store]\nshared = \"http://cache\"", "E102"),
    ("[store]\nshared = \"redis://cache\"", ""),
    ("[store]\nurl = \"postgres://a\"", "E102"),
    ("[store]\nurl = \"mysql://a/b?x=1\"", "E102"),
    ("[store]\nurl = \"postgres://a:b@c/d\"\npassword = \"e\"", "E102"),
    ("[store]\nurl = \"sqlite://a.db\"", "E102"),
    ("[store]\nurl = \"sqlite:\"", "E102"),
    ("[admin]\nlisten = \"127.0.0.1:8080\"", "E106"),
    ("[server]\nlisten = [\"127.0.0.1:80\", \"localhost:80\"]", "E106"),
    ("[server]\nlisten = [\"127.0.0.1:80\", \"[::1]:80\", \"127.0.0.1:81\"]", ""),
    ("[server]\nlisten = [\"127.0.0.1:0\", \"localhost:0\"]", ""),
    ("[admin]\nlisten = \"0.0.0.0:8080\"", "E106"),
    ("[admin]\nlisten = \"[::]:8080\"", "E106"),
    ("[admin]\nlisten = \"[::1]:8080\"", ""),
    (
        "[tls]\ncert = \"tests/certificates/site.pem\"\nkey = \"tests/certificates/site.key\"\nredirect_http = \"127.0.0.1:9090\"",
        "E106",
    ),
    ("[upstreams]\na = \"http://a/x\"", "E205"),
    ("[upstreams]\na = 3", "E101"),
    ("[upstreams.a]\nkeep_alive = \"1s\"", "E104"),
    ("[upstreams.a]\nurls = []", "E102"),
    ("[upstreams.a]\nurls = [\"h2c://a\", \"http://a\"]", "E205"),
    ("[upstreams]\na = \"h2c://a\"", ""),
];

#[test] // C01, C03, C04
fn routes_that_cannot_be_meant_are_refused() {
    assert_eq!(codes(""), ["E204"]);
    assert_eq!(codes("[server]\n"), ["E204"]);
    assert_eq!(codes("routes = []\n"), ["E204"]);
    assert_eq!(codes("[routes]\nprefix = \"/\"\n"), ["E101"]);
    assert_eq!(codes("[[routes]]\n"), ["E104", "E104"]);
    assert_eq!(codes("[[routes]]\nprefix = \"/\"\nupstream = \"app\"\n"), ["E201"]);
    for prefix in ["", "app", "/app/../x", "/app//", "/%61pp", "/app?x", "/app#", "/é", "*", "/*", "/a;b", "/a\\\\b"] {
        let text = format!("[[routes]]\nprefix = \"{prefix}\"\nupstream = \"http://a\"\n");
        assert_eq!(codes(&text), ["E203"], "{prefix}");
    }
    let two = |one: &str, other: &str| {
        let route = |more: &str| format!("[[routes]]\nupstream = \"http://a\"\n{more}\n");
        codes(&(route(one) + &route(other)))
    };
    assert_eq!(two("prefix = \"/a\"", "prefix = \"/a/\"\nauth = \"none\""), ["E202"]);
    assert_eq!(two("prefix = \"/a\"\nhosts = [\"A.b\"]", "prefix = \"/a\"\nhosts = [\"c.d\", \"a.b\"]"), ["E202"]);
    assert_eq!(two("prefix = \"/a\"\nhosts = [\"a.b\"]", "prefix = \"/a\"\nhosts = [\"c.d\"]").len(), 0);
    assert_eq!(two("prefix = \"/a\"\nhosts = [\"a.b\"]", "prefix = \"/a\"").len(), 0);
    finds("auth = \"none\"\nroles = [\"admin\"]", &["E207"]);
    finds("auth = \"optional\"\nscopes = [\"s\"]", &["E207"]);
    finds("[[routes]]\nprefix = \"/auth/x\"\nupstream = \"http://a\"", &["W201"]);
    finds("[[routes]]\nprefix = \"/authors\"\nupstream = \"http://a\"", &[]);
}

#[test]
fn one_mistake_is_told_once() {
    // A broken upstream is not unknown, a misspelt key is not missing, an unset variable is not a bad value.
    let text = "[upstreams]\na = \"ftp://a\"\n[[routes]]\nprefx = \"/\"\nupstream = \"a\"\n";
    assert_eq!(codes(text), ["E205", "E103"]);
    assert_eq!(codes("[[routes]]\nprefix = \"/\"\nupstream = \"${APP}\"\n"), ["E120"]);
    finds("timeout = \"${T}\"\nroles = [\"${R}\"]", &["E120", "E120"]);
    finds("timeout = \"${T\"", &["E121"]);
    finds("cors = 1", &["E101"]);
    finds("cors = \"${R}\"", &["E120"]);
    finds("[accounts]\nmigrate_from = \"http://a\"", &["E101"]);
    finds("[accounts]\nmigrate_from = { username_field = \"a\" }", &["E104"]);
    for (registration, codes) in
        [("", &["W312"][..]), ("registration = \"open\"\n", &["W312"]), ("registration = \"invite\"\n", &[])]
    {
        finds(&format!("[accounts]\n{registration}migrate_from = {{ url = \"http://a/login\" }}"), codes);
    }
    for header in ["[[route]]", "[route]"] {
        assert_eq!(codes(&format!("{header}\nprefix = \"/\"\nupstream = \"http://a\"\n")), ["E103"], "{header}");
    }
    assert_eq!(codes("[sevrer]\nlisten = \"127.0.0.1:80\"\n"), ["E103", "E204"]);
    finds("[keys]\nsecret = \"${file:/no/such}\"", &["E122"]);
}

#[test] // C07, C09, K01
fn what_is_not_safe_is_refused_or_warned_of() {
    for (more, expected) in [
        ("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", "W302"),
        ("[server]\ntrusted_proxies = [\"::/0\"]", "W302"),
        ("[server]\npublic_url = \"https://a.example.com\"\n[sessions]\ndomain = \".example.com\"", "W320"),
        ("[server]\nlisten = \"0.0.0.0:80\"", "W301"),
        ("[server]\nlisten = [\"127.0.0.1:80\", \"[::]:80\"]", "W301"),
        ("[server]\nlisten = \"[::1]:80\"", ""),
        ("[server]\nlisten = \"0.0.0.0:80\"\ntrusted_proxies = []", "W301"),
        ("[server]\nlisten = \"unix:/run/a.sock\"", "W311"),
        ("[server]\nlisten = \"unix:/run/a.sock\"\ntrusted_proxies = [\"unix:\"]", ""),
        ("[server]\ntrusted_proxies = [\"unix:\"]", "E104"),
        ("[admin]\nallow = [\"unix:\"]", "E102"),
        ("[server]\nlisten = \"0.0.0.0:80\"\ntrusted_proxies = [\"10.0.0.1\"]", ""),
        ("[admin]\nallow = [\"0.0.0.0/0\"]", "W305"),
        ("[accounts]\ndefault_roles = [\"admin\"]", "W306"),
        ("[store]\nurl = \"sqlite:a.db\"\nmax_connections = 4", "W313"),
        ("[store]\nurl = \"sqlite:a.db\"\nmax_connections = 16", ""),
        ("[store]\npassword = \"${file:Cargo.toml}\"", "W313"),
        ("[accounts]\ndefault_roles = [\"admin\"]\nregistration = \"closed\"", ""),
        ("[passwords]\nargon2 = { memory = \"8KiB\" }", "E105"),
        ("[passwords]\nargon2 = { memory = \"64GiB\" }", "E105"),
        ("[passwords]\nargon2 = { iterations = 0 }", "E105"),
        ("[passwords]\nargon2 = { lanes = 0 }", "E105"),
        ("[tokens]\nalgorithm = \"HS256\"\n[keys]\nsecret = \"short\"", "E301"),
        ("[tokens]\nalgorithm = \"HS256\"\n[keys]\nsecret = \"kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a\"", "W303"),
        ("[tokens]\nalgorithm = \"HS256\"\n[keys]\nsecret = \"abababababababababababababababababab\"", "E301"),
        ("[keys]\nencrypt_with = \"change-me-please-change-me-please\"", "E301"),
        ("[keys]\nencrypt_with = \"abababababababababababababababababab\"", "E301"),
        ("[keys]\nencrypt_with = \"kM3vRr0yqZ8bX1n7Tt5uWc2eJf4hLg6a\"", "W303"),
        ("[keys]\nfiles = [\"/no/such.pem\"]", "E310"),
        ("[identity]\nnames = { user = \"Host\" }", "E302"),
        ("[identity]\nnames = { user = \"X-A\", email = \"x-a\" }", "E303"),
    ] {
        let expected = Some(expected).filter(|code| !code.is_empty());
        finds(more, expected.as_slice());
    }
}

#[test]
fn a_secret_is_never_repeated() {
    for secret in ["hunter2", "hunter2hunter2hunter2hunter2hunter2"] {
        let text = least(&format!("[keys]\nsecret = \"{secret}\"\n[tokens]\nissuer = 3"));
        let environment = Environment::of([("AUTHGATE__KEYS__SECRET", secret), ("AUTHGATE__KEYS__SECERT", secret)]);
        for findings in [findings_in(&text, &quiet()), findings_in(&text, &environment)] {
            for format in [Format::Text, Format::Json, Format::Github] {
                let told = findings.render(format, false);
                assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
            }
        }
    }
}

#[test]
fn a_variable_that_stands_for_nothing_is_refused() {
    for (name, said) in [
        ("AUTHGATE__SERVER__LISTN", "did you mean `AUTHGATE__SERVER__LISTEN`?"),
        ("AUTHGATE__SEVER__LISTEN", "did you mean `AUTHGATE__SERVER__LISTEN`?"),
        ("AUTHGATE__ROUTES__PREFIX", "[[routes]] are written in the file"),
        ("AUTHGATE__SERVER__TRUSTED_PROXIES", "is a list of texts"),
        ("AUTHGATE__SERVER", "AUTHGATE__SECTION__KEY"),
        ("AUTHGATE__PASSWORDS__ARGON2__MEMRY", "did you mean `AUTHGATE__PASSWORDS__ARGON2__MEMORY`?"),
        ("AUTHGATE__IDENTITY__NAMES__USR", "did you mean `AUTHGATE__IDENTITY__NAMES__USER`?"),
        ("AUTHGATE__TOKENS__CLAMS__TENANT", "did you mean `AUTHGATE__TOKENS__CLAIMS__TENANT`?"),
        ("AUTHGATE__TOKENS__CLAIMS", "cannot be set from outside: `claims` is a table in braces"),
        ("AUTHGATE__ACCOUNTS__ROLE_SCOPES__ADMIN", "cannot be set from outside"),
        ("AUTHGATE__SERVER__LISTEN__X", "stands for no setting: `listen` is"),
        ("AUTHGATE__ROUTES__CORS__CREDENTIALS", "[[routes]] are written in the file"),
        ("AUTHGATE__TOKENS__CLAIMS__A__B", "AUTHGATE__SECTION__KEY"),
        ("AUTHGATE__TLS__ACME_EMAIL", "variables that begin with AUTHGATE__"),
    ] {
        let findings = findings_in(&least(""), &Environment::of([(name, "x")]));
        let drawn = findings.render(Format::Text, false);
        assert!(drawn.starts_with("error[E130]") && drawn.contains(said), "{drawn}");
    }
    let empty = findings_in(&least(""), &Environment::of([("AUTHGATE__SERVER__LISTEN", "")]));
    assert_eq!(empty.errors(), 1);
    let wrong = findings_in(&least(""), &Environment::of([("AUTHGATE__SERVER__WORKERS", "many")]));
    assert_eq!(wrong.list[0].code, Code::E101);
}

#[test]
fn two_listeners_at_one_address_are_told_with_the_line_that_says_so() {
    for (more, line) in [
        ("[server]\nlisten = \"127.0.0.1:9090\"", 5),
        ("[server]\nlisten = [\n\"127.0.0.1:80\",\n\"127.0.0.1:9090\"]", 7),
        ("[server]\nlisten = \"127.0.0.1:80\"\n[admin]\nlisten = \"127.0.0.1:80\"", 7),
        ("[server]\ntrusted_proxies = [\"::1\"]\nlisten = [\"[::1]:80\", \"[::]:9090\"]", 6),
        ("[server]\nlisten = \"[::ffff:127.0.0.1]:80\"\n[admin]\nlisten = \"127.0.0.1:80\"", 7),
        ("[admin]\nlisten = \"127.0.0.1:8080\"", 5),
    ] {
        let findings = findings_in(&least(more), &quiet());
        assert_eq!(findings.iter().map(|one| one.code().name()).collect::<Vec<_>>(), ["E106"], "{more}");
        let drawn = findings.render(Format::Text, false);
        assert!(drawn.contains(&format!("gateway.toml:{line}:")), "{drawn}");
        assert!(drawn.contains("take another port, for one of `[server] listen` and `[admin] listen`"), "{drawn}");
    }
}

#[test]
fn what_is_no_text_is_refused() {
    let wrong = |bytes: &[u8]| match parse_bytes(bytes, "gateway.toml", &quiet()) {
        Err(ConfigError::Wrong(findings)) => findings.list[0].code,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(b"\xff\xfe["), Code::E002);
    assert_eq!(wrong(&vec![b'#'; 2 << 20]), Code::E002);
    assert!(parse_bytes(format!("\u{feff}{}", least("")).as_bytes(), "x", &quiet()).is_ok());
}

#[test]
fn a_finding_is_an_object_for_machines_and_an_annotation_for_pull_requests() {
    let findings = findings_in(&least("prefx = \"/ä\""), &quiet());
    let object = &findings.to_json()[0];
    assert_eq!(object["code"], "E103");
    assert_eq!(object["severity"], "error");
    assert_eq!(object["message"], "unknown key `prefx` in `[[routes]]`");
    assert_eq!((&object["file"], &object["line"], &object["column"]), (&"gateway.toml".into(), &4.into(), &1.into()));
    let span = &object["span"];
    assert_eq!(span["end"].as_u64().unwrap() - span["start"].as_u64().unwrap(), 5);
    assert_eq!((&object["help"], &object["replacement"]["text"]), (&"did you mean `prefix`?".into(), &"prefix".into()));
    assert_eq!(
        findings.render(Format::Github, false),
        "::error file=gateway.toml,line=4,col=1::[E103] unknown key `prefx` in `[[routes]]`: did you mean `prefix`?\n"
    );
}

#[test]
fn a_misspelt_header_is_put_right_with_its_brackets() {
    let right = |text: &str| findings_in(text, &quiet()).renamed().unwrap();
    let rest = "prefix = \"/\"\nupstream = \"http://a\"\n";
    assert_eq!(right(&format!("[route]\n{rest}")), format!("[[routes]]\n{rest}"));
    assert_eq!(right(&format!("[[route]]\n{rest}")), format!("[[routes]]\n{rest}"));
    assert!(codes(&right(&format!("[route]\n{rest}"))).is_empty());
    assert_eq!(right(&least("[[sevrer]]\nworkers = 1")), least("[server]\nworkers = 1"));
}

#[test]
fn misspelt_names_can_be_put_right() {
    let text =
        "[[routes]]\nprefx = \"/\"\nupstream = \"ap\"\n[upstreams]\napp = \"http://a\"\n[tokens]\naccess_ttl = 900\n";
    let right = findings_in(text, &quiet()).renamed().unwrap();
    assert_eq!(right, text.replace("prefx", "prefix").replace("\"ap\"", "\"app\""));
    assert_eq!(codes(&right), ["E110"]);
}
