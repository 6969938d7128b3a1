//! TLS towards clients and upstreams.
