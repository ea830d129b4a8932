-- From where somebody signed in rightly of late. network: an address, or the first of an IPv6 /64.
CREATE TABLE familiar_networks (
    user_id VARCHAR(26) NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network VARCHAR(45) NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX familiar_networks_by_time ON familiar_networks (seen_at);
