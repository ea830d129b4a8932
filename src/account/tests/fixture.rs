//! A house to live in for one test: a store in a temporary folder, a clock that can be moved, cheap hashing.
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::{
    Accounts, Client, Identifier, Letters, Limits, People, Registration, Settings, SignUp, SignedIn, Source,
};
use crate::base::{Clock, Role, Scope, Secret, SessionId};
use crate::limit::Rate;
use crate::mail::{Letter, Mailer};
use crate::observe::Audit;
use crate::password::{Argon2Cost, Hasher, Policy, Settings as PasswordSettings};
use crate::shared::Revocations;
use crate::store::{Settings as StoreSettings, Store};
use crate::token::{
    Algorithm, Dialect, Identity, KeyRing, KeySettings, Settings as TokenSettings, StoredKey, Subject, Tokens,
};

pub(in crate::account) struct House {
    pub(in crate::account) accounts: Accounts,
    pub(in crate::account) clock: Clock,
    post: tokio::sync::Mutex<tokio::sync::mpsc::Receiver<Letter>>,
    /// How often the store was asked.
    pub(in crate::account) asked: Arc<AtomicU64>,
    _folder: tempfile::TempDir,
}

pub(in crate::account) const MINUTE: Duration = Duration::from_secs(60);
pub(in crate::account) const PASSWORD: &str = "correct horse";

impl House {
    pub(in crate::account) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(in crate::account) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreSettings::Sqlite { path: folder.path().join("store.db") }).await.unwrap();
        let asked = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&asked);
        let store = store.watched(Arc::new(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        let (mut settings, passwords, clock) = (settings(), passwords(), Clock::movable());
        change(&mut settings);
        let people = People {
            store,
            hasher: Hasher::new(&passwords),
            policy: Policy::new(&passwords),
            revocations: Arc::default(),
            services: Arc::default(),
            settings,
            clock: clock.clone(),
            audit: Audit::default(),
        };
        let key = StoredKey::generate(Algorithm::Es256, clock.now()).unwrap();
        let tokens = Tokens::new(KeyRing::new(&key, &[]).unwrap(), &tokens());
        let (mailer, post) = Mailer::read_by_a_test();
        let letters = Letters::new(mailer, "https://app.example.com".to_owned(), "/auth".to_owned(), Vec::new());
        let accounts = Accounts::new(people, Arc::new(tokens), Arc::new(Limits::new(None)), letters);
        Self { accounts, clock, asked, post: tokio::sync::Mutex::new(post), _folder: folder }
    }

    /// The same house, where people have to verify their addresses from now on.
    pub(in crate::account) fn verifying(self) -> Self {
        let people = self.people();
        let people = People {
            store: people.store.clone(),
            hasher: people.hasher.clone(),
            policy: Policy::new(&passwords()),
            revocations: Arc::clone(&people.revocations),
            services: Arc::clone(&people.services),
            settings: Settings { verify_email: true, ..people.settings.clone() },
            clock: people.clock.clone(),
            audit: people.audit.clone(),
        };
        let accounts = Accounts { people: Arc::new(people), ..self.accounts };
        Self { accounts, ..self }
    }

    /// As after a restart: what was counted is forgotten, and what the store holds is there.
    pub(in crate::account) fn forget_counts(&mut self) {
        self.accounts.limits = Arc::new(Limits::new(None));
    }

    pub(in crate::account) fn people(&self) -> &People {
        self.accounts.people()
    }

    pub(in crate::account) async fn register(&self, name: &str) -> SignedIn {
        let password = secret(PASSWORD);
        let email = format!("{name}@example.com");
        let wish = SignUp { username: Some(name), email: Some(&email), name: None, password: &password, invite: None };
        self.accounts.register(&wish, &Source::default()).await.unwrap().unwrap()
    }

    /// The next letter that leaves.
    pub(in crate::account) async fn letter(&self) -> Letter {
        let next = tokio::time::timeout(MINUTE, async { self.post.lock().await.recv().await });
        next.await.expect("no letter left").unwrap()
    }

    /// The token in its link.
    pub(in crate::account) async fn mailed_token(&self) -> Secret {
        let letter = self.letter().await;
        let (_, rest) = letter.text.expose().split_once("token=").expect("a letter with a link");
        secret(rest.split_whitespace().next().unwrap())
    }

    /// What a backend would be told, if the token is good in every respect but for revocation.
    pub(in crate::account) fn identity(&self, signed_in: &SignedIn) -> Identity {
        self.accounts.tokens.verify(&signed_in.access_token, self.clock.now()).unwrap()
    }

    /// Is the access token dead, here and in a process that starts now?
    pub(in crate::account) async fn is_dead(&self, signed_in: &SignedIn) -> bool {
        let issued_at = self.identity(signed_in).issued_at();
        let here = self.people().revocations.is_revoked(signed_in.session, issued_at);
        let fresh = Revocations::default();
        fresh.load(&self.people().store).await.unwrap();
        assert_eq!(fresh.is_revoked(signed_in.session, issued_at), here, "memory and store agree");
        here
    }

    pub(in crate::account) async fn is_live(&self, session: SessionId) -> bool {
        self.accounts.profile(session).await.unwrap().is_some()
    }
}

pub(in crate::account) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(in crate::account) fn from(ip: &str) -> Source<'static> {
    Source {
        ip: Some(ip.parse::<IpAddr>().unwrap()),
        user_agent: Some("test"),
        request_id: Some("r1"),
        languages: None,
        client: Client::Program,
    }
}

pub(in crate::account) fn role(text: &str) -> Role {
    Role::parse(text).unwrap()
}

pub(in crate::account) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

fn settings() -> Settings {
    Settings {
        identifier: Identifier::Username,
        subject: Subject::Id,
        registration: Registration::Open,
        allowed_domains: vec![],
        verify_email: false,
        default_roles: vec![role("user")],
        role_scopes: BTreeMap::from([(role("admin"), vec![scope("users:read"), scope("users:write")])]),
        refresh_ttl: 24 * 60 * MINUTE,
        refresh_grace: Duration::from_secs(10),
        session_idle: 60 * MINUTE,
        session_max: 240 * MINUTE,
        password_grant: true,
        login_per_ip: Rate { count: 20, per: MINUTE },
        login_per_account: Rate { count: 5, per: MINUTE },
        register_per_ip: Rate { count: 10, per: 60 * MINUTE },
        migrate_from: None,
    }
}

pub(in crate::account) fn passwords() -> PasswordSettings {
    PasswordSettings {
        min_length: 8,
        max_length: 256,
        block_common: true,
        cost: Argon2Cost { memory_kib: 64, iterations: 1, lanes: 1 },
        parallel_hashes: 2,
        hash_queue: 256,
    }
}

fn tokens() -> TokenSettings {
    TokenSettings {
        access_ttl: 15 * MINUTE,
        issuer: "http://localhost:8080".to_owned(),
        audience: "authgate".to_owned(),
        subject: Subject::Id,
        algorithm: Algorithm::Es256,
        leeway: Duration::from_secs(5),
        revoke: crate::token::Revoke::Now,
        secret: None,
        keys: KeySettings::default(),
        dialect: Dialect::default(),
        claims: vec![],
    }
}
