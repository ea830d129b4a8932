-- What was brought from elsewhere, so that it can be taken back. started_at is also the updated_at of those who were added.
CREATE TABLE imports (
    id BIGINT NOT NULL PRIMARY KEY,
    source VARCHAR(255) NOT NULL,
    started_at BIGINT NOT NULL,
    undone_at BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE imported_users (
    user_id VARCHAR(26) NOT NULL PRIMARY KEY,
    import_id BIGINT NOT NULL,
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    FOREIGN KEY (import_id) REFERENCES imports (id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX imported_users_by_import ON imported_users (import_id);
