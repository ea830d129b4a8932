-- What was brought from elsewhere, so that it can be taken back. started_at is also the updated_at of those who were added.
CREATE TABLE imports (
    id BIGINT NOT NULL PRIMARY KEY,
    source VARCHAR(255) NOT NULL,
    started_at BIGINT NOT NULL,
    undone_at BIGINT
);

CREATE TABLE imported_users (
    user_id VARCHAR(26) NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    import_id BIGINT NOT NULL REFERENCES imports (id)
);
CREATE INDEX imported_users_by_import ON imported_users (import_id);
