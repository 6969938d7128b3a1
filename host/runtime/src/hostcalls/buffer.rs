//! Buffers: bodies of the stream, a callout's body, and configurations.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use tollgate_abi::{BufferType, Status};

use super::{GuestSlice, Hostcall, Linking, Refusal, ReturnSlice, Stop, hostcall};
use crate::ContextId;
use crate::context::GrpcEvent;
use crate::host::{Direction, HttpCallResponse, HttpHost, TcpHost, TcpPeer};
use crate::imports::env;
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(
        linking,
        env::GET_BUFFER_STATUS,
        |call, buffer: u32, size: u32, flags: u32| {
            let len = find(call.state(), buffer)?.len(call.state());
            call.write_u32(size, u32::try_from(len).unwrap_or(u32::MAX))?;
            call.write_u32(flags, 0)
        }
    );
    hostcall!(
        linking,
        env::GET_BUFFER_BYTES,
        |call, buffer: u32, start: u32, max: u32, ptr: u32, size: u32| {
            bytes(call, buffer, (start, max), ReturnSlice::new(ptr, size))
        }
    );
    hostcall!(
        linking,
        env::SET_BUFFER_BYTES,
        |call, buffer: u32, start: u32, size: u32, data: u32, data_size: u32| {
            set(
                call,
                buffer,
                (start, size),
                GuestSlice::new(data, data_size),
            )
        }
    );
    // What ABI 0.1.0 has instead of the configuration buffers.
    hostcall!(
        linking,
        env::GET_CONFIGURATION,
        |call, ptr: u32, size: u32| {
            let state = call.state();
            let bytes = plugin_configuration(state)
                .unwrap_or_else(|| state.common.config.configuration.clone());
            call.return_bytes(&bytes, ReturnSlice::new(ptr, size))
        }
    );
    Ok(())
}

/// A buffer that can be read now.
enum Buffer {
    /// A body. It can be changed.
    Body(Rc<dyn HttpHost>, Direction),
    /// Data of a TCP connection. It can be changed.
    Data(Rc<dyn TcpHost>, TcpPeer),
    /// The message of a gRPC callout. It can be changed, which nobody but the guest sees.
    Message(ContextId),
    /// Bytes that do not change.
    Fixed(Bytes),
    /// Not available now, which Envoy shows as empty.
    Closed,
}

impl Buffer {
    fn len(&self, state: &VmState) -> usize {
        match self {
            Self::Message(root) => message(state, *root).map_or(0, <[u8]>::len),
            Self::Body(host, direction) => host.body_len(*direction),
            Self::Data(host, from) => host.data_len(*from),
            Self::Fixed(bytes) => bytes.len(),
            Self::Closed => 0,
        }
    }
}

fn find(state: &VmState, number: u32) -> Result<Buffer, Refusal> {
    let buffer = BufferType::try_from(number)
        .map_err(|_| Refusal::bad_argument("buffer types are 0 to 8"))?;
    match buffer {
        BufferType::HttpRequestBody => Ok(body(state, Direction::Request)),
        BufferType::HttpResponseBody => Ok(body(state, Direction::Response)),
        BufferType::DownstreamData => Ok(data(state, TcpPeer::Downstream)),
        BufferType::UpstreamData => Ok(data(state, TcpPeer::Upstream)),
        BufferType::GrpcReceiveBuffer => Ok(grpc_message(state)),
        BufferType::CallData => Ok(call_data(state)),
        BufferType::HttpCallResponseBody => callout_body(state).map(Buffer::Fixed),
        BufferType::VmConfiguration => Ok(Buffer::Fixed(state.common.config.configuration.clone())),
        BufferType::PluginConfiguration => {
            plugin_configuration(state)
                .map(Buffer::Fixed)
                .ok_or(Refusal::not_found(
                    "the plugin's configuration is available only in its proxy_on_context_create \
                 and in proxy_on_configure",
                ))
        }
    }
}

fn body(state: &VmState, direction: Direction) -> Buffer {
    match state
        .acting_http()
        .filter(|http| http.access.has_body(direction))
    {
        Some(http) => Buffer::Body(Rc::clone(&http.host), direction),
        None => Buffer::Closed,
    }
}

fn data(state: &VmState, from: TcpPeer) -> Buffer {
    match state.acting_tcp().filter(|tcp| tcp.has_data(from)) {
        Some(tcp) => Buffer::Data(Rc::clone(&tcp.host), from),
        None => Buffer::Closed,
    }
}

/// Returns the message that a gRPC callback delivers; it belongs to the root, whoever looks.
fn grpc_message(state: &VmState) -> Buffer {
    let root = state.acting_root().map(|(id, _)| id);
    root.filter(|id| message(state, *id).is_some())
        .map_or(Buffer::Closed, Buffer::Message)
}

fn message(state: &VmState, root: ContextId) -> Option<&[u8]> {
    match &state.contexts.root(root)?.grpc.event {
        Some(GrpcEvent::Message(message)) => Some(message),
        Some(GrpcEvent::InitialMetadata(_) | GrpcEvent::TrailingMetadata(_)) | None => None,
    }
}

fn message_mut(state: &mut VmState, root: ContextId) -> Option<&mut Vec<u8>> {
    match &mut state.contexts.root_mut(root)?.grpc.event {
        Some(GrpcEvent::Message(message)) => Some(message),
        Some(GrpcEvent::InitialMetadata(_) | GrpcEvent::TrailingMetadata(_)) | None => None,
    }
}

/// Returns what a callback was called with. It belongs to the context that was called.
fn call_data(state: &VmState) -> Buffer {
    let root = state.contexts.root(state.acting());
    root.and_then(|root| root.call_data.clone())
        .map_or(Buffer::Closed, Buffer::Fixed)
}

fn callout_body(state: &VmState) -> Result<Bytes, Refusal> {
    match state
        .acting_root()
        .and_then(|(_, root)| root.response.as_ref())
    {
        Some(HttpCallResponse::Complete { body, .. }) => Ok(body.clone()),
        Some(HttpCallResponse::Reset) | None => Err(Refusal::not_found(
            "a callout's body is available only in the callback that delivers its response",
        )),
    }
}

fn plugin_configuration(state: &VmState) -> Option<Bytes> {
    let root = state.contexts.root(state.acting())?;
    root.is_configuring
        .then(|| root.plugin.configuration.clone())
}

fn bytes(
    call: &mut Hostcall<'_>,
    buffer: u32,
    (start, max): (u32, u32),
    result: ReturnSlice,
) -> Result<(), Stop> {
    let buffer = find(call.state(), buffer)?;
    let range = clamp(start, max, buffer.len(call.state()));
    match buffer {
        Buffer::Closed => call.return_bytes(&[], result),
        Buffer::Fixed(bytes) => call.return_bytes(bytes.get(range).unwrap_or_default(), result),
        Buffer::Message(root) => {
            let message = message(call.state(), root).and_then(|message| message.get(range));
            let copy = message.unwrap_or_default().to_vec();
            call.return_bytes(&copy, result)
        }
        Buffer::Body(host, direction) => {
            copied(call, result, |copy| host.body_read(direction, range, copy))
        }
        Buffer::Data(host, from) => copied(call, result, |copy| host.data_read(from, range, copy)),
    }
}

fn copied(
    call: &mut Hostcall<'_>,
    result: ReturnSlice,
    read: impl FnOnce(&mut Vec<u8>),
) -> Result<(), Stop> {
    let mut copy = std::mem::take(&mut call.state_mut().value);
    copy.clear();
    read(&mut copy);
    let answer = call.return_bytes(&copy, result);
    call.state_mut().keep_value(copy);
    answer
}

/// Returns the part of a buffer of `len` bytes that a guest asks for; nothing if it starts behind.
fn clamp(start: u32, max: u32, len: usize) -> Range<usize> {
    let start = usize::try_from(start).unwrap_or(usize::MAX).min(len);
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    start..start.saturating_add(max).min(len)
}

const TOO_LARGE: Refusal = Refusal::new(
    Status::InternalFailure,
    "the buffer would be larger than a plugin may make it",
)
.beyond("body_bytes");

fn set(
    call: &mut Hostcall<'_>,
    buffer: u32,
    (start, size): (u32, u32),
    data: GuestSlice,
) -> Result<(), Stop> {
    let (memory, state) = call.split();
    let buffer = find(state, buffer)?;
    let data = data.read(memory)?;
    let len = buffer.len(state);
    let range = replaced(start, size, len).ok_or(Refusal::bad_argument(
        "bytes in the middle cannot be replaced: start must be 0, or the end to append",
    ));
    let limit = state.common.config.limits.body_bytes;
    let grown = range
        .as_ref()
        .map_or(0, |range| len - range.len() + data.len());
    if grown > limit && grown > len {
        return Err(TOO_LARGE.into());
    }
    match buffer {
        Buffer::Body(host, direction) => host.body_replace(direction, range?, data),
        Buffer::Data(host, from) => host.data_replace(from, range?, data),
        Buffer::Message(root) => {
            if let Some(message) = message_mut(state, root) {
                message.splice(range?, data.iter().copied());
            }
        }
        Buffer::Fixed(_) => {
            return Err(Refusal::bad_argument("this buffer can only be read").into());
        }
        Buffer::Closed => {
            return Err(Refusal::bad_argument(
                "the buffer is not available in this callback: bodies and TCP data can be changed \
                 only in their own callbacks, and later while they are held",
            )
            .into());
        }
    }
    Ok(())
}

/// Returns the bytes that a write replaces: a start beyond the end appends, a size of 0 at the
/// start prepends, and a write into the middle is refused.
fn replaced(start: u32, size: u32, len: usize) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    let size = usize::try_from(size).ok()?;
    if start == 0 {
        Some(0..size.min(len))
    } else {
        (start >= len).then_some(len..len)
    }
}

#[cfg(test)]
mod tests {
    use super::{clamp, replaced};

    #[test]
    fn a_read_is_cut_to_what_is_there() {
        assert_eq!(clamp(0, 0x7fff_ffff, 5), 0..5);
        assert_eq!(clamp(2, 2, 5), 2..4);
        assert_eq!(clamp(5, 1, 5), 5..5);
        assert_eq!(clamp(u32::MAX, u32::MAX, 5), 5..5);
        assert_eq!(clamp(0, 0, 5), 0..0);
    }

    #[test]
    fn a_write_prepends_replaces_or_appends_but_never_splits() {
        assert_eq!(replaced(0, 0, 5), Some(0..0));
        assert_eq!(replaced(0, 1, 5), Some(0..1));
        assert_eq!(replaced(0, 5, 5), Some(0..5));
        assert_eq!(replaced(0, 0x7fff_ffff, 5), Some(0..5));
        assert_eq!(replaced(5, 0, 5), Some(5..5));
        assert_eq!(replaced(0x7fff_ffff, 9, 5), Some(5..5));
        assert_eq!(replaced(1, 1, 5), None);
        assert_eq!(replaced(0, 3, 0), Some(0..0));
    }
}
