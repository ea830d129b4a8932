-- signs_from: the key is published before, and signs from then on. believed_until: its last token is dead then; empty as
-- long as no other key has taken its place. sealed: the material is encrypted.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN believed_until BIGINT;
ALTER TABLE signing_keys ADD COLUMN sealed BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;
