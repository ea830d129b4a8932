//! Our own endpoints and what is true of each.
use http::Method;

/// Our own endpoints. A new one does not compile without an answer, and a test asks each of them at every door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Register,
    Login,
    Token,
    Refresh,
    Logout,
    LogoutAll,
    Sessions,
    Session,
    Me,
    /// What a person changes in a browser.
    Account,
    Password,
    ForgotPassword,
    ResetPassword,
    VerifyEmail,
    Mfa,
    Totp,
    ConfirmTotp,
    RecoveryCodes,
    Passkeys,
    Passkey,
    BeginPasskey,
    FinishPasskey,
    BeginPasskeyLogin,
    FinishPasskeyLogin,
    Introspect,
    Revoke,
    /// Where password managers lead people (W3C).
    ChangePassword,
    Jwks,
    Metadata,
    Health,
    Ready,
    Errors,
    /// All of this, for programs.
    OpenApi,
    /// What pages refer to: style, script, logo.
    Asset,
    /// Is this token good?
    Verify,
    /// May this request go on? Asked by a proxy of somebody else.
    VerifyNginx,
    VerifyTraefik,
    VerifyCaddy,
    VerifyEnvoy,
}

impl Endpoint {
    /// Nothing: any method.
    pub(crate) fn methods(self) -> &'static [Method] {
        const POST: &[Method] = &[Method::POST];
        const POST_OR_DELETE: &[Method] = &[Method::POST, Method::DELETE];
        const PAGE: &[Method] = &[Method::GET, Method::HEAD, Method::POST];
        const ME: &[Method] = &[Method::GET, Method::HEAD, Method::PATCH];
        const ONE: &[Method] = &[Method::POST, Method::PATCH, Method::DELETE];
        const READ: &[Method] = &[Method::GET, Method::HEAD];
        match self {
            Self::Token
            | Self::Refresh
            | Self::LogoutAll
            | Self::Password
            | Self::ConfirmTotp
            | Self::RecoveryCodes
            | Self::BeginPasskey
            | Self::FinishPasskey
            | Self::BeginPasskeyLogin
            | Self::FinishPasskeyLogin
            | Self::Introspect
            | Self::Revoke => POST,
            Self::Logout | Self::Session | Self::Totp => POST_OR_DELETE,
            Self::Login
            | Self::Register
            | Self::Account
            | Self::Mfa
            | Self::ForgotPassword
            | Self::ResetPassword
            | Self::VerifyEmail => PAGE,
            Self::Me => ME,
            Self::Passkey => ONE,
            Self::Sessions
            | Self::Passkeys
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors
            | Self::OpenApi
            | Self::Asset => READ,
            Self::Verify | Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy => &[],
        }
    }

    pub(super) fn changes_state(self) -> bool {
        match self {
            Self::Register
            | Self::Login
            | Self::Token
            | Self::Refresh
            | Self::Logout
            | Self::LogoutAll
            | Self::Session
            | Self::Me
            | Self::Account
            | Self::Password
            | Self::ForgotPassword
            | Self::ResetPassword
            | Self::VerifyEmail
            | Self::Mfa
            | Self::Totp
            | Self::ConfirmTotp
            | Self::RecoveryCodes
            | Self::Passkey
            | Self::BeginPasskey
            | Self::FinishPasskey
            | Self::BeginPasskeyLogin
            | Self::FinishPasskeyLogin
            | Self::Revoke => true,
            Self::Sessions
            | Self::Passkeys
            | Self::Introspect
            | Self::ChangePassword
            | Self::Jwks
            | Self::Metadata
            | Self::Health
            | Self::Ready
            | Self::Errors
            | Self::OpenApi
            | Self::Asset => false,
            Self::Verify | Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy => false,
        }
    }

    /// A proxy of somebody else asks what becomes of a request.
    pub(crate) const fn asks_routes(self) -> bool {
        matches!(self, Self::VerifyNginx | Self::VerifyTraefik | Self::VerifyCaddy | Self::VerifyEnvoy)
    }

    /// Its refusals have the two members of RFC 6749, section 5.2.
    pub(super) const fn is_oauth(self) -> bool {
        matches!(self, Self::Token | Self::Introspect | Self::Revoke)
    }

    /// Somebody opens it in a browser.
    pub(super) const fn is_page(self) -> bool {
        matches!(self, Self::Login | Self::Register | Self::Account)
    }

    /// Whether one of them goes by this name in logs and metrics.
    pub(crate) fn has_label(name: &str) -> bool {
        let named = Self::TABLE.iter().chain(Self::WELL_KNOWN).map(|(_, endpoint)| *endpoint);
        named.chain(Self::BELOW.iter().map(|below| below.endpoint)).any(|endpoint| endpoint.label() == name)
    }

    /// The name in logs and metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Sessions => "sessions",
            Self::Session => "session",
            Self::Me => "me",
            Self::Account => "account",
            Self::Password => "password",
            Self::ForgotPassword => "password_forgot",
            Self::ResetPassword => "password_reset",
            Self::VerifyEmail => "verify_email",
            Self::Mfa => "mfa",
            Self::Totp => "mfa_totp",
            Self::ConfirmTotp => "mfa_totp_confirm",
            Self::RecoveryCodes => "mfa_recovery_codes",
            Self::Passkeys => "passkeys",
            Self::Passkey => "passkey",
            Self::BeginPasskey => "passkey_register_begin",
            Self::FinishPasskey => "passkey_register_finish",
            Self::BeginPasskeyLogin => "passkey_login_begin",
            Self::FinishPasskeyLogin => "passkey_login_finish",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::ChangePassword => "change_password",
            Self::Jwks => "jwks",
            Self::Metadata => "metadata",
            Self::Health => "healthz",
            Self::Ready => "readyz",
            Self::Errors => "errors",
            Self::OpenApi => "openapi",
            Self::Asset => "asset",
            Self::Verify => "verify",
            Self::VerifyNginx => "verify_nginx",
            Self::VerifyTraefik => "verify_traefik",
            Self::VerifyCaddy => "verify_caddy",
            Self::VerifyEnvoy => "verify_envoy",
        }
    }
}
