-- Secrets that were mailed to somebody: hash is SHA-256 of the link's token. purpose: "password" or "email". email: where it was
-- sent; a link for a password is good only as long as the address is still the person's.
CREATE TABLE links (
    hash VARBINARY(32) NOT NULL PRIMARY KEY,
    user_id VARCHAR(26) NOT NULL,
    purpose VARCHAR(16) NOT NULL,
    email VARCHAR(254) NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX links_by_user ON links (user_id);
CREATE INDEX links_by_expiry ON links (expires_at);
