//! What each endpoint takes, says and refuses, for the document that describes them. A new endpoint does not compile without.
use crate::endpoints::Endpoint;

/// One way to ask an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// In upper case; `ANY` is all that OpenAPI knows.
    pub(super) method: &'static str,
    pub(super) summary: &'static str,
    pub(super) shown: Shown,
    pub(super) takes: Takes,
    pub(super) query: &'static [&'static str],
    pub(super) says: &'static [(u16, Says)],
    /// Codes of refusals, beside those that every endpoint has.
    pub(super) refuses: &'static [&'static [&'static str]],
    /// Those that are told as 403, whatever their own status is.
    pub(super) forbids: &'static [&'static str],
    /// Statuses in OAuth's own words.
    pub(super) oauth: &'static [u16],
    /// Pages, or what only pages send.
    pub(super) for_browsers: bool,
}

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Perhaps,
    Somebody,
    Machine,
}

/// The body, by the name of its shape.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    Json(&'static str),
    /// No body is fine too.
    MaybeJson(&'static str),
    Form(&'static str),
}

/// An answer that is no refusal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Says {
    Json(&'static str),
    /// What clients of Flask-JWT-Extended read after a sign-out.
    Message,
    Page,
    File,
    Empty,
    Elsewhere,
}

/// The name that stands for every method.
pub(super) const ANY: &str = "ANY";

impl Operation {
    const fn asked(method: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            summary,
            shown: Shown::Nothing,
            takes: Takes::Nothing,
            query: &[],
            says: &[],
            refuses: &[],
            forbids: &[],
            oauth: &[],
            for_browsers: false,
        }
    }

    const fn by(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }

    const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    const fn says(self, says: &'static [(u16, Says)]) -> Self {
        Self { says, ..self }
    }

    const fn refuses(self, refuses: &'static [&'static [&'static str]]) -> Self {
        Self { refuses, ..self }
    }

    const fn in_oauth(self, oauth: &'static [u16]) -> Self {
        Self { oauth, ..self }
    }

    const fn page(summary: &'static str, query: &'static [&'static str]) -> Self {
        let page = Self::asked("GET", summary).says(&[(200, Says::Page)]);
        Self { query, for_browsers: true, ..page }
    }
}

const fn get(summary: &'static str) -> Operation {
    Operation::asked("GET", summary)
}

const fn post(summary: &'static str) -> Operation {
    Operation::asked("POST", summary)
}

const fn patch(summary: &'static str) -> Operation {
    Operation::asked("PATCH", summary)
}

const fn delete(summary: &'static str) -> Operation {
    Operation::asked("DELETE", summary)
}

/// Any request to us may hear these.
pub(super) const ALWAYS: &[&str] = &[
    "bad_request",
    "bad_host",
    "bad_framing",
    "ambiguous_path",
    "double_credentials",
    "foreign_origin",
    "method_not_allowed",
    "body_timeout",
    "body_too_large",
    "target_too_long",
    "expectation_failed",
    "headers_too_large",
    "internal",
    "method_not_known",
];
/// Who must show a token that is good.
pub(super) const SOMEBODY: &[&str] = &[
    "login_required",
    "token_invalid",
    "token_expired",
    "session_ended",
    "csrf_missing",
    "csrf_mismatch",
    "unavailable",
];
const BODY: &[&str] = &["bad_json", "unsupported_media_type"];
const GUARDED: &[&str] = &["too_many_attempts", "busy", "unavailable"];
const SIGN_IN: &[&str] = &["account_disabled", "email_unverified", "mfa_required"];
/// What shows that it is still the same person: a young sign-in, or the password.
const PROOF: &[&str] = &["invalid_credentials", "login_too_old", "login_without_mfa"];
/// What any of OAuth's endpoints may say in its own words.
const IN_OAUTH: &[u16] = &[400, 401, 403, 405, 408, 413, 415, 429, 500, 503];
const FIELDS: &[&str] = &["invalid_fields"];
const PASSWORD: &[&str] = &["invalid_fields", "weak_password"];

const TOKENS: &[(u16, Says)] = &[(200, Says::Json("TokenAnswer"))];
const DONE: &[(u16, Says)] = &[(204, Says::Empty)];
const LEFT: &[(u16, Says)] = &[(202, Says::Json("LetterSent"))];
const ALLOWED: &[(u16, Says)] = &[(200, Says::Empty)];

pub(super) fn of(endpoint: Endpoint) -> &'static [Operation] {
    match endpoint {
        Endpoint::Register => REGISTER,
        Endpoint::Login => LOGIN,
        Endpoint::Token => TOKEN,
        Endpoint::Refresh => REFRESH,
        Endpoint::Logout => LOGOUT,
        Endpoint::LogoutAll => LOGOUT_ALL,
        Endpoint::Sessions => SESSIONS,
        Endpoint::Session => SESSION,
        Endpoint::Me => ME,
        Endpoint::Account => ACCOUNT,
        Endpoint::Password => CHANGE_PASSWORD,
        Endpoint::ForgotPassword => FORGOT,
        Endpoint::ResetPassword => RESET,
        Endpoint::VerifyEmail => VERIFY_EMAIL,
        Endpoint::Mfa => MFA,
        Endpoint::Totp => TOTP,
        Endpoint::ConfirmTotp => CONFIRM_TOTP,
        Endpoint::RecoveryCodes => RECOVERY_CODES,
        Endpoint::Passkeys => PASSKEYS,
        Endpoint::Passkey => PASSKEY,
        Endpoint::BeginPasskey => BEGIN_PASSKEY,
        Endpoint::FinishPasskey => FINISH_PASSKEY,
        Endpoint::BeginPasskeyLogin => BEGIN_PASSKEY_LOGIN,
        Endpoint::FinishPasskeyLogin => FINISH_PASSKEY_LOGIN,
        Endpoint::Introspect => INTROSPECT,
        Endpoint::Revoke => REVOKE,
        Endpoint::ChangePassword => WHERE_TO_CHANGE,
        Endpoint::Jwks => JWKS,
        Endpoint::Metadata => METADATA,
        Endpoint::Health => HEALTH,
        Endpoint::Ready => READY,
        Endpoint::Errors => ERRORS,
        Endpoint::OpenApi => OPENAPI,
        Endpoint::Asset => ASSET,
        Endpoint::Verify => VERIFY,
        Endpoint::VerifyNginx | Endpoint::VerifyEnvoy => ASKED_IN_TWO_WORDS,
        Endpoint::VerifyTraefik | Endpoint::VerifyCaddy => ASKED_BY_A_PROXY,
    }
}

const REGISTER: &[Operation] = &[
    Operation::page("The page to make an account on", &["return_to", "invite"]).refuses(&[&["registration_closed"]]),
    post("Make an account and sign it in")
        .takes(Takes::Json("Registration"))
        .says(&[(201, Says::Json("TokenAnswer")), (202, Says::Json("LetterSent"))])
        .refuses(&[BODY, PASSWORD, GUARDED, &["user_exists", "registration_closed", "invalid_invite"]]),
];
const LOGIN: &[Operation] = &[
    Operation::page("The sign-in page, or on to where one wanted to be", &["return_to", "max_age", "prompt"])
        .says(&[(200, Says::Page), (303, Says::Elsewhere)])
        .refuses(&[&["unavailable"]]),
    post("Sign in with name and password").takes(Takes::Json("SignIn")).says(TOKENS).refuses(&[
        BODY,
        FIELDS,
        GUARDED,
        SIGN_IN,
        &["invalid_credentials"],
    ]),
];
const TOKEN: &[Operation] =
    &[post("Sign in or refresh by OAuth's grants").takes(Takes::Form("Grant")).says(TOKENS).in_oauth(IN_OAUTH)];
const REFRESH: &[Operation] = &[post("A refresh token for a new pair of tokens")
    .by(Shown::Perhaps)
    .takes(Takes::MaybeJson("Refresh"))
    .says(TOKENS)
    .refuses(&[BODY, GUARDED, SOMEBODY, &["invalid_refresh_token", "refresh_token_reused"]])];
const LOGOUT: &[Operation] = &[
    post("End this session")
        .by(Shown::Perhaps)
        .takes(Takes::MaybeJson("Logout"))
        .says(&[(204, Says::Empty), (200, Says::Message)])
        .refuses(&[BODY, &["csrf_missing", "csrf_mismatch", "bad_form", "unavailable"]]),
    delete("End this session")
        .by(Shown::Perhaps)
        .says(&[(204, Says::Empty), (200, Says::Message)])
        .refuses(&[BODY, &["csrf_missing", "csrf_mismatch", "bad_form", "unavailable"]]),
];
const LOGOUT_ALL: &[Operation] = &[post("End all sessions of this person")
    .by(Shown::Somebody)
    .takes(Takes::MaybeJson("LogoutAll"))
    .says(DONE)
    .refuses(&[BODY])];
const SESSIONS: &[Operation] =
    &[get("Where this person is signed in").by(Shown::Somebody).says(&[(200, Says::Json("Sessions"))])];
const SESSION: &[Operation] = &[
    Operation { for_browsers: true, ..post("End one session, by the form of the account page") }
        .by(Shown::Somebody)
        .takes(Takes::Form("PageForm"))
        .says(&[(303, Says::Elsewhere)])
        .refuses(&[&["no_route", "bad_form", "unsupported_media_type"]]),
    delete("End one session").by(Shown::Somebody).says(DONE).refuses(&[&["no_route"]]),
];
const ME: &[Operation] = &[
    get("Who the token speaks of").by(Shown::Somebody).says(&[(200, Says::Json("User"))]),
    patch("Change name, username or address")
        .by(Shown::Somebody)
        .takes(Takes::Json("Change"))
        .says(&[(200, Says::Json("User"))])
        .refuses(&[BODY, FIELDS, GUARDED, PROOF, &["user_exists"]]),
];
const ACCOUNT: &[Operation] = &[
    Operation::page("The page of one's own account", &["done"])
        .by(Shown::Perhaps)
        .says(&[(200, Says::Page), (303, Says::Elsewhere)])
        .refuses(&[SOMEBODY]),
    Operation { for_browsers: true, ..post("Change name and address, by the form of that page") }
        .by(Shown::Perhaps)
        .takes(Takes::Form("PageForm"))
        .says(&[(303, Says::Elsewhere)])
        .refuses(&[SOMEBODY, FIELDS, GUARDED, PROOF, &["user_exists", "bad_form", "unsupported_media_type"]]),
];
const CHANGE_PASSWORD: &[Operation] = &[post("A new password; the other sessions end")
    .by(Shown::Somebody)
    .takes(Takes::Json("NewPassword"))
    .says(DONE)
    .refuses(&[BODY, PASSWORD, GUARDED, &["invalid_credentials", "same_password"]])];
const FORGOT: &[Operation] = &[
    Operation::page("The page to ask for a link on", &[]),
    post("Have a link for a new password mailed")
        .takes(Takes::Json("Forgot"))
        .says(LEFT)
        .refuses(&[BODY, FIELDS, GUARDED]),
];
const RESET: &[Operation] =
    &[
        Operation::page("The page behind the link of the mail", &["token"]),
        post("A new password by the link of the mail; all sessions end")
            .takes(Takes::Json("Reset"))
            .says(DONE)
            .refuses(&[BODY, PASSWORD, GUARDED, &["invalid_token"]]),
    ];
const VERIFY_EMAIL: &[Operation] = &[
    Operation::page("The page behind the link of the mail", &["token"]),
    post("Make an address one's own by the link of the mail").takes(Takes::Json("Link")).says(DONE).refuses(&[
        BODY,
        FIELDS,
        GUARDED,
        &["invalid_token"],
    ]),
];
const MFA: &[Operation] = &[
    get("The second factors of this person").by(Shown::Somebody).says(&[(200, Says::Json("Factors"))]),
    post("The second half of a sign-in").takes(Takes::Json("SecondFactor")).says(TOKENS).refuses(&[
        BODY,
        FIELDS,
        GUARDED,
        SIGN_IN,
        &["invalid_challenge", "invalid_code", "invalid_credentials"],
    ]),
];
const TOTP: &[Operation] = &[
    post("A new key for a second factor")
        .by(Shown::Somebody)
        .takes(Takes::MaybeJson("Proof"))
        .says(&[(200, Says::Json("NewKey"))])
        .refuses(&[BODY, GUARDED, PROOF, &["second_factor_exists"]]),
    delete("No second factor any more").by(Shown::Somebody).takes(Takes::MaybeJson("Proof")).says(DONE).refuses(&[
        BODY,
        GUARDED,
        PROOF,
        &["no_second_factor"],
    ]),
];
const CONFIRM_TOTP: &[Operation] = &[post("The first code of a new key")
    .by(Shown::Somebody)
    .takes(Takes::Json("Code"))
    .says(&[(200, Says::Json("RecoveryCodes"))])
    .refuses(&[BODY, GUARDED, PROOF, &["invalid_code", "no_second_factor", "second_factor_exists"]])];
const RECOVERY_CODES: &[Operation] = &[post("New recovery codes in place of the old ones")
    .by(Shown::Somebody)
    .takes(Takes::MaybeJson("Proof"))
    .says(&[(200, Says::Json("RecoveryCodes"))])
    .refuses(&[BODY, GUARDED, PROOF, &["no_second_factor"]])];
const PASSKEYS: &[Operation] =
    &[get("The passkeys of this person").by(Shown::Somebody).says(&[(200, Says::Json("Passkeys"))])];
const PASSKEY: &[Operation] = &[
    Operation {
        for_browsers: true,
        ..post("Another name for a passkey, or none of it any more, by the form of the account page")
    }
    .by(Shown::Somebody)
    .takes(Takes::Form("PageForm"))
    .says(&[(303, Says::Elsewhere)])
    .refuses(&[FIELDS, GUARDED, PROOF, &["no_route", "bad_form", "unsupported_media_type"]]),
    patch("Another name for a passkey").by(Shown::Somebody).takes(Takes::Json("PasskeyName")).says(DONE).refuses(&[
        BODY,
        FIELDS,
        &["no_route"],
    ]),
    delete("Remove a passkey").by(Shown::Somebody).takes(Takes::MaybeJson("Proof")).says(DONE).refuses(&[
        BODY,
        GUARDED,
        PROOF,
        &["no_route"],
    ]),
];
const BEGIN_PASSKEY: &[Operation] = &[post("What navigator.credentials.create takes")
    .by(Shown::Somebody)
    .takes(Takes::MaybeJson("Proof"))
    .says(&[(200, Says::Json("PublicKey"))])
    .refuses(&[BODY, GUARDED, PROOF, &["too_many_passkeys"]])];
const FINISH_PASSKEY: &[Operation] = &[post("What the browser made of it")
    .by(Shown::Somebody)
    .takes(Takes::Json("NewPasskey"))
    .says(&[(201, Says::Json("Passkey"))])
    .refuses(&[BODY, GUARDED, PROOF, FIELDS, &["passkey_refused", "passkey_exists", "too_many_passkeys"]])];
const BEGIN_PASSKEY_LOGIN: &[Operation] =
    &[post("What navigator.credentials.get takes").says(&[(200, Says::Json("PublicKey"))]).refuses(&[GUARDED])];
const FINISH_PASSKEY_LOGIN: &[Operation] = &[post("Sign in with what the browser shows")
    .takes(Takes::Json("ShownPasskey"))
    .says(TOKENS)
    .refuses(&[BODY, GUARDED, SIGN_IN, &["invalid_passkey", "invalid_challenge", "invalid_credentials"]])];
const INTROSPECT: &[Operation] = &[post("What a token says (RFC 7662)")
    .by(Shown::Machine)
    .takes(Takes::Form("AboutToken"))
    .says(&[(200, Says::Json("Introspection"))])
    .in_oauth(IN_OAUTH)];
const REVOKE: &[Operation] = &[post("End what a token stands for (RFC 7009)")
    .takes(Takes::Form("AboutToken"))
    .says(&[(200, Says::Empty)])
    .in_oauth(IN_OAUTH)];
const WHERE_TO_CHANGE: &[Operation] =
    &[Operation::page("On to where a person changes the password", &[]).says(&[(303, Says::Elsewhere)])];
const JWKS: &[Operation] = &[get("The public keys (RFC 7517)").says(&[(200, Says::Json("Jwks"))])];
const METADATA: &[Operation] =
    &[get("Where everything is (RFC 8414, OpenID Connect Discovery)").says(&[(200, Says::Json("Metadata"))])];
const HEALTH: &[Operation] = &[get("Whether the process is alive").says(&[(200, Says::Json("Health"))])];
const READY: &[Operation] =
    &[get("Whether traffic may come").says(&[(200, Says::Json("Health")), (503, Says::Json("Health"))])];
const ERRORS: &[Operation] = &[get("Every error code with its cure").says(&[(200, Says::Page)])];
const OPENAPI: &[Operation] = &[get("This document").says(&[(200, Says::Json("Any")), (304, Says::Empty)])];
const ASSET: &[Operation] =
    &[get("Style, script and logo of the pages").says(&[(200, Says::File)]).refuses(&[&["no_route"]])];
const VERIFY: &[Operation] =
    &[Operation::asked(ANY, "Is this token good? Identity headers say who it is").by(Shown::Somebody).says(ALLOWED)];
/// Nginx and Envoy take 401 and 403 for a no.
const ASKED_IN_TWO_WORDS: &[Operation] = &[Operation {
    forbids: &["no_route", "unknown_host", "bad_request", "bad_host", "ambiguous_path"],
    ..ASKED.says(ALLOWED).refuses(&[SOMEBODY, ROUTED])
}];
const ASKED_BY_A_PROXY: &[Operation] = &[ASKED.says(&[(200, Says::Empty), (303, Says::Elsewhere)]).refuses(&[
    SOMEBODY,
    ROUTED,
    &["no_route", "unknown_host"],
])];
const ASKED: Operation = Operation::asked(ANY, "May this request go on? Asked by a trusted proxy").by(Shown::Perhaps);
/// What a route may ask for.
const ROUTED: &[&str] = &[
    "untrusted_proxy",
    "missing_role",
    "missing_scope",
    "network_not_allowed",
    "login_too_old",
    "login_without_mfa",
    "rate_limited",
];
