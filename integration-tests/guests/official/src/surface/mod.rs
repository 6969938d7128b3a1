//! The whole surface of the crate: every method of its traits and every hostcall at least once.
//!
//! What the other modules use for a purpose is used here for completeness, with results in the log.

mod call;
mod grpc;
mod maps;
mod root;
mod stream;

pub(crate) use root::Surface;
pub(crate) use stream::Tunnel;

use crate::Behaviour;

/// Finds what `/surface/NAME` does.
pub(crate) fn behaviour(name: &str, context_id: u32) -> Option<Behaviour> {
    Some(match name {
        "trait" => Box::new(maps::ByTrait),
        "hostcalls" => Box::new(maps::ByHostcalls),
        "call" => Box::new(call::Call { context_id }),
        "services" => Box::new(call::Services),
        "foreign" => Box::new(call::Foreign),
        "resume-upstream" | "done" => Box::new(call::OutOfPlace),
        "grpc-call" => Box::new(grpc::Unary::default()),
        "grpc-stream" => Box::new(grpc::Streaming::default()),
        "grpc-cancel" => Box::new(grpc::Cancelled),
        _ => return None,
    })
}
