//! Guests of the integration tests, written with the official proxy-wasm crate.
