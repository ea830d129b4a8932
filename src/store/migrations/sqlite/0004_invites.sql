-- hash: SHA-256 of the invitation's token. An invitation is used once and then gone.
CREATE TABLE invites (
    hash BLOB NOT NULL PRIMARY KEY,
    email VARCHAR(254),
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX invites_by_expiry ON invites (expires_at);
