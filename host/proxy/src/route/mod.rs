//! Route selection: request head to route and cluster.
