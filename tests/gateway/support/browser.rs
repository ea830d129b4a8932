//! A browser as far as cookies, redirects and forms go: it sends what a real one sends, and keeps what one keeps.
use std::cell::RefCell;
use std::collections::BTreeMap;

use super::client::password_of;
use super::{Answer, Call, Gateway};

#[derive(Debug)]
pub(crate) struct Browser<'a> {
    pub(crate) gateway: &'a Gateway,
    jar: RefCell<BTreeMap<String, String>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(gateway: &'a Gateway) -> Self {
        Self { gateway, jar: RefCell::default() }
    }

    /// Alice's, who is new here and came in by the form.
    #[track_caller]
    pub(crate) fn signed_in(gateway: &'a Gateway) -> Self {
        gateway.register("alice");
        let browser = Self::new(gateway);
        browser.sign_in("alice", "/app").expect(303);
        browser
    }

    /// Opens a page, as from the address bar or a link of the same site; redirects are not followed.
    #[track_caller]
    pub(crate) fn open(&self, target: &str) -> Answer {
        self.send(self.gateway.get(target).header("Sec-Fetch-Mode", "navigate").header("Sec-Fetch-Site", "same-origin"))
    }

    /// The same, to the last page.
    #[track_caller]
    pub(crate) fn follow(&self, target: &str) -> (String, Answer) {
        let mut target = target.to_owned();
        for _ in 0..10 {
            let answer = self.open(&target);
            if answer.status != 303 {
                return (target, answer);
            }
            target = answer.field("location").unwrap().to_owned();
        }
        panic!("redirects for ever, last to {target}\n{}", self.gateway.log_text());
    }

    /// What a script of our own pages asks.
    pub(crate) fn fetch(&self, method: &str, target: &str) -> Call<'a> {
        let call = self.gateway.call(method, target).header("Sec-Fetch-Mode", "cors");
        if ["GET", "HEAD"].contains(&method) { call } else { call.header("Origin", &self.origin()) }
    }

    /// Sends with the cookies there are, and keeps those that come.
    #[track_caller]
    pub(crate) fn send(&self, call: Call<'_>) -> Answer {
        let answer = match self.cookies() {
            Some(cookies) => call.header("Cookie", &cookies).send(),
            None => call.send(),
        };
        for line in answer.head.all("set-cookie") {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            self.gateway.keep_secret(if value.is_empty() { "no secret of ours" } else { &value });
            if line.contains("Max-Age=0") {
                self.jar.borrow_mut().remove(name);
            } else {
                self.jar.borrow_mut().insert(name.to_owned(), value);
            }
        }
        answer
    }

    pub(crate) fn cookies(&self) -> Option<String> {
        let jar = self.jar.borrow();
        let pairs: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.jar.borrow().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.jar.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Where our own pages are.
    pub(crate) fn origin(&self) -> String {
        self.gateway.site().public_url().unwrap_or_else(|| format!("http://{}", self.gateway.authority()))
    }

    /// Fills in the form of a page and sends it, hidden fields included.
    #[track_caller]
    pub(crate) fn submit(&self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let form = Form::of(&page.text());
        let call = self.gateway.call("POST", &form.action).header("Origin", &self.origin());
        self.send(call.form(&form.filled(fields)))
    }

    /// Signs in somebody with the password that `register` gave, by the form.
    #[track_caller]
    pub(crate) fn sign_in(&self, name: &str, return_to: &str) -> Answer {
        let page = self.open(&format!("{}/login?return_to={return_to}", self.gateway.auth_prefix())).expect(200);
        let password = password_of(name);
        self.gateway.keep_secret(&password);
        self.submit(&page, &[("username", name), ("password", &password)])
    }
}

/// A form as it stands in a page.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    hidden: Vec<(String, String)>,
}

impl Form {
    #[track_caller]
    pub(crate) fn of(html: &str) -> Self {
        let form = html.split_once("<form").unwrap_or_else(|| panic!("no form in {html}")).1;
        let form = form.split_once("</form>").unwrap().0;
        let inputs = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let hidden = inputs.map(|input| (attribute(input, "name"), attribute(input, "value")));
        Self { action: attribute(form, "action"), hidden: hidden.collect() }
    }

    pub(crate) fn filled(&self, fields: &[(&str, &str)]) -> String {
        let hidden = self.hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let hidden = hidden.filter(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        let pairs: Vec<_> =
            hidden.chain(fields.iter().copied()).map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        pairs.join("&")
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let rest = tag.split_once(&format!(" {name}=\"")).unwrap_or_else(|| panic!("no {name} in {tag}")).1;
    let value = rest.split('"').next().unwrap();
    value
        .replace("&#x2f;", "/")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
