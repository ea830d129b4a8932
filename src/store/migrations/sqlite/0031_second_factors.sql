-- The key of a program that shows six digits. sealed: it is encrypted. last_step: no code of this step or before is good any more.
CREATE TABLE totp_keys (
    user_id VARCHAR(26) NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    sealed BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL
);

-- hash: SHA-256 of the code. A code is used once and then gone.
CREATE TABLE recovery_codes (
    user_id VARCHAR(26) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Sign-ins whose password was right and that wait for the second factor. hash: SHA-256 of the challenge.
CREATE TABLE waiting_logins (
    hash BLOB NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    password_set_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX waiting_logins_by_expiry ON waiting_logins (expires_at);
