//! One test for a filter, two engines: native, and the built .wasm in the runtime.
