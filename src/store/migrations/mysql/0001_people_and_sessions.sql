-- Times are milliseconds since 1970. Lists of roles and scopes are written " a b ", so that LIKE '% a %' finds one.
CREATE TABLE users (
    id VARCHAR(26) NOT NULL PRIMARY KEY,
    username VARCHAR(64) UNIQUE,
    email VARCHAR(254) UNIQUE,
    email_verified BIGINT NOT NULL,
    name VARCHAR(512),
    password_hash VARCHAR(512),
    password_set_at BIGINT NOT NULL,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    attributes TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_login_at BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- tokens_until: the last moment at which an access token of this session may still be believed.
CREATE TABLE sessions (
    id VARCHAR(26) NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) NOT NULL,
    created_at BIGINT NOT NULL,
    auth_time BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tokens_until BIGINT NOT NULL,
    ended_at BIGINT,
    amr VARCHAR(64) NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(1024),
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_last_token ON sessions (tokens_until);

-- hash: SHA-256 of the token. nonce: what its successor is derived from, once it was used.
CREATE TABLE refresh_tokens (
    hash VARBINARY(64) NOT NULL PRIMARY KEY,
    session_id VARCHAR(26) NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    successor_nonce VARBINARY(64),
    FOREIGN KEY (session_id) REFERENCES sessions (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- No reference to sessions: a revocation outlives the session and the person it was made for.
CREATE TABLE revocations (
    seq BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    session_id VARCHAR(26) NOT NULL,
    not_before BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE TABLE signing_keys (
    kid VARCHAR(128) NOT NULL PRIMARY KEY,
    algorithm VARCHAR(16) NOT NULL,
    material BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What the command line shows to a running gateway; only the hash is kept.
CREATE TABLE control_secrets (
    hash VARBINARY(64) NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Whoever writes holds this row: one writer at a time, so that revocations are numbered in the order of their commits.
CREATE TABLE writers (id BIGINT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO writers (id) VALUES (1);
