//! `Numbers`: the ids and tokens that a VM gives out.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::ContextId;
use crate::context::GrpcKind;

/// What each kind gives out next. The instances of a VM's snapshots draw from the same, on whatever
/// thread they are, so that a number in a log or a late event means one thing.
#[derive(Debug)]
pub(crate) struct Numbers {
    contexts: AtomicU32,
    http_tokens: AtomicU32,
    grpc_calls: AtomicU32,
    grpc_streams: AtomicU32,
    dns_tokens: AtomicU32,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            contexts: AtomicU32::new(1),
            // Tokens of HTTP callouts are 4, 8, 12 …: their low bits tell them from those of gRPC.
            http_tokens: AtomicU32::new(4),
            grpc_calls: AtomicU32::new(GrpcKind::Call.first_token()),
            grpc_streams: AtomicU32::new(GrpcKind::Stream.first_token()),
            // As in Envoy, which counts from 1 and gives out the next.
            dns_tokens: AtomicU32::new(2),
        }
    }
}

impl Numbers {
    /// Ids are not reused: a late callback must not hit a new stream. After four billion they
    /// wrap, past 0; the caller passes those that are live.
    pub(crate) fn next_context(&self) -> ContextId {
        ContextId(draw(&self.contexts, 1))
    }

    pub(crate) fn next_http_token(&self) -> u32 {
        draw(&self.http_tokens, 4)
    }

    /// Takes back the token that was given out last, unless another has followed it.
    pub(crate) fn return_http_token(&self, token: u32) {
        let next = token.wrapping_add(4);
        let order = Ordering::Relaxed;
        self.http_tokens
            .compare_exchange(next, token, order, order)
            .ok();
    }

    pub(crate) fn next_grpc_token(&self, kind: GrpcKind) -> u32 {
        match kind {
            GrpcKind::Call => draw(&self.grpc_calls, 4),
            GrpcKind::Stream => draw(&self.grpc_streams, 4),
        }
    }

    pub(crate) fn next_dns_token(&self) -> u32 {
        draw(&self.dns_tokens, 1)
    }
}

/// Returns a number other than 0, and moves on by `step`, which keeps a token's low bits.
fn draw(numbers: &AtomicU32, step: u32) -> u32 {
    match numbers.fetch_add(step, Ordering::Relaxed) {
        0 => numbers.fetch_add(step, Ordering::Relaxed),
        number => number,
    }
}
