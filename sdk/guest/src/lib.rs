//! Write Envoy Proxy-Wasm filters: async, Result-based, small.
