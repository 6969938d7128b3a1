//! `GrpcService`: where a gRPC callout goes, as guests say it: Envoy's message, or a cluster's name.

use bytes::Bytes;
use prost::Message;
use tollgate_abi::Status;

use super::Refusal;
use crate::host::{GrpcService, Header, HostServices};

/// The part of `envoy.config.core.v3.GrpcService` that chooses where a call goes.
#[derive(Clone, PartialEq, Message)]
struct ServiceMessage {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
    #[prost(message, optional, tag = "2")]
    google_grpc: Option<GoogleGrpc>,
    #[prost(message, repeated, tag = "5")]
    initial_metadata: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
    #[prost(string, tag = "2")]
    authority: String,
    #[prost(message, optional, tag = "4")]
    max_receive_message_length: Option<UInt32Value>,
    #[prost(bool, tag = "5")]
    skip_envoy_headers: bool,
}

/// Envoy's other client. Its settings do not matter here, only that it is asked for.
#[derive(Clone, PartialEq, Message)]
struct GoogleGrpc {}

#[derive(Clone, PartialEq, Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
    #[prost(bytes = "bytes", tag = "3")]
    raw_value: Bytes,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct UInt32Value {
    #[prost(uint32, tag = "1")]
    value: u32,
}

const NO_CLUSTER: Refusal = Refusal::new(
    Status::ParseFailure,
    "the upstream is neither a GrpcService message nor the name of a cluster",
);
const GOOGLE_GRPC: Refusal = Refusal::new(
    Status::InternalFailure,
    "google_grpc is not supported: use envoy_grpc with a cluster",
);

/// Reads where a callout goes. Bytes that are no message name a cluster.
///
/// Some names happen to be messages of unknown fields, and the empty name is an empty message.
/// Envoy crashes on those; here they name a cluster like others.
pub(super) fn parse(upstream: &[u8], services: &dyn HostServices) -> Result<GrpcService, Refusal> {
    let message = ServiceMessage::decode(upstream).unwrap_or_default();
    if message.google_grpc.is_some() {
        return Err(GOOGLE_GRPC);
    }
    if let Some(target) = message.envoy_grpc {
        return from_message(target, message.initial_metadata);
    }
    let name = str::from_utf8(upstream).map_err(|_| NO_CLUSTER)?;
    if !services.has_cluster(name) {
        return Err(NO_CLUSTER);
    }
    Ok(GrpcService {
        cluster: name.to_owned(),
        ..GrpcService::default()
    })
}

fn from_message(target: EnvoyGrpc, metadata: Vec<HeaderValue>) -> Result<GrpcService, Refusal> {
    // Envoy takes headers without a name and does not send them.
    let named = metadata.into_iter().filter(|header| !header.key.is_empty());
    let initial_metadata = named.map(header);
    Ok(GrpcService {
        cluster: target.cluster_name,
        authority: target.authority,
        initial_metadata: initial_metadata.collect::<Result<_, _>>()?,
        max_receive_message_length: target.max_receive_message_length.map(|max| max.value),
        skip_envoy_headers: target.skip_envoy_headers,
    })
}

const NO_HEADER: Refusal = Refusal::bad_argument(
    "initial metadata of a GrpcService cannot set :-prefixed or host headers",
);
const FORMATTED: Refusal = Refusal::bad_argument(
    "initial metadata of a GrpcService cannot be formatted: write %% for a percent sign",
);

/// Envoy reads the values as formats, with the words of access logs, and refuses those it does not
/// know; then it sends them as they are.
fn header(header: HeaderValue) -> Result<Header, Refusal> {
    let name = header.key.to_ascii_lowercase();
    if name.starts_with(':') || name == "host" {
        return Err(NO_HEADER);
    }
    if !header.raw_value.is_empty() {
        return Ok((name.into(), header.raw_value));
    }
    if header.value.replace("%%", "").contains('%') {
        return Err(FORMATTED);
    }
    Ok((name.into(), header.value.into()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tollgate_abi::{LogLevel, Status};

    use super::parse;
    use crate::host::{CalloutRefusal, GrpcService, HttpCall, LogOrigin, PropertyResult};
    use crate::{ContextId, HostServices};

    /// An embedder with one cluster: a name that is a `GrpcService` of unknown fields as well.
    struct Clusters;

    const READS_AS_MESSAGE: &str = "abcdefghi";

    impl HostServices for Clusters {
        fn log(&self, _origin: LogOrigin<'_>, _level: LogLevel, _message: &[u8]) {}
        fn log_level(&self) -> Option<LogLevel> {
            None
        }
        fn realtime_nanos(&self) -> u64 {
            0
        }
        fn monotonic_nanos(&self) -> u64 {
            0
        }
        fn fill_random(&self, _out: &mut [u8]) {}
        fn set_tick_period(&self, _root: ContextId, _period: Option<Duration>) {}
        fn start_http_call(
            &self,
            _root: ContextId,
            _token: u32,
            _call: HttpCall,
        ) -> Result<(), CalloutRefusal> {
            unreachable!("reading a target calls nobody")
        }
        fn property(&self, _path: &[&[u8]]) -> PropertyResult {
            Err(Status::NotFound)
        }
        fn has_cluster(&self, name: &str) -> bool {
            name == READS_AS_MESSAGE
        }
    }

    fn service(upstream: &[u8]) -> Result<GrpcService, Status> {
        parse(upstream, &Clusters).map_err(|refusal| refusal.status)
    }

    #[test]
    fn a_message_names_a_cluster_that_need_not_exist() {
        let service = service(b"\x0a\x03\x0a\x01c").unwrap();
        assert_eq!(service.cluster, "c");
        assert_eq!(service.authority, "");
    }

    #[test]
    fn every_field_that_matters_is_read() {
        let bytes =
            b"\x0a\x0e\x0a\x01c\x12\x03a.b\x22\x02\x08\x40\x28\x01\x2a\x0b\x0a\x03X-k\x12\x04a%%b";
        let service = service(bytes).unwrap();
        assert_eq!(service.authority, "a.b");
        assert_eq!(service.max_receive_message_length, Some(64));
        assert!(service.skip_envoy_headers);
        assert_eq!(service.initial_metadata, [("x-k".into(), "a%%b".into())]);
    }

    #[test]
    fn a_name_is_a_cluster_even_if_it_reads_as_a_message() {
        use prost::Message as _;
        assert!(super::ServiceMessage::decode(READS_AS_MESSAGE.as_bytes()).is_ok());
        assert_eq!(
            service(READS_AS_MESSAGE.as_bytes()).unwrap().cluster,
            READS_AS_MESSAGE
        );
    }

    #[test]
    fn what_names_nothing_is_a_parse_failure() {
        for upstream in [b"nowhere".as_slice(), b"", b"iiiiiiiii", b"\xff\xff"] {
            assert_eq!(service(upstream), Err(Status::ParseFailure));
        }
    }

    #[test]
    fn the_google_client_is_refused() {
        assert_eq!(service(b"\x12\x00"), Err(Status::InternalFailure));
    }

    #[test]
    fn metadata_that_no_client_could_be_made_with_is_refused() {
        for header in ["\x0a\x02:a", "\x0a\x04host", "\x0a\x01k\x12\x03%A%"] {
            let mut bytes = b"\x0a\x03\x0a\x01c\x2a".to_vec();
            bytes.push(u8::try_from(header.len()).unwrap());
            bytes.extend_from_slice(header.as_bytes());
            assert_eq!(service(&bytes), Err(Status::BadArgument), "{header:?}");
        }
    }
}
