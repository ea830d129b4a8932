-- Those that wait are counted before one more is made, of people and of strangers apart: from the index alone.
CREATE INDEX passkey_challenges_by_user ON passkey_challenges (user_id, expires_at);
