//! Guests of the integration tests, written with the tollgate SDK.
