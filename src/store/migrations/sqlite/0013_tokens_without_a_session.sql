-- What ends tokens that another holder of the key made: subject is "sub:" and what such a token calls the person, or "jti:" and
-- the token's own id. Of two rows for one subject the later one counts, and the earlier one is gone.
CREATE TABLE token_revocations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    subject VARCHAR(300) NOT NULL UNIQUE,
    not_before BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX token_revocations_by_expiry ON token_revocations (expires_at);
