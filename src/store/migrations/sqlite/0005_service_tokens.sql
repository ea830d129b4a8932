-- Tokens for machines. hash: SHA-256 of the token, which itself is shown once.
CREATE TABLE service_tokens (
    id VARCHAR(26) NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name VARCHAR(64) NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE INDEX service_tokens_by_expiry ON service_tokens (expires_at);
