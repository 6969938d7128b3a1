//! Listeners: accept, TLS, and which filter chain serves a connection.
