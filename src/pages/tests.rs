//! Every page in every language, filled.
use std::fs;
use std::time::Duration;

use super::*;

fn house() -> House {
    House {
        prefix: "/auth".to_owned(),
        origin: "https://app.example.com".to_owned(),
        site: Some("app.example.com".to_owned()),
        sign_in: true,
        sign_in_with: SignInWith::Email,
        sign_ups: SignUps::Open,
        username_needed: false,
        email_needed: true,
        min_password: 8,
    }
}

fn settings(templates: Templates) -> Settings {
    Settings {
        enabled: true,
        title: None,
        logo: None,
        accent: Colour::parse("#3b5bdb").unwrap(),
        theme: Theme::Auto,
        languages: Language::ALL.into(),
        templates,
    }
}

fn pages() -> Pages {
    Pages::new(&settings(Templates::built_in()), house())
}

fn problem(code: &'static str) -> Option<Problem> {
    let field = |field, code| Wrong { field, code };
    let fields = vec![field("username", "reserved"), field("email", "invalid"), field("password", "weak_password")];
    Some(Problem { code, wait: Some(Duration::from_secs(33)), fields })
}

#[track_caller]
fn show<P: Page>(pages: &Pages, page: &P, language: &str) -> String {
    let html = pages.show(page, &pages.reader(Some(language), "other.example.com")).into_text();
    assert!(html.starts_with("<!doctype html>\n<html lang="), "{html}");
    assert!(html.trim_end().ends_with("</html>"), "{html}");
    // What the policy of our pages forbids.
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains(" onclick"), "{html}");
    html
}

fn moment() -> Moment {
    Moment { exact: "2026-11-22T19:40:00Z".to_owned(), words: "2026-11-22 19:40 UTC".to_owned() }
}

fn account() -> Account<'static> {
    let here = |id: &str, agent: &str, current| SignedIn {
        id: id.to_owned(),
        device: device(agent),
        ip: Some("192.0.2.7".to_owned()),
        last_seen: moment(),
        current,
    };
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
    let sessions = vec![here("01J8", FIREFOX, true), here("01J9", SAFARI, false), here("01JA", "", false)];
    let passkey =
        |last_used| OwnPasskey { id: "01K1".to_owned(), name: "<key>".to_owned(), added: moment(), last_used };
    Account {
        passkeys: vec![passkey(None), passkey(Some(moment()))],
        csrf: "c1",
        who: "ann@example.com",
        name: "Ann Äpfel",
        email: "ann@example.com",
        sessions,
        ..Account::default()
    }
}

#[test]
fn every_notice_has_its_words() {
    for about in ["mail_sent", "verify_sent", "verified", "password_set"] {
        for language in Language::ALL {
            show(&pages(), &Notice { about }, language.tag());
        }
    }
}

#[test]
fn every_page_is_filled_in_every_language() {
    for language in Language::ALL {
        for (with, sign_ups) in [
            (SignInWith::Username, SignUps::Open),
            (SignInWith::Email, SignUps::Invite),
            (SignInWith::Either, SignUps::Closed),
        ] {
            let house = House { sign_in_with: with, sign_ups, ..house() };
            let pages = Pages::new(&settings(Templates::built_in()), house);
            for problem in [None, problem("invalid_credentials"), problem("no_such_code")] {
                let tag = language.tag();
                let html = show(&pages, &SignIn { problem: problem.clone(), ..SignIn::default() }, tag);
                assert!(html.contains(&format!("<html lang=\"{tag}\" dir=\"{}\">", language.direction())), "{html}");
                show(
                    &pages,
                    &SignIn { only_password: true, name: "ann", return_to: Some("/x"), ..SignIn::default() },
                    tag,
                );
                show(&pages, &SignUp { problem: problem.clone(), ..SignUp::default() }, tag);
                show(&pages, &SignUp { invite: Some("agi_1"), problem: problem.clone(), ..SignUp::default() }, tag);
                show(&pages, &Forgot { problem: problem.clone(), ..Forgot::default() }, tag);
                show(&pages, &Reset { problem: problem.clone(), ..Reset::default() }, tag);
                show(&pages, &VerifyEmail { problem: problem.clone(), ..VerifyEmail::default() }, tag);
                for passkey in [true, false] {
                    let problem = problem.clone();
                    let html = show(&pages, &SecondFactor { passkey, problem, ..SecondFactor::default() }, tag);
                    assert_eq!(html.contains("class=\"passkey\""), passkey, "{html}");
                }
                show(&pages, &NewFactor { problem: problem.clone(), ..NewFactor::default() }, tag);
                show(&pages, &RecoveryCodes { codes: vec!["ABCD-EFGH"] }, tag);
                for place in ["names", "password", "second_factor", "passkeys", "sessions"] {
                    let (done, totp) = (problem.is_none().then_some(place), problem.is_some());
                    let page = Account { done, totp, fresh: totp, wrong_in: place, ..account() };
                    show(&pages, &Account { problem: problem.clone(), ..page }, tag);
                }
            }
        }
    }
}

#[test]
fn the_sign_in_page_has_the_shape_that_was_agreed() {
    let page = SignIn {
        csrf: "c1",
        return_to: Some("/api/x?a=1&b=2"),
        problem: problem("invalid_credentials"),
        ..SignIn::default()
    };
    let html = show(&pages(), &page, "en");
    for part in [
        "<html lang=\"en\" dir=\"ltr\">",
        "<title>Sign in · app.example.com</title>",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<meta name=\"color-scheme\" content=\"light dark\">",
        "<h1>Sign in</h1>",
        "role=\"alert\" tabindex=\"-1\">The e-mail address or the password is not right. Try again in 40 seconds.</p>",
        "<form method=\"post\" action=\"/auth/login\">",
        "<label for=\"username\">E-mail address</label>",
        "<input id=\"username\" name=\"username\" type=\"email\"",
        "autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\"",
        "<label for=\"current-password\">Password</label>",
        "<input id=\"current-password\" name=\"password\" type=\"password\" autocomplete=\"current-password\"",
        "aria-describedby=\"problem\"",
        "aria-pressed=\"false\" aria-controls=\"current-password\" hidden>Show password</button>",
        "<input type=\"hidden\" name=\"csrf\" value=\"c1\">",
        "<button type=\"submit\">Sign in</button>",
        "<a href=\"/auth/register?return_to=",
    ] {
        assert!(html.contains(part), "no {part} in\n{html}");
    }
    assert!(html.contains("name=\"return_to\" value=\"/api/x?a=1&amp;b=2\""), "{html}");
}

#[test]
fn password_managers_are_told_what_each_field_is() {
    let (pages, by_name) = (
        pages(),
        Pages::new(&settings(Templates::built_in()), House { sign_in_with: SignInWith::Username, ..house() }),
    );
    let again = SignIn { only_password: true, name: "ann", ..SignIn::default() };
    let (sign_in, sign_up) = (SignIn::default(), SignUp::default());
    for (html, wanted) in [
        (show(&pages, &sign_in, "en"), &[("username", "username"), ("password", "current-password")][..]),
        (show(&by_name, &sign_in, "en"), &[("username", "username"), ("password", "current-password")]),
        (show(&pages, &again, "en"), &[("username", "username"), ("password", "current-password")]),
        (show(&pages, &sign_up, "en"), &[("email", "username"), ("password", "new-password")]),
        (show(&by_name, &sign_up, "en"), &[("username", "username"), ("email", "email"), ("password", "new-password")]),
        (show(&pages, &Forgot::default(), "en"), &[("email", "email")]),
        (show(&pages, &Reset::default(), "en"), &[("new_password", "new-password")]),
        (show(&pages, &SecondFactor::default(), "en"), &[("code", "one-time-code")]),
        (show(&pages, &NewFactor::default(), "en"), &[("code", "one-time-code")]),
        (
            show(&pages, &account(), "en"),
            &[
                ("username", "username"),
                ("current_password", "current-password"),
                ("new_password", "new-password"),
                ("password", "current-password"),
            ],
        ),
    ] {
        for (name, told) in wanted {
            let field = html.split("<input").find(|field| field.contains(&format!(" name=\"{name}\"")));
            let field =
                field.and_then(|field| field.split('>').next()).unwrap_or_else(|| panic!("no {name} in {html}"));
            assert!(field.contains(&format!(" autocomplete=\"{told}\"")), "{field}");
        }
    }
}

#[test]
fn what_people_type_is_never_markup() {
    let evil = "\"><script>alert(1)</script>";
    let page = SignIn { csrf: evil, return_to: Some(evil), name: evil, ..SignIn::default() };
    let html = show(&pages(), &page, "en");
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    let refused = Refused {
        status: 404,
        code: "no_route",
        about: "not_found",
        request_id: evil,
        who: Some(evil),
        other_place: Some(evil),
        problem: None,
    };
    assert!(!show(&pages(), &refused, "en").contains("<script>"));
}

#[test]
fn without_a_public_url_the_page_names_the_host_that_was_asked() {
    let pages = Pages::new(&settings(Templates::built_in()), House { site: None, ..house() });
    assert!(show(&pages, &SignIn::default(), "en").contains("other.example.com"));
}

#[test]
fn files_have_names_that_change_with_their_content() {
    let plain = pages();
    let html = show(&plain, &SignIn::default(), "en");
    let dark = Pages::new(&Settings { theme: Theme::Dark, ..settings(Templates::built_in()) }, house());
    for path in [plain.assets.style(), plain.assets.script(), plain.assets.passkey_script()] {
        assert!(html.contains(path), "{path} in\n{html}");
        assert!(path.starts_with("/auth/authgate/"), "{path}");
        assert!(plain.asset(path).is_some_and(|asset| !asset.bytes.is_empty()));
    }
    assert_ne!(plain.assets.style(), dark.assets.style());
    assert!(dark.asset(plain.assets.style()).is_none());
}

#[test]
fn a_template_of_the_operator_stands_in_for_ours() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("sign_in.html"),
        "<!doctype html>\n<html lang=\"x\">{{ t.sign_in }} {{ page.name }}</html>",
    )
    .unwrap();
    fs::write(folder.path().join("notes.txt"), "not read").unwrap();
    let theirs = Pages::new(&settings(Templates::with(folder.path()).unwrap()), house());
    let html = show(&theirs, &SignIn { name: "<a>", ..SignIn::default() }, "de");
    assert_eq!(html, "<!doctype html>\n<html lang=\"x\">Anmelden &lt;a&gt;</html>");
    assert!(show(&theirs, &SignUp::default(), "de").contains("new-password"));
}

#[test]
fn a_template_that_fails_gives_way_to_ours() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sign_in.html"), "{{ t.no_such_text }}").unwrap();
    let theirs = Pages::new(&settings(Templates::with(folder.path()).unwrap()), house());
    assert!(show(&theirs, &SignIn::default(), "en").contains("current-password"));
}

#[test]
fn what_is_wrong_with_templates_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sign_in.html");
    let told = || format!("{:?}", Templates::with(folder.path()).unwrap_err());
    fs::write(&file, "{% if %}").unwrap();
    assert!(told().starts_with("Malformed"), "{}", told());
    fs::write(&file, " ".repeat(65 * 1024)).unwrap();
    assert!(told().starts_with("TooLarge"), "{}", told());
    fs::write(folder.path().join("login.html"), "").unwrap();
    fs::remove_file(&file).unwrap();
    assert!(told().starts_with("Unknown"), "{}", told());
    assert!(Templates::with(&folder.path().join("none")).is_err());
}
