//! Access logs: one line per stream.
