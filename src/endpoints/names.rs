//! Which path is which endpoint.
use super::{Endpoint, Endpoints};
use crate::pages::ASSETS;

/// What the requested path is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    Ours(Endpoint),
    /// Under our prefix, but nothing is there: never handed to a backend.
    Nothing,
    /// Everything else belongs to the routes.
    NotOurs,
}

impl Endpoints {
    /// What this path is to us. Exact names only; one spelling.
    pub(crate) fn find(&self, path: &str) -> Lookup {
        Self::named(&self.prefix, self.well_known, path)
    }

    /// The same question without a running gateway: `explain` asks it.
    pub(crate) fn named(prefix: &str, well_known: bool, path: &str) -> Lookup {
        if well_known && let Some((_, endpoint)) = Endpoint::WELL_KNOWN.iter().find(|(name, _)| *name == path) {
            return Lookup::Ours(*endpoint);
        }
        let Some(rest) = path.strip_prefix(prefix) else { return Lookup::NotOurs };
        // At the root this name is some backend's own: FastAPI has a page that reads it there.
        let left_to_backends = prefix.is_empty() && rest == OPENAPI;
        if let Some((_, endpoint)) = Endpoint::TABLE.iter().find(|(name, _)| *name == rest && !left_to_backends) {
            return Lookup::Ours(*endpoint);
        }
        if let Some(below) = Endpoint::BELOW.iter().find(|below| below.holds(rest)) {
            return Lookup::Ours(below.endpoint);
        }
        let under = !prefix.is_empty() && (rest.is_empty() || rest.starts_with('/'));
        if under { Lookup::Nothing } else { Lookup::NotOurs }
    }

    /// The names that are taken from the routes when the prefix is the root.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Endpoint::TABLE.iter().map(|(name, _)| *name).filter(|name| *name != OPENAPI)
    }
}

impl Endpoint {
    /// The names under the prefix.
    pub(super) const TABLE: &'static [(&'static str, Self)] = &[
        ("/register", Self::Register),
        ("/login", Self::Login),
        ("/token", Self::Token),
        // As SimpleJWT's manual names them.
        ("/token/", Self::Token),
        ("/token/refresh", Self::Refresh),
        ("/token/refresh/", Self::Refresh),
        ("/refresh", Self::Refresh),
        ("/logout", Self::Logout),
        ("/logout-all", Self::LogoutAll),
        ("/sessions", Self::Sessions),
        ("/me", Self::Me),
        ("/user", Self::Me),
        ("/users/me", Self::Me),
        ("/userinfo", Self::Me),
        ("/account", Self::Account),
        ("/password", Self::Password),
        ("/password/forgot", Self::ForgotPassword),
        ("/password/reset", Self::ResetPassword),
        ("/verify-email", Self::VerifyEmail),
        ("/mfa", Self::Mfa),
        ("/mfa/totp", Self::Totp),
        ("/mfa/totp/confirm", Self::ConfirmTotp),
        ("/mfa/recovery-codes", Self::RecoveryCodes),
        ("/passkeys", Self::Passkeys),
        ("/passkeys/register/begin", Self::BeginPasskey),
        ("/passkeys/register/finish", Self::FinishPasskey),
        ("/passkeys/login/begin", Self::BeginPasskeyLogin),
        ("/passkeys/login/finish", Self::FinishPasskeyLogin),
        ("/introspect", Self::Introspect),
        ("/revoke", Self::Revoke),
        ("/healthz", Self::Health),
        ("/readyz", Self::Ready),
        ("/errors", Self::Errors),
        (OPENAPI, Self::OpenApi),
        ("/verify", Self::Verify),
        ("/verify/nginx", Self::VerifyNginx),
        ("/verify/traefik", Self::VerifyTraefik),
        ("/verify/caddy", Self::VerifyCaddy),
        ("/verify/envoy", Self::VerifyEnvoy),
    ];

    /// The names that standards put at the root (RFC 8615).
    pub(super) const WELL_KNOWN: &'static [(&'static str, Self)] = &[
        (JWKS_PATH, Self::Jwks),
        ("/.well-known/openid-configuration", Self::Metadata),
        ("/.well-known/oauth-authorization-server", Self::Metadata),
        ("/.well-known/change-password", Self::ChangePassword),
    ];

    /// What stands below a name, where that has many.
    pub(super) const BELOW: &'static [Below] = &[
        Below { path: "/sessions/", what: "id", deep: false, endpoint: Self::Session },
        Below { path: "/passkeys/", what: "id", deep: false, endpoint: Self::Passkey },
        Below { path: ASSETS, what: "name", deep: false, endpoint: Self::Asset },
        // Envoy puts the path it asks about behind its own.
        Below { path: "/verify/envoy/", what: "path", deep: true, endpoint: Self::VerifyEnvoy },
    ];
}

/// Names that begin alike.
#[derive(Debug)]
pub(super) struct Below {
    pub(super) path: &'static str,
    /// What the rest is, in a word.
    pub(super) what: &'static str,
    /// The rest may be any path; otherwise it is one segment.
    deep: bool,
    pub(super) endpoint: Endpoint,
}

impl Below {
    fn holds(&self, name: &str) -> bool {
        name.strip_prefix(self.path).is_some_and(|rest| self.deep || (!rest.is_empty() && !rest.contains('/')))
    }
}

const OPENAPI: &str = "/openapi.json";
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_listed_once() {
        for (at, (name, _)) in Endpoint::TABLE.iter().enumerate() {
            assert_eq!(Endpoint::TABLE.iter().position(|(other, _)| other == name), Some(at), "{name}");
        }
    }
}
