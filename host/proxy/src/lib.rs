//! The hyper reference proxy that embeds the Tollgate runtime.
#![forbid(unsafe_code)]
