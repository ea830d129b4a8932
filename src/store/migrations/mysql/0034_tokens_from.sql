-- tokens_from: access tokens of this session that were issued before are dead, and the next one is issued then at the earliest.
ALTER TABLE sessions ADD COLUMN tokens_from BIGINT NOT NULL DEFAULT 0;
