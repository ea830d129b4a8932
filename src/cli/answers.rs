//! The words a refused request is answered with, and those of the access log, explained: `authgate help error token_expired`.
use crate::endpoints::Endpoint;
use crate::refusal::{CODES, OAUTH};

/// What the manual says of a code in an answer, or of a `reason` in the access log.
pub(super) fn explain(name: &str) -> Option<String> {
    let refusal = CODES.iter().chain(OAUTH).find(|code| code.name == name).map(|code| {
        let said = format!("{}. {}. {}", code.status.as_str(), code.title, code.cure);
        advice(name).map_or_else(|| said.clone(), |rows| format!("{said}\n\n{rows}"))
    });
    let further = || FURTHER.iter().find(|(word, _)| *word == name).map(|(_, words)| (*words).to_owned());
    let endpoint =
        || Endpoint::has_label(name).then(|| format!("One of the gateway's own endpoints answered: {name}."));
    refusal.or_else(further).or_else(endpoint)
}

/// Every code, and the other words that may stand in its place.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CODES.iter().chain(OAUTH).map(|code| code.name).chain(FURTHER.iter().map(|(name, _)| *name))
}

/// What client and operator do about it, as the page has it.
fn advice(code: &str) -> Option<String> {
    let row = STATUS_CODES.lines().find_map(|line| {
        let mut cells = line.split(" | ").map(|cell| cell.trim_matches(['|', ' ']));
        let named = cells.nth(1)?.trim_matches('`') == code;
        named.then(|| (cells.next().unwrap_or_default(), cells.next().unwrap_or_default()))
    })?;
    let rows = [("the client", row.0), ("the operator", row.1)].into_iter().filter(|(_, does)| *does != NOTHING);
    Some(rows.map(|(who, does)| format!("{who:<14}{does}")).collect::<Vec<_>>().join("\n"))
}

const STATUS_CODES: &str = include_str!("../../docs/STATUS-CODES.md");
/// Stands in the page where there is nothing to do.
const NOTHING: &str = "–";

/// Words that are no codes: what the line of a request that was not refused says.
const FURTHER: &[(&str, &str)] = &[
    ("open", "Let through: the route asks nobody for a sign-in, or this request needed none."),
    ("signed_in", "Let through: the person is signed in and has what the route asks for."),
    ("preflight", "Answered: a page of another site asked what it may do, and the route's `cors` says it."),
    ("redirect_http", "Answered: plain HTTP is sent to the same place over HTTPS, as `[tls] redirect_http` says."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_explains_every_code_that_the_page_of_codes_has() {
        for code in CODES {
            let said = explain(code.name).unwrap_or_else(|| panic!("the manual does not know {}", code.name));
            assert!(said.starts_with(code.status.as_str()) && said.contains("\nthe client "), "{said}");
            assert!(names().any(|name| name == code.name));
        }
        let said = explain("login_too_old").unwrap();
        assert!(said.contains("\nthe operator  `fresh_login` of the route;"), "{said}");
        assert!(!explain("bad_json").unwrap().contains("the operator"));
    }

    #[test]
    fn no_further_word_is_a_code_too_and_each_is_explained() {
        for (name, words) in FURTHER {
            assert_eq!(explain(name).as_deref(), Some(*words));
        }
        for code in OAUTH {
            assert!(explain(code.name).unwrap().starts_with(code.status.as_str()));
        }
        assert!(explain("healthz").unwrap().contains("own endpoints"));
        assert_eq!(explain("nonsense"), None);
    }
}
