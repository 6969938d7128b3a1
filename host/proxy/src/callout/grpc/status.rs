//! What ends a gRPC response: the upstream's status and message, and how this proxy puts it.

use tollgate_abi::GrpcStatus;

use crate::filter::{HeaderTable, LocalReply};

/// A status as its callback says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) status: u32,
    pub(super) message: String,
}

/// What Envoy says of a response that came from the upstream.
const VIA_UPSTREAM: &str = "via_upstream";

impl Ending {
    /// The end of a response that came from the upstream but did not say how it ended.
    pub(super) fn of_upstream(status: GrpcStatus) -> Self {
        Self {
            status: status.to_u32(),
            message: VIA_UPSTREAM.to_owned(),
        }
    }

    /// What trailers say, or the headers of a response that has nothing else.
    pub(super) fn from_trailers(trailers: &HeaderTable) -> Self {
        let message = trailers.get("grpc-message").unwrap_or_default();
        let message = String::from_utf8_lossy(message);
        Self {
            status: status_of(trailers).unwrap_or(GrpcStatus::Unknown.to_u32()),
            message: message_with_details(&message, VIA_UPSTREAM),
        }
    }

    /// What this proxy answers instead of the upstream.
    pub(super) fn from_reply(reply: &LocalReply, headers: &HeaderTable) -> Self {
        let mapped = GrpcStatus::from_http(reply.status.as_u16()).to_u32();
        let message = headers.get("grpc-message").unwrap_or_default();
        let message = String::from_utf8_lossy(message);
        Self {
            status: status_of(headers).unwrap_or(mapped),
            message: message_with_details(&message, &reply.details),
        }
    }
}

/// Returns the status, `u32::MAX` for one that is no number or not among the known ones.
pub(super) fn status_of(headers: &HeaderTable) -> Option<u32> {
    let text = headers.get("grpc-status").filter(|text| !text.is_empty())?;
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    let known = number.filter(|number| GrpcStatus::try_from(*number).is_ok());
    Some(known.unwrap_or(u32::MAX))
}

/// Puts the words of an ending together as Envoy does.
pub(super) fn message_with_details(message: &str, details: &str) -> String {
    if message.is_empty() {
        details.to_owned()
    } else {
        format!("{message}{{{details}}}")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::Ending;
    use crate::filter::HeaderTable;

    fn ending(status: &str, message: &str) -> (u32, String) {
        let mut trailers = HeaderTable::response_trailers(HeaderMap::new());
        trailers.add(b"grpc-status", status.as_bytes());
        trailers.add(b"grpc-message", message.as_bytes());
        let ending = Ending::from_trailers(&trailers);
        (ending.status, ending.message)
    }

    #[test]
    fn the_upstreams_words_come_before_ours() {
        assert_eq!(ending("7", "no%20"), (7, "no%20{via_upstream}".to_owned()));
        assert_eq!(ending("0", ""), (0, "via_upstream".to_owned()));
    }

    #[test]
    fn a_status_that_there_is_not_is_invalid() {
        for (text, status) in [("16", 16), ("17", u32::MAX), ("x", u32::MAX), ("", 2)] {
            assert_eq!(ending(text, "").0, status, "{text:?}");
        }
    }
}
