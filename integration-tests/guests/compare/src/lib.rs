//! The same filters twice, with the Tollgate SDK and with the official proxy-wasm crate.
//!
//! Each is an example, so that a module holds nothing but what its filter needs. The pairs do the
//! same by the plain means of their SDK: strings in the official one, as its own examples do.
