-- hash: SHA-256 of the invitation's token. An invitation is used once and then gone.
CREATE TABLE invites (
    hash VARBINARY(64) NOT NULL PRIMARY KEY,
    email VARCHAR(254),
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX invites_by_expiry ON invites (expires_at);
