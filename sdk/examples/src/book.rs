//! The code of the book, which `cargo test --doc` compiles.

#[doc = include_str!("../../../docs/configuration.md")]
mod configuration {}
#[doc = include_str!("../../../docs/getting-started.md")]
mod getting_started {}
#[doc = include_str!("../../../docs/migration.md")]
mod migration {}
#[doc = include_str!("../../../docs/tasks/auth.md")]
mod auth {}
#[doc = include_str!("../../../docs/tasks/bodies.md")]
mod bodies {}
#[doc = include_str!("../../../docs/tasks/callouts.md")]
mod callouts {}
#[doc = include_str!("../../../docs/tasks/grpc.md")]
mod grpc {}
#[doc = include_str!("../../../docs/tasks/rate-limit.md")]
mod rate_limit {}
#[doc = include_str!("../../../docs/tasks/tcp.md")]
mod tcp {}
#[doc = include_str!("../../../docs/tasks/testing.md")]
mod testing {}
#[doc = include_str!("../../../docs/tasks/timers.md")]
mod timers {}
