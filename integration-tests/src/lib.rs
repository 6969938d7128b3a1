//! The harness: proxies under test, a scripted origin, and clients.
