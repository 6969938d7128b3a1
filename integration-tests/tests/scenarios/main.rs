//! Scenarios that real Envoy and Tollgate must answer alike.
//!
//! Each test runs one scenario on both proxies, fails when they differ, and asserts what Envoy is
//! known to do, so that a mistake that both make is seen as well.
#![expect(clippy::expect_used, reason = "what cannot be had fails the test")]

mod access_log;
mod body;
mod callout;
mod configuration;
mod discovery;
mod examples;
mod fault;
mod filters;
mod headers;
mod http;
mod http2;
mod languages;
mod life_cycle;
mod local_response;
mod malformed;
mod metrics;
mod official;
mod official_tcp;
mod pause;
mod projects;
mod properties;
mod route;
mod sdk;
mod sdk_bodies;
mod sdk_tunnel;
mod sdk_workshop;
mod services;
mod shared_data;
mod slow_client;
mod support;
mod tcp;
mod timer;
mod tls;
mod trailers;
