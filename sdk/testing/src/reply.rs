//! Local replies: the message that Envoy makes of what a filter sends.

use tollgate_abi::GrpcStatus;
use tollgate_runtime::LocalResponse;

use crate::upstream::Message;

pub(crate) fn message(reply: &LocalResponse, is_grpc: bool) -> Message {
    let mut headers = vec![entry(":status", if is_grpc { 200 } else { reply.status })];
    for (name, value) in &reply.headers {
        headers.push((name.to_vec(), value.to_vec()));
    }
    if is_grpc {
        let mapped = u16::try_from(reply.status).map_or(GrpcStatus::Unknown, GrpcStatus::from_http);
        headers.push((b"content-type".to_vec(), b"application/grpc".to_vec()));
        headers.push(entry(
            "grpc-status",
            reply.grpc_status.unwrap_or(mapped).to_u32(),
        ));
        if !reply.body.is_empty() {
            headers.push((b"grpc-message".to_vec(), percent_encoded(&reply.body)));
        }
        return Message {
            headers,
            ..Message::default()
        };
    }
    if !reply.body.is_empty() {
        headers.push(entry(
            "content-length",
            u32::try_from(reply.body.len()).unwrap_or(u32::MAX),
        ));
        if !headers.iter().any(|(name, _)| name == b"content-type") {
            headers.push((b"content-type".to_vec(), b"text/plain".to_vec()));
        }
    }
    Message {
        headers,
        body: reply.body.to_vec(),
        trailers: Vec::new(),
    }
}

fn entry(name: &str, value: u32) -> (Vec<u8>, Vec<u8>) {
    (name.into(), value.to_string().into_bytes())
}

/// gRPC's encoding of messages: all but printable ASCII, and the percent sign, as `%XX`.
fn percent_encoded(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for byte in text {
        match byte {
            b' '..=b'~' if *byte != b'%' => encoded.push(*byte),
            _ => encoded.extend(format!("%{byte:02X}").into_bytes()),
        }
    }
    encoded
}
