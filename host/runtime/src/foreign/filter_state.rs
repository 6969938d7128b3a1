//! `set_envoy_filter_state` and `declare_property`: values that other filters see.

use bytes::Bytes;
use tollgate_abi::Status;

use super::message::Message;
use crate::context::Context;
use crate::host::{LifeSpan, PropertyDeclaration, PropertyType};
use crate::hostcalls::Refusal;
use crate::vm::VmState;

const NO_STREAM: Refusal =
    Refusal::not_found("filter state belongs to streams, and this context is none");

/// Sets a value of the effective context's stream that the proxy itself knows and reads.
pub(super) fn set(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let message = Message::read(arguments)?;
    let (path, value) = (message.string(1)?, message.string(2)?);
    let (key, value, life_span) = (
        path.as_bytes(),
        value.as_bytes(),
        life_span(message.number(3)),
    );
    let is_set = match state.contexts.get(state.acting()) {
        Some(Context::Http(http)) => http.host.set_filter_state(key, value, life_span),
        Some(Context::Tcp(tcp)) => tcp.host.set_filter_state(key, value, life_span),
        Some(Context::Root(_)) | None => return Err(NO_STREAM),
    };
    is_set.map_err(|status| {
        let reason = if status == Status::NotFound {
            "the proxy knows no filter state of this name"
        } else {
            "the proxy does not take this value for it"
        };
        Refusal::new(status, reason)
    })?;
    Ok(Vec::new())
}

/// Declares how a property that `proxy_set_property` sets is kept and read.
pub(super) fn declare(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let message = Message::read(arguments)?;
    let declaration = PropertyDeclaration {
        read_only: message.number(2) != 0,
        kind: match message.number(3) {
            1 => PropertyType::String,
            2 => PropertyType::FlatBuffers,
            3 => PropertyType::Protobuf,
            _ => PropertyType::Bytes,
        },
        schema: Bytes::copy_from_slice(message.bytes(4)),
        life_span: life_span(message.number(5)),
    };
    state
        .declare_property(message.string(1)?.as_bytes(), declaration)
        .map_err(|status| Refusal::new(status, "the property is declared already"))?;
    Ok(Vec::new())
}

const fn life_span(number: u64) -> LifeSpan {
    match number {
        1 => LifeSpan::Request,
        2 => LifeSpan::Connection,
        _ => LifeSpan::FilterChain,
    }
}
