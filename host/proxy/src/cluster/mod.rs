//! Clusters: which endpoint serves a request, and the connections to it.
