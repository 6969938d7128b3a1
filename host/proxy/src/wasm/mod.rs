//! The embedding: Wasm plugins as HTTP filters; only this folder names the runtime crate.
