//! `authgate user hashes`: which kinds of password hashes there are, and what remains to be replaced.
use std::collections::BTreeMap;

use serde_json::json;

use super::PAGE;
use crate::account::People;
use crate::base::Secret;
use crate::cli::Out;
use crate::cli::people::Failed;
use crate::cli::progress::thousands;
use crate::password::scheme_of;
use crate::store::UserFilter;

pub(super) async fn run(people: &People, out: &mut Out) -> Result<(), Failed> {
    let mut kinds: BTreeMap<&'static str, (u64, bool)> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = people.list(&UserFilter::default(), PAGE, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for hash in page.iter().map(|user| user.password_hash.as_ref()) {
            let kind = hash.map_or("no password", |hash| scheme_of(hash.expose()));
            let kept = kinds.entry(kind).or_default();
            kept.0 += 1;
            kept.1 |= hash.is_some_and(|hash: &Secret| people.hasher.needs_rehash(hash));
        }
    }
    if out.json() {
        let rows = kinds
            .iter()
            .map(|(kind, (count, replaced))| json!({ "scheme": kind, "people": count, "to_be_replaced": replaced }));
        out.data(&rows.collect());
        return Ok(());
    }
    for (kind, (count, replaced)) in kinds {
        let then = if replaced { "   replaced at the next sign-in" } else { "" };
        out.line(format_args!("{kind:<16} {:>12}{then}", thousands(count)));
    }
    Ok(())
}
