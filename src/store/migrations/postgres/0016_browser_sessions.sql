-- cookie: SHA-256 of what a browser's cookie holds; empty for a session that is known by its tokens.
ALTER TABLE sessions ADD COLUMN cookie BYTEA;
CREATE UNIQUE INDEX sessions_by_cookie ON sessions (cookie);
