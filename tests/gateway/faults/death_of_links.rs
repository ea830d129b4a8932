//! The process dies between any two writes while a forgotten password is replaced by a mailed link.
use serde_json::json;

use super::sudden_death::{acknowledged, dies_at_each_write};
use crate::support::{Gateway, Mailbox, Site, Upstream};

#[derive(Debug, Default)]
struct Known {
    link: Option<String>,
    done: bool,
}

const OLD: &str = "a-first-password-1";
const NEW: &str = "ein-neues-Wort-42";

#[test]
fn killed_at_any_write_of_a_reset_the_link_is_good_once_and_one_password_is_in_force() {
    let Some(mailbox) = Mailbox::start() else { return };
    let site = Site::fixture(&Upstream::start()).set("mail", "url", &mailbox.url());
    let site = site.set("mail", "from", "\"no-reply@example.org\"");
    let prepare = |gateway: &Gateway, name: &str| {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": OLD });
        gateway.post("/auth/register").json(&body).send().expect(201);
        Known::default()
    };
    let live = |gateway: &Gateway, name: &str, known: &mut Known| {
        let email = format!("{name}@example.com");
        acknowledged(&gateway.post("/auth/password/forgot").json(&json!({ "email": email })))?;
        // The letter is written beside the answer: what it costs to die there is the letter.
        let letters = || mailbox.letters().into_iter().any(|letter| letter["to"] == json!([email]));
        while !letters() {
            std::net::TcpStream::connect(("127.0.0.1", gateway.port)).ok()?;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let link = mailbox.token(&email, 0);
        known.link = Some(link.clone());
        acknowledged(&gateway.post("/auth/password/reset").json(&json!({ "token": link, "new_password": NEW })))?;
        known.done = true;
        Some(())
    };
    let deaths = dies_at_each_write(site, prepare, live, is_kept);
    assert!(deaths > 8, "it died only {deaths} times");
}

fn is_kept(gateway: &Gateway, name: &str, known: &Known) {
    let (old, new) = (gateway.log_in(name, OLD).status, gateway.log_in(name, NEW).status);
    let reset = |link: &str| {
        gateway.post("/auth/password/reset").json(&json!({ "token": link, "new_password": NEW })).send().status
    };
    match &known.link {
        None => assert_eq!((old, new), (200, 401)),
        Some(link) if (old, new) == (401, 200) => assert_eq!(reset(link), 400, "used up"),
        Some(link) => {
            assert_eq!(((old, new), known.done), ((200, 401), false));
            assert_eq!((reset(link), reset(link)), (204, 400), "good once");
            gateway.log_in(name, NEW).expect(200);
        }
    }
}
