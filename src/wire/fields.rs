//! Field names that only the gateway may use towards an upstream, in every spelling that a backend might take for them.
use http::{HeaderMap, HeaderName};

/// The names of a name: lower case, and every character that is not a letter or a digit read as `_`.
///
/// CGI-like backends fold names this way, so `X_User.Id` reaches them as `X-User-Id`.
pub(crate) fn fold(name: &str) -> String {
    name.bytes().map(fold_byte).map(char::from).collect()
}

/// Whether two names are one to such a backend. Nothing is allocated.
pub(crate) fn is_same_fold(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(fold_byte).eq(other.bytes().map(fold_byte))
}

/// Every name that is taken off what clients send, compared by fold.
#[derive(Clone)]
pub(crate) struct Registry {
    /// Sorted by the length of the fold, then by fold.
    entries: Vec<Entry>,
    /// For each length of a fold, where those of that length begin; one more than there are lengths.
    begins: [u16; LONGEST + 2],
    /// For each length of a fold, the first letters that folds of that length have: most fields are passed over by this.
    first_letters: [u32; LONGEST + 1],
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    fold: Box<str>,
    /// The one spelling that stays: `Content-Length` is kept while `Content_Length` goes. `None`: no spelling stays.
    kept: Option<&'static str>,
}

impl Registry {
    /// All names of all presets, names that other stacks trust, aliases of fields that frame or forward, and `own`.
    pub(crate) fn new(own: &[HeaderName]) -> Self {
        let stripped = TRUSTED_BY_OTHERS.iter().copied().chain(PRESET_NAMES.iter().copied());
        let stripped = stripped.chain(own.iter().map(HeaderName::as_str)).map(|name| Entry::new(name, None));
        let mut entries: Vec<_> = stripped.collect();
        for name in ALIASES_ONLY.iter().copied() {
            let entry = Entry::new(name, Some(name));
            // What is stripped outright stays so.
            if !entries.iter().any(|known| known.fold == entry.fold) {
                entries.push(entry);
            }
        }
        entries.sort_by(|one, other| one.length().cmp(&other.length()).then_with(|| one.cmp(other)));
        entries.dedup_by(|one, other| one.fold == other.fold);
        let begins = std::array::from_fn(|length| {
            let shorter = entries.iter().take_while(|entry| entry.length() < length).count();
            u16::try_from(shorter).unwrap_or(u16::MAX)
        });
        let mut first_letters = [0; LONGEST + 1];
        for entry in &entries {
            if let Some(letters) = first_letters.get_mut(entry.fold.len().min(LONGEST)) {
                *letters |= letter_bit(entry.fold.as_bytes());
            }
        }
        Self { entries, begins, first_letters }
    }

    /// Removes every field that a client may not send. Nothing is allocated unless there is one.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        // Each distinct name is looked at once; removing may move others, so the names are gathered first.
        let found: Vec<_> = headers.keys().filter(|name| self.holds(name.as_str())).cloned().collect();
        for name in found {
            headers.remove(name);
        }
    }

    /// Whether a field of this name is taken off.
    pub(crate) fn holds(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let letters = self.first_letters.get(bytes.len().min(LONGEST)).copied().unwrap_or_default();
        letters & letter_bit(bytes) != 0 && self.holds_closely(bytes, name)
    }

    fn holds_closely(&self, bytes: &[u8], name: &str) -> bool {
        let length = bytes.len().min(LONGEST);
        let (Some(&from), Some(&to)) = (self.begins.get(length), self.begins.get(length + 1)) else { return false };
        let same_length = self.entries.get(usize::from(from)..usize::from(to)).unwrap_or_default();
        // Most names that come so far are the kept spelling of one.
        if same_length.iter().any(|entry| entry.kept == Some(name)) {
            return false;
        }
        same_length.iter().any(|entry| entry.is_fold_of(bytes))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.fold)).finish()
    }
}

impl Entry {
    fn new(name: &str, kept: Option<&'static str>) -> Self {
        Self { fold: fold(name).into_boxed_str(), kept }
    }

    /// Longer ones share a place.
    fn length(&self) -> usize {
        self.fold.len().min(LONGEST)
    }

    fn is_fold_of(&self, bytes: &[u8]) -> bool {
        self.fold.len() == bytes.len() && self.fold.bytes().eq(bytes.iter().copied().map(fold_byte))
    }
}

const fn fold_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' }
}

/// One bit for each first letter of a fold; digits and `_` share one.
fn letter_bit(name: &[u8]) -> u32 {
    match name.first().map(u8::to_ascii_lowercase) {
        Some(letter @ b'a'..=b'z') => 1 << (letter - b'a'),
        _ => 1 << 26,
    }
}

/// Longer names share one slot of the table.
const LONGEST: usize = 40;

/// The names of the presets of `[identity] headers`.
pub(crate) const PRESET_NAMES: &[&str] = &[
    "remote-user",
    "remote-email",
    "remote-name",
    "remote-groups",
    "remote-sub",
    "x-forwarded-user",
    "x-forwarded-preferred-username",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-auth-request-user",
    "x-auth-request-preferred-username",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-webauth-user",
    "x-webauth-email",
    "x-webauth-name",
    "x-webauth-groups",
    "x-user-name",
    "x-user-email",
    "x-user-roles",
    "x-user-id",
];

/// Names that backends or frameworks believe although a client can send them.
const TRUSTED_BY_OTHERS: &[&str] = &[
    // Who somebody is.
    "remote-roles",
    "x-remote-user",
    "x-remote-email",
    "x-remote-name",
    "x-remote-group",
    "x-remote-groups",
    "x-remote-roles",
    "x-webauth-role",
    "x-webauth-roles",
    "x-webauth-fullname",
    "x-webauth-login",
    "x-auth-user",
    "x-auth-email",
    "x-auth-name",
    "x-auth-groups",
    "x-auth-roles",
    "x-auth-username",
    "x-auth-request-access-token",
    "x-auth-request-redirect",
    "x-auth-request-id-token",
    "x-forwarded-name",
    "x-forwarded-roles",
    "x-forwarded-access-token",
    "x-forwarded-id-token",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-authenticated-groups",
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-authentik-meta-jwks",
    "x-authentik-meta-outpost",
    "x-authentik-meta-provider",
    "x-authentik-meta-app",
    "x-authentik-meta-version",
    "x-pomerium-claim-email",
    "x-pomerium-claim-groups",
    "x-pomerium-claim-user",
    "x-pomerium-jwt-assertion",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-goog-iap-jwt-assertion",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-name",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "cf-access-authenticated-user-email",
    "cf-access-jwt-assertion",
    "tailscale-user-login",
    "tailscale-user-name",
    "x-token-subject",
    "x-token-user-name",
    "x-token-user-email",
    "x-client-verify",
    "x-client-dn",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
    "x-ssl-client-s-dn",
    "ssl-client-cert",
    "ssl-client-verify",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    // Where a request was going, or that it was checked already.
    "x-skipper-proxy",
    "x-middleware-subrequest",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-envoy-original-path",
    "x-envoy-internal",
    "x-envoy-external-address",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-method",
    "x-forwarded-server",
    "x-forwarded-port",
    "x-forwarded-scheme",
    "x-forwarded-protocol",
    "x-forwarded-ssl",
    "x-forwarded",
    "x-forwarded-by",
    "x-forwarded-proto-version",
    "x-url-scheme",
    "x-scheme",
    "x-http-host-override",
    "x-host",
    "front-end-https",
    "forwarded",
    "forwarded-for",
    // Where it came from. What a trusted proxy says of this is read before it is taken off.
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "x-remote-ip",
    "x-remote-addr",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-appengine-user-ip",
    "remote-addr",
    // A CGI program would take this for its own outgoing proxy.
    "proxy",
];

/// Fields that stay in their own spelling; anything that only folds to them goes.
const ALIASES_ONLY: &[&str] = &[
    "x-request-id",
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "origin",
    "sec-fetch-site",
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn left_of(names: &[&str]) -> Vec<String> {
        let own = [HeaderName::from_static("x-account"), HeaderName::from_static("x_tenant")];
        let mut headers = HeaderMap::new();
        for name in names {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.try_append(name, HeaderValue::from_static("admin")).unwrap();
        }
        Registry::new(&own).strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        left.sort();
        left
    }

    #[test]
    fn every_spelling_of_an_identity_field_is_removed() {
        #[rustfmt::skip]
        let spoofs = [
            "X-User-Id", "X-User-Id", "x-USER-id", "X_User_Id", "X-User_Id", "x_user_id", "X.User.Id", "X~User~Id", "X!User!Id",
            "X'User'Id", "Remote-User", "Remote_Sub", "X-Remote-User", "X-WebAuth-User", "X-Forwarded-User", "X-Authentik-Username",
            "X-Skipper-Proxy", "X-Middleware-Subrequest", "Proxy", "Forwarded", "X-Real-IP", "X-Forwarded-For", "X-Account", "x.account", "X-Tenant",
        ];
        assert_eq!(left_of(&spoofs), [""; 0]);
    }

    #[test]
    fn ordinary_fields_stay() {
        #[rustfmt::skip]
        let names = [
            "accept", "accept-encoding", "authorization", "cache-control", "connection", "content-length", "content-type", "cookie",
            "expect", "host", "if-none-match", "origin", "range", "te", "transfer-encoding", "user-agent", "x-api-key", "x-csrf-token",
            "x-http-method-override", "x-request-id", "x-requested-with",
        ];
        assert_eq!(left_of(&names), names);
    }

    #[test]
    fn aliases_of_framing_and_forwarding_fields_are_removed() {
        #[rustfmt::skip]
        let aliases = [
            "Content_Length", "Content.Length", "Transfer.Encoding", "Transfer_Encoding", "X_Forwarded_For", "X_Forwarded_Proto",
            "X-Forwarded_Host", "X_Request_Id",
        ];
        assert_eq!(left_of(&aliases), [""; 0]);
    }

    #[test]
    fn all_lines_of_a_field_go() {
        let mut headers = HeaderMap::new();
        for value in ["a", "b", "c"] {
            headers.try_append("x-user-id", HeaderValue::from_static(value)).unwrap();
        }
        headers.insert("accept", HeaderValue::from_static("*/*"));
        Registry::new(&[]).strip(&mut headers);
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn names_longer_than_the_table_are_still_compared() {
        let long = HeaderName::from_bytes("x-".repeat(40).as_bytes()).unwrap();
        let other = "x-".repeat(39) + "y-";
        let registry = Registry::new(std::slice::from_ref(&long));
        assert!(registry.holds(long.as_str()));
        assert!(registry.holds(&long.as_str().replace('-', "_")));
        assert!(!registry.holds(&other));
    }

    /// The characters of a token that are no letters or digits (RFC 9110, section 5.6.2).
    const SEPARATORS: &str = "!#$%&'*+-.^_`|~";

    proptest! {
        #[test]
        fn no_character_in_a_separators_place_makes_an_alias_pass(
            at in 0..PRESET_NAMES.len(),
            separators in prop::collection::vec(prop::sample::select(SEPARATORS.chars().collect::<Vec<_>>()), 4),
            upper in any::<bool>(),
        ) {
            let mut separators = separators.into_iter();
            let alias: String =
                PRESET_NAMES[at].chars().map(|letter| if letter == '-' { separators.next().unwrap() } else { letter }).collect();
            let alias = if upper { alias.to_uppercase() } else { alias };
            prop_assert_eq!(left_of(&[&alias]), [""; 0]);
        }

        #[test]
        fn the_prefilter_agrees_with_the_fold(name in "[a-z!#$%&'*+.^_`|~0-9-]{1,45}") {
            let registry = Registry::new(&[]);
            let folded = fold(&name);
            let registered = registry.entries.iter().any(|entry| *entry.fold == *folded && entry.kept != Some(name.as_str()));
            prop_assert_eq!(registry.holds(&name), registered);
        }
    }
}
