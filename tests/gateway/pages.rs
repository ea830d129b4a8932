//! What a person who opens a page is shown.
use crate::support::{Answer, Call, Gateway, Reply, SOON, Site, Upstream, authgate};

/// What browsers send with a page that somebody opens.
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

trait Opened {
    fn opened(self) -> Self;
}

impl Opened for Call<'_> {
    fn opened(self) -> Self {
        self.header("Accept", PAGE).header("Sec-Fetch-Mode", "navigate").header("Sec-Fetch-Dest", "document")
    }
}

/// A page that says this code, the request's id, and the words.
#[track_caller]
fn says(answer: &Answer, status: u16, code: &str, words: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{text}");
    assert!(text.contains(&format!("<code>{code}</code>")), "{code} in {text}");
    assert!(text.contains(words), "{words} in {text}");
    let id = answer.field("x-request-id").unwrap();
    assert!(text.contains(&format!("<code>{id}</code>")), "{id} in {text}");
}

fn house() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Site::fixture(&upstream)
        .route("prefix = \"/gone\"\nupstream = \"http://127.0.0.1:1\"\nauth = \"none\"")
        .start();
    (upstream, gateway)
}

#[test]
fn a_person_is_refused_in_words_and_a_program_in_json() {
    let (upstream, gateway) = house();
    let alice = gateway.register("alice");
    says(&gateway.get("/nowhere").opened().send(), 404, "no_route", "Page not found");
    says(&gateway.get("/auth/nowhere").opened().send(), 404, "no_route", "Page not found");
    let denied = gateway.get("/app/admin").bearer(&alice.access).opened().send();
    says(&denied, 403, "missing_role", "No access to this page");
    assert!(denied.text().contains("<bdi>alice</bdi>"), "{}", denied.text());
    let gone = gateway.get("/gone/x").opened().send();
    says(&gone, 502, "upstream_refused", "The application cannot be reached");
    for fields in [vec![], vec![("Accept", "*/*")], vec![("Accept", PAGE), ("Sec-Fetch-Mode", "cors")]] {
        let call = gateway.get("/nowhere");
        fields.into_iter().fold(call, |call, (name, value)| call.header(name, value)).send().refused(404, "no_route");
    }
    gateway.stands(&upstream);
}

#[test]
fn a_backend_that_is_slow_or_talks_nonsense_is_named_as_the_cause() {
    let upstream = Upstream::answering(|seen| match seen.path() {
        "/odd" => Reply::bytes("nonsense\r\n\r\n"),
        _ => Reply::new("200 OK", "", "ok"),
    });
    let url = upstream.url();
    let silent = Upstream::talking(|wire| {
        let _ = wire.ends_within(SOON);
    });
    let slow = silent.url();
    let gateway = Site::new()
        .route(&format!("prefix = \"/\"\nupstream = \"{url}\"\nauth = \"none\""))
        .route(&format!("prefix = \"/slow\"\nupstream = \"{slow}\"\nauth = \"none\"\ntimeout = \"200ms\""))
        .start();
    let odd = gateway.get("/odd").opened().send();
    says(&odd, 502, "upstream_bad_response", "The application gave a broken answer");
    says(&gateway.get("/slow").opened().send(), 504, "upstream_timeout", "The application took too long");
}

#[test]
fn a_page_speaks_the_readers_language() {
    let (_upstream, gateway) = house();
    let ask = |languages: &str| gateway.get("/nowhere").opened().header("Accept-Language", languages).send().text();
    for (languages, lang, words) in [
        ("de-AT,de;q=0.9,en;q=0.5", "lang=\"de\" dir=\"ltr\"", "Seite nicht gefunden"),
        ("fr", "lang=\"fr\" dir=\"ltr\"", "Page introuvable"),
        ("es", "lang=\"es\" dir=\"ltr\"", "Página no encontrada"),
        ("ar-EG", "lang=\"ar\" dir=\"rtl\"", "الصفحة غير موجودة"),
        ("ja", "lang=\"en\" dir=\"ltr\"", "Page not found"),
        ("x,,;q=;;q=1.0.0,\u{fe}", "lang=\"en\"", "Page not found"),
    ] {
        let page = ask(languages);
        assert!(page.contains(lang) && page.contains(words), "{languages}: {page}");
    }
}

#[test]
fn the_operators_languages_theme_accent_and_logo_are_shown() {
    let upstream = Upstream::start();
    let logo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pages/logo.svg");
    let gateway = Site::fixture(&upstream)
        .set("pages", "languages", "[\"de\", \"fr\"]")
        .set("pages", "theme", "\"dark\"")
        .set("pages", "accent", "\"#ff0000\"")
        .set("pages", "logo", &format!("\"{logo}\""))
        .start();
    let page = gateway.get("/nowhere").opened().header("Accept-Language", "en").send().text();
    assert!(page.contains("lang=\"de\"") && page.contains("content=\"dark\""), "{page}");
    let style = gateway.get(&linked(&page, "rel=\"stylesheet\" href=\"")).send().expect(200);
    assert_eq!(style.field("content-type"), Some("text/css; charset=utf-8"));
    assert!(style.text().contains("color-scheme:dark") && !style.text().contains("prefers-color-scheme"));
    assert!(style.text().contains("--accent:#ff"), "{}", &style.text()[..600]);
    let logo = gateway.get(&linked(&page, "<img src=\"")).send().expect(200);
    assert_eq!(logo.field("content-type"), Some("image/svg+xml"));
    assert!(logo.field("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
}

#[test]
fn files_of_pages_are_kept_for_good_and_under_no_other_name() {
    let (_upstream, gateway) = house();
    let page = gateway.get("/nowhere").opened().send().text();
    let style = linked(&page, "rel=\"stylesheet\" href=\"");
    let script = linked(&page, "<script src=\"");
    gateway.get(&style).send().expect(200);
    let script = gateway.get(&script).send().expect(200);
    assert_eq!(script.field("content-type"), Some("text/javascript; charset=utf-8"));
    gateway.get(&style.replace(".css", "0.css")).send().refused(404, "no_route");
    gateway.post(&style).send().refused(405, "method_not_allowed");
}

#[test]
fn every_error_code_is_on_its_page() {
    let (_upstream, gateway) = house();
    let page = gateway.get("/auth/errors").send().expect(200).text();
    assert!(page.contains("id=\"invalid_grant\""), "{page}");
    for code in ["no_route", "login_required", "upstream_timeout", "internal"] {
        assert!(page.contains(&format!("id=\"{code}\"")), "{code} in {page}");
    }
}

#[test]
fn what_is_wrong_with_pages_is_said_before_anything_starts() {
    for (key, value, words) in [
        ("accent", "\"red\"", "`accent` is no colour"),
        ("languages", "[\"xx\"]", "pages are not written in `xx`"),
        ("logo", "\"/no/such.svg\"", "`logo` cannot be shown"),
        ("templates", "\"/no/such\"", "`templates` cannot be used"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::fixture(&Upstream::start()).set("pages", key, value);
        std::fs::write(folder.path().join("gateway.toml"), site.text(1, 2)).unwrap();
        let ran = authgate(folder.path(), site.variables(), &["check"]);
        assert!(ran.code != 0 && format!("{}{}", ran.out, ran.err).contains(words), "{key}: {ran:?}");
    }
}

/// The path that follows this text on a page.
fn linked(page: &str, before: &str) -> String {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split('"').next().unwrap().to_owned()
}
