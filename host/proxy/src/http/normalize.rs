//! What Envoy changes in every message before and after the filters. Pure.

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;
use tollgate_config::{HttpConnectionManager, ServerHeaderTransformation};

use super::head_facts::{HeadFacts, is_hop_by_hop};
use crate::filter::HeaderTable;

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const EXTERNAL_ADDRESS: HeaderName = HeaderName::from_static("x-envoy-external-address");

/// Headers by which trusted peers steer Envoy; nobody else may.
const INTERNAL_HEADERS: [&str; 17] = [
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
    "x-envoy-max-retries",
    "x-envoy-original-url",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-ms",
];

/// What a connection manager does to the messages that pass it.
#[derive(Debug)]
pub(super) struct Normalizer {
    use_remote_address: bool,
    skip_xff_append: bool,
    xff_num_trusted_hops: usize,
    generate_request_id: bool,
    preserve_external_request_id: bool,
    request_id_in_response: bool,
    server_name: HeaderValue,
    server_header: ServerHeaderTransformation,
    via: Option<HeaderValue>,
    /// Stands for clients on the loopback interface in `x-forwarded-for`, as in Envoy.
    own_address: IpAddr,
}

impl Normalizer {
    pub(super) fn new(config: &HttpConnectionManager, own_address: IpAddr) -> Self {
        let server_name = HeaderValue::from_str(&config.server_name);
        Self {
            use_remote_address: config.use_remote_address,
            skip_xff_append: config.skip_xff_append,
            xff_num_trusted_hops: config.xff_num_trusted_hops as usize,
            generate_request_id: config.generate_request_id,
            preserve_external_request_id: config.preserve_external_request_id,
            request_id_in_response: config.always_set_request_id_in_response,
            server_name: server_name.unwrap_or(HeaderValue::from_static("envoy")),
            server_header: config.server_header_transformation,
            via: HeaderValue::from_str(&config.via)
                .ok()
                .filter(|via| !via.is_empty()),
            own_address,
        }
    }

    /// Changes a request as it comes in and returns the client's address. `facts` are those of
    /// the head as it came; `random` makes an id.
    pub(super) fn request(
        &self,
        fields: &mut HeaderMap,
        facts: HeadFacts,
        peer: SocketAddr,
        scheme: &'static str,
        random: impl FnOnce() -> [u8; 16],
    ) -> SocketAddr {
        let mut facts = facts;
        if facts.hop_by_hop {
            remove_hop_by_hop(fields);
            // `connection` may have named others that are gone now.
            facts = HeadFacts::of(fields);
        }
        if facts.internal {
            remove_internal(fields);
        }
        let client = if facts.forwarded_for {
            self.client_address(fields, peer)
        } else {
            peer
        };
        if self.use_remote_address {
            self.append_forwarded_for(fields, peer);
            if let Ok(value) = HeaderValue::from_str(&client.ip().to_string()) {
                fields.insert(EXTERNAL_ADDRESS, value);
            }
        }
        let proxied = !self.use_remote_address || self.xff_num_trusted_hops > 0;
        if !proxied || !facts.forwarded_proto {
            fields.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
        }
        let replaces = self.use_remote_address && !self.preserve_external_request_id;
        if self.generate_request_id && (replaces || !facts.request_id) {
            fields.insert(X_REQUEST_ID, request_id(random()));
        }
        client
    }

    /// Returns the nearest address that is not a trusted proxy's.
    fn client_address(&self, fields: &HeaderMap, peer: SocketAddr) -> SocketAddr {
        let hops = match (self.use_remote_address, self.xff_num_trusted_hops) {
            (true, 0) => return peer,
            (true, hops) => hops - 1,
            (false, hops) => hops,
        };
        let forwarded = fields
            .get_all(X_FORWARDED_FOR)
            .iter()
            .filter_map(|v| v.to_str().ok());
        let addresses: Vec<&str> = forwarded.flat_map(|value| value.split(',')).collect();
        let address = addresses
            .iter()
            .rev()
            .nth(hops)
            .and_then(|text| text.trim().parse().ok());
        address.map_or(peer, |ip| SocketAddr::new(ip, 0))
    }

    fn append_forwarded_for(&self, fields: &mut HeaderMap, peer: SocketAddr) {
        if self.skip_xff_append {
            return;
        }
        let address = if peer.ip().is_loopback() {
            self.own_address
        } else {
            peer.ip()
        };
        let text = match fields
            .get(X_FORWARDED_FOR)
            .and_then(|old| old.to_str().ok())
        {
            Some(old) => format!("{old},{address}"),
            None => address.to_string(),
        };
        if let Ok(value) = HeaderValue::from_str(&text) {
            fields.insert(X_FORWARDED_FOR, value);
        }
    }

    /// Returns whether the response gets a header of the request.
    pub(super) fn tells_request_id(&self) -> bool {
        self.request_id_in_response
    }

    /// Changes a response before it goes out.
    pub(super) fn response(&self, fields: &mut HeaderMap, request: &HeaderTable) {
        remove_hop_by_hop(fields);
        match self.server_header {
            ServerHeaderTransformation::Overwrite => {
                fields.insert(header::SERVER, self.server_name.clone());
            }
            ServerHeaderTransformation::AppendIfAbsent => {
                fields
                    .entry(header::SERVER)
                    .or_insert_with(|| self.server_name.clone());
            }
            ServerHeaderTransformation::PassThrough => {}
        }
        if let Some(via) = &self.via {
            append_via(fields, via);
        }
        if self.request_id_in_response
            && let Some(id) = request.fields().get(X_REQUEST_ID)
        {
            fields.insert(X_REQUEST_ID, id.clone());
        }
    }

    /// Changes a request before it goes to an upstream.
    pub(super) fn upstream_request(&self, fields: &mut HeaderMap) {
        if let Some(via) = &self.via {
            append_via(fields, via);
        }
    }
}

fn append_via(fields: &mut HeaderMap, via: &HeaderValue) {
    let joined = match fields.get(header::VIA) {
        Some(old) => [old.as_bytes(), b", ", via.as_bytes()].concat(),
        None => via.as_bytes().to_vec(),
    };
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        fields.insert(header::VIA, value);
    }
}

/// Removes what belongs to one connection. `te` stays when it asks for trailers.
pub(super) fn remove_hop_by_hop(fields: &mut HeaderMap) {
    let found: SmallVec<[HeaderName; 4]> = fields
        .keys()
        .filter(|name| is_hop_by_hop(name.as_str()))
        .cloned()
        .collect();
    for name in found {
        if name == header::TE {
            keep_trailers(fields);
        } else if let Some(value) = fields.remove(&name)
            && name == header::CONNECTION
        {
            remove_nominated(fields, &value);
        }
    }
}

/// Leaves of `te` only that trailers are welcome.
fn keep_trailers(fields: &mut HeaderMap) {
    if fields.get(header::TE).is_none_or(|te| te == "trailers") {
        return;
    }
    let trailers = fields
        .get(header::TE)
        .is_some_and(|te| has_token(te, "trailers"));
    fields.remove(header::TE);
    if trailers {
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes the headers that `connection` names.
fn remove_nominated(fields: &mut HeaderMap, connection: &HeaderValue) {
    // Nearly all say one of these, which names nothing.
    if connection == "keep-alive" || connection == "close" {
        return;
    }
    let Ok(connection) = connection.to_str() else {
        return;
    };
    for name in connection.split(',').map(str::trim) {
        let kept = ["close", "keep-alive", "upgrade", "te", ""];
        let protected = [
            "host",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
        ];
        if !kept
            .iter()
            .chain(&protected)
            .any(|kept| name.eq_ignore_ascii_case(kept))
        {
            fields.remove(name);
        }
    }
}

/// Returns whether a comma-separated value has a token.
pub(super) fn has_token(value: &HeaderValue, token: &str) -> bool {
    let tokens = value.as_bytes().split(|byte| *byte == b',');
    tokens
        .into_iter()
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn remove_internal(fields: &mut HeaderMap) {
    if fields
        .keys()
        .any(|name| name.as_str().starts_with("x-envoy-"))
    {
        for name in INTERNAL_HEADERS {
            fields.remove(name);
        }
    }
}

/// Formats random bytes as a UUID of version 4.
fn request_id(mut bytes: [u8; 16]) -> HeaderValue {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut digits = [[0; 8]; 4];
    for (digits, word) in digits.iter_mut().zip(bytes.as_chunks().0) {
        *digits = hex(u32::from_be_bytes(*word));
    }
    let [first, second, third, fourth] = digits;
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&first);
    text[9..13].copy_from_slice(&second[..4]);
    text[14..18].copy_from_slice(&second[4..]);
    text[19..23].copy_from_slice(&third[..4]);
    text[24..28].copy_from_slice(&third[4..]);
    text[28..].copy_from_slice(&fourth);
    // Hexadecimal digits and dashes are always a legal value.
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
}

/// Returns the digits of a number, all at once: every request's id has 32.
fn hex(number: u32) -> [u8; 8] {
    let mut digits = u64::from(number);
    digits = (digits | digits << 16) & 0x0000_ffff_0000_ffff;
    digits = (digits | digits << 8) & 0x00ff_00ff_00ff_00ff;
    digits = (digits | digits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // Six more than nine carries over into the upper half of a byte.
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    let text = digits + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10);
    text.to_be_bytes()
}

#[cfg(test)]
#[path = "normalize_tests.rs"]
mod tests;
