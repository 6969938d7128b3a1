//! Lets a request through when it carries a known API key.
