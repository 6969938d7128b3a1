//! Statistics under Envoy's names.
