//! Tokens for machines: made by the operator, shown once, revoked by whoever holds them or by the operator.
use std::time::Duration;

use super::trail::Entry;
use super::{People, Source};
use crate::base::{Scope, Secret, TokenId};
use crate::observe::Action;
use crate::store::{ServiceToken, StoreError};
use crate::token::SERVICE_TOKEN_PREFIX;

/// What an operator says about a machine.
#[derive(Debug, Clone)]
pub(crate) struct NewMachine {
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) good_for: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum NewMachineError {
    #[error("there are {MOST} service tokens; revoke some first")]
    TooMany,
    #[error("cannot write the token")]
    Unavailable(#[from] StoreError),
}

impl People {
    /// Makes a token. The secret is told here and never again.
    pub(crate) async fn add_machine(
        &self,
        new: NewMachine,
        source: &Source<'_>,
    ) -> Result<(Secret, ServiceToken), NewMachineError> {
        let now = self.clock.now();
        if self.machines().await?.len() >= MOST {
            return Err(NewMachineError::TooMany);
        }
        let secret = Secret::random(SERVICE_TOKEN_PREFIX);
        let token = ServiceToken {
            id: TokenId::new(now),
            hash: secret.digest(),
            name: new.name,
            scopes: new.scopes,
            created_at: now,
            expires_at: now.plus(new.good_for),
            revoked_at: None,
        };
        self.store.add_service_token(&token).await?;
        self.services.load(&self.store).await?;
        Entry::new(Action::TokenAdded, source).detail(&token.name).record(self);
        Ok((secret, token))
    }

    /// The tokens that are good, oldest first.
    pub(crate) async fn machines(&self) -> Result<Vec<ServiceToken>, StoreError> {
        let now = self.clock.now();
        let all = self.store.service_tokens().await?;
        Ok(all.into_iter().filter(|token| token.revoked_at.is_none() && token.expires_at > now).collect())
    }

    /// Revokes one by its id; `false` when there is none that is good.
    pub(crate) async fn revoke_machine(&self, id: TokenId, source: &Source<'_>) -> Result<bool, StoreError> {
        let revoked = self.store.revoke_service_token(id, self.clock.now()).await?;
        self.services.load(&self.store).await?;
        if revoked {
            Entry::new(Action::TokenRevoked, source).detail(&id.to_string()).record(self);
        }
        Ok(revoked)
    }

    /// Revokes the one that is shown; one that nobody made is revoked already.
    pub(crate) async fn revoke_shown(&self, shown: &Secret, source: &Source<'_>) -> Result<(), StoreError> {
        match self.services.find(&shown.digest()) {
            Some(token) => self.revoke_machine(token.id, source).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

/// So many are kept in memory: about 5 MB.
const MOST: usize = 10_000;
