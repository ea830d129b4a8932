/// What the operator says about passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// In characters, after normalisation.
    pub(crate) min_length: usize,
    /// In bytes; nothing longer is hashed or compared.
    pub(crate) max_length: usize,
    /// Refuse the most used passwords.
    pub(crate) block_common: bool,
    pub(crate) cost: Argon2Cost,
    /// So many hashes at once; already resolved: never 0.
    pub(crate) parallel_hashes: usize,
    /// So many more may wait; beyond that the answer is 503.
    pub(crate) hash_queue: usize,
}

/// Argon2id (RFC 9106): memory in KiB, passes, lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Argon2Cost {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) lanes: u32,
}

impl Default for Argon2Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, lanes: 1 }
    }
}
