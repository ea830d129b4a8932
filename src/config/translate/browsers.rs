//! The cookie of `[sessions]`.
use crate::config::codes::Code;
use crate::config::finding::Finding;
use crate::config::read::{Part, Spot};
use crate::wire::{Authority, OwnCookies, SameSite};

/// `origin` is where people find the gateway: what a cookie may be called and hold follows from it.
pub(super) fn cookies(part: &Part<'_>, origin: &str) -> OwnCookies {
    let https = origin.starts_with("https://");
    let same_site = same_site(part, https);
    let domain = domain(part, origin);
    OwnCookies::new(&name(part), https, same_site, domain.as_deref())
}

fn name(part: &Part<'_>) -> String {
    let text: Spot<String> = part.spot("cookie");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (1..=64).contains(&text.value.len()) && text.value.bytes().all(fits) && !text.value.starts_with("__") {
        return text.value;
    }
    let finding = Finding::new(Code::E102, text.place, "`cookie` is no name of a cookie");
    part.complain(finding.label("letters, digits, `_`, `-` and `.`; `__Host-` is put before it on HTTPS"));
    "authgate".to_owned()
}

fn same_site(part: &Part<'_>, https: bool) -> SameSite {
    let words = [("lax", SameSite::Lax), ("strict", SameSite::Strict), ("none", SameSite::None)];
    let chosen = part.choice("same_site", &words);
    if chosen == SameSite::None
        && !https
        && let Some(item) = part.item("same_site")
    {
        part.complain(
            Finding::new(Code::E320, item.place.clone(), "browsers take such a cookie on HTTPS only")
                .label("refused by every browser")
                .say("set `public_url` to the https:// address of the site, or write \"lax\""),
        );
    }
    chosen
}

fn domain(part: &Part<'_>, origin: &str) -> Option<String> {
    let text: Spot<String> = part.given("domain")?;
    let domain = text.value.trim_start_matches('.').to_ascii_lowercase();
    let authority = Authority::parse(domain.as_bytes()).filter(|one| one.as_str() == one.host());
    let is_name = authority.is_some() && domain.contains('.') && !domain.starts_with(|c: char| c.is_ascii_digit());
    let place = origin.split_once("://").and_then(|(_, place)| Authority::parse(place.as_bytes()));
    let covers = place.is_some_and(|place| {
        place.host().strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if !is_name || !covers {
        part.complain(
            Finding::new(Code::E320, text.place, format!("browsers refuse a cookie of {origin} for `{domain}`"))
                .label("not a domain that the site lies in")
                .say("name the domain that `public_url` lies in, or take the line out"),
        );
        return None;
    }
    part.complain(
        Finding::new(Code::W320, text.place, "every host below the domain can set and read the session cookie")
            .label("gives up the protection of `__Host-`")
            .say("take the line out unless several hosts share the sign-in"),
    );
    Some(domain)
}
