-- The key of a program that shows six digits. sealed: it is encrypted. last_step: no code of this step or before is good any more.
CREATE TABLE totp_keys (
    user_id VARCHAR(26) NOT NULL PRIMARY KEY,
    secret VARBINARY(128) NOT NULL,
    sealed BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- hash: SHA-256 of the code. A code is used once and then gone.
CREATE TABLE recovery_codes (
    user_id VARCHAR(26) NOT NULL,
    hash VARBINARY(32) NOT NULL,
    PRIMARY KEY (user_id, hash),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Sign-ins whose password was right and that wait for the second factor. hash: SHA-256 of the challenge.
CREATE TABLE waiting_logins (
    hash VARBINARY(32) NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) NOT NULL,
    password_set_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX waiting_logins_by_expiry ON waiting_logins (expires_at);
