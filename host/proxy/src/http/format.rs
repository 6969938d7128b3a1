//! Envoy's %COMMAND% operators.
