-- credential: what a device calls it. public_key: COSE. sign_count: how often the device says it was used; one that does not go on is a copy's.
CREATE TABLE passkeys (
    id VARCHAR(26) NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential BLOB NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    sign_count BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- What a device is to sign, once and soon. user_id: who adds a passkey; without it somebody signs in. hash: SHA-256 of the challenge.
CREATE TABLE passkey_challenges (
    hash BLOB NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_challenges_by_expiry ON passkey_challenges (expires_at);
