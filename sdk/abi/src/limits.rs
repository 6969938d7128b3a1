//! Limits: sizes that Envoy's host enforces on what a guest sends.

/// Most pairs in a serialized map from a guest; more reads as an empty map.
pub const MAX_PAIRS: usize = 1024;

/// Most bytes in a serialized map from a guest; more reads as an empty map.
pub const MAX_PAIRS_BYTES: usize = 1024 * 1024;

/// Most bytes a guest may ask of `random_get` at once.
pub const MAX_RANDOM_BYTES: u32 = 65_536;

/// Most bytes of linear memory a module may have: 1 GiB.
pub const MAX_MEMORY_BYTES: usize = 1024 * 1024 * 1024;

/// Most bytes of an HTTP callout's response body: 32 MiB.
pub const MAX_CALLOUT_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Callout timeouts must be below this many milliseconds (2^31).
pub const MAX_CALLOUT_TIMEOUT_MS: u32 = 0x8000_0000;
