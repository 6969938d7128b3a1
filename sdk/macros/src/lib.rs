//! Attribute and registration macros of the tollgate SDK.
