//! `{p}/passkeys`: those of a person, adding one, and signing in with one.
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::away;
use super::tokens_out::token_answer;
use super::{Endpoints, Problem, form, nothing, source};
use crate::account::ShownPasskey;
use crate::base::{PasskeyId, Secret};
use crate::passkey::{ALGORITHMS, Made, Shown, from_base64, to_base64};
use crate::refusal::{Refusal, own_response};
use crate::store::Passkey;
use crate::wire::{Body, Inbound};

/// Needed when the sign-in is older than some minutes.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    #[serde(default)]
    password: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewName {
    name: String,
}

/// What a browser made, as `PublicKeyCredential.toJSON()` says it.
#[derive(Deserialize)]
struct New {
    #[serde(default)]
    name: Option<String>,
    credential: Credential<Attestation>,
}

/// What a browser shows.
#[derive(Deserialize)]
struct Presented {
    credential: Credential<Assertion>,
    /// Of a sign-in that waits for its second factor.
    #[serde(default)]
    challenge: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential<T> {
    raw_id: String,
    response: T,
}

#[derive(Deserialize)]
pub(super) struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(rename = "attestationObject")]
    attestation: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    /// Devices that keep the key tell whose it is.
    #[serde(default)]
    user_handle: Option<String>,
}

impl Endpoints {
    pub(super) async fn passkeys(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let (user, _) = self.person(inbound).await?;
        let passkeys = self.accounts.passkeys(user.id).await.map_err(|error| away(&error))?;
        let items: Vec<_> = passkeys.iter().map(item).collect();
        Ok(answer(StatusCode::OK, &json!({ "items": items })))
    }

    /// `PATCH`: another name. `DELETE`: gone. `POST` is for the page's form.
    pub(super) async fn passkey(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        if *inbound.method() == Method::POST {
            return Err(Refusal::named("unsupported_media_type").into());
        }
        let named = |inbound| passkey_named(inbound).ok_or_else(|| Refusal::named("no_route"));
        if *inbound.method() == Method::PATCH {
            let (user, session, form) = self.person_with(&mut inbound, form::json::<NewName>).await?;
            self.accounts.rename_passkey(&user, session, named(&inbound)?, &form.name).await?;
            return Ok(nothing());
        }
        let (user, session, form) = self.person_with(&mut inbound, form::json_or_nothing::<Password>).await?;
        let (id, password) = (named(&inbound)?, form.unwrap_or_default().password);
        self.accounts.remove_passkey(&user, session, id, password.as_ref(), &source(&inbound)).await?;
        Ok(nothing())
    }

    /// What to hand to `navigator.credentials.create`.
    pub(super) async fn begin_passkey(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::json_or_nothing::<Password>).await?;
        let password = form.unwrap_or_default().password;
        let new = self.accounts.begin_passkey(&user, session, password.as_ref(), &source(&inbound)).await?;
        let site = self.accounts.passkey_site();
        let label = user.label().unwrap_or("account");
        let have = new.have.iter().map(|have| json!({ "type": "public-key", "id": to_base64(&have.credential) }));
        let said = json!({ "publicKey": {
            "challenge": new.challenge.expose(),
            "rp": { "id": site.id, "name": site.id },
            "user": {
                "id": to_base64(user.id.to_string().as_bytes()),
                "name": label,
                "displayName": user.name.as_deref().unwrap_or(label),
            },
            "pubKeyCredParams": ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg })),
            "excludeCredentials": have.collect::<Vec<_>>(),
            "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
            "attestation": "none",
            "timeout": TIMEOUT_MS,
        }});
        Ok(answer(StatusCode::OK, &said))
    }

    pub(super) async fn finish_passkey(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let (user, session, form) = self.person_with(&mut inbound, form::page_json::<New>).await?;
        let made = form.credential.read()?;
        let name = form.name.as_deref().unwrap_or(UNNAMED);
        let passkey = self.accounts.add_passkey(&user, session, &made, name, &source(&inbound)).await?;
        Ok(answer(StatusCode::CREATED, &item(&passkey)))
    }

    /// What to hand to `navigator.credentials.get`: the device knows whose keys it keeps.
    pub(super) async fn begin_passkey_login(&self, inbound: &Inbound) -> Result<Response<Body>, Problem> {
        let challenge = self.accounts.begin_passkey_login(&source(inbound)).await?;
        let said = json!({ "publicKey": {
            "challenge": challenge.expose(),
            "rpId": self.accounts.passkey_site().id,
            "userVerification": "required",
            "timeout": TIMEOUT_MS,
        }});
        Ok(answer(StatusCode::OK, &said))
    }

    pub(super) async fn finish_passkey_login(&self, mut inbound: Inbound) -> Result<Response<Body>, Problem> {
        let body = inbound.take_body();
        let form: Presented = form::page_json(inbound.headers(), body, self.body_timeout).await?;
        let waiting = form.challenge.clone();
        let outcome =
            self.accounts.sign_in_with_passkey(&form.credential.read()?, waiting.as_ref(), &source(&inbound)).await;
        self.count_login("passkey", &outcome);
        let signed_in = outcome?;
        let mut response = token_answer(&signed_in, self.format());
        self.give_tokens(&mut response, &inbound, &signed_in).await;
        Ok(response)
    }
}

impl Credential<Attestation> {
    pub(super) fn read(self) -> Result<Made, Refusal> {
        let Attestation { client_data, attestation } = self.response;
        Ok(Made { client_data: bytes(&client_data)?, attestation: bytes(&attestation)? })
    }
}

impl Credential<Assertion> {
    pub(super) fn read(self) -> Result<ShownPasskey, Refusal> {
        let Assertion { client_data, authenticator_data, signature, user_handle } = self.response;
        Ok(ShownPasskey {
            credential: bytes(&self.raw_id)?,
            owner: bytes(user_handle.as_deref().unwrap_or_default())?,
            shown: Shown {
                client_data: bytes(&client_data)?,
                authenticator_data: bytes(&authenticator_data)?,
                signature: bytes(&signature)?,
            },
        })
    }
}

/// The one whose path is asked for.
pub(super) fn passkey_named(inbound: &Inbound) -> Option<PasskeyId> {
    inbound.path().as_str().rsplit('/').next().and_then(PasskeyId::parse)
}

fn item(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id.to_string(),
        "name": passkey.name,
        "created_at": passkey.created_at.to_string(),
        "last_used_at": passkey.last_used_at.map(|used| used.to_string()),
    })
}

fn answer(status: StatusCode, said: &Value) -> Response<Body> {
    own_response(status, "application/json", said.to_string())
}

fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    from_base64(text).ok_or_else(|| Refusal::named("bad_json"))
}

/// What a passkey is called whose owner does not say.
pub(super) const UNNAMED: &str = "Passkey";
/// As long as the challenge is good.
const TIMEOUT_MS: u32 = 300_000;
