//! The admin interface, in Envoy's shapes.
