-- What routes that only observe counted. The id is made of route, refusal and backend_refused.
CREATE TABLE observations (
    id BLOB NOT NULL PRIMARY KEY,
    route TEXT NOT NULL,
    refusal VARCHAR(64),
    backend_refused BIGINT NOT NULL,
    many BIGINT NOT NULL,
    method VARCHAR(64) NOT NULL,
    path VARCHAR(1024) NOT NULL,
    status BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX observations_by_expiry ON observations (expires_at);
