//! Limits the rate of requests by key, with state in shared data.
