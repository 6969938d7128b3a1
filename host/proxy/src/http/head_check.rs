//! Checks of a request's head that need its bytes as the client sent them. Pure.

use super::local_response::StreamError;

/// What the bytes of a head say about its framing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Framing {
    content_lengths: usize,
    transfer_encodings: usize,
    only_chunked: bool,
    has_fragment: bool,
}

impl Framing {
    /// Reads the head at the start of `bytes`; what follows its empty line is not looked at.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut framing = Self {
            only_chunked: true,
            ..Self::default()
        };
        let mut lines = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| line.trim_ascii_end());
        // Empty lines before the request line are allowed.
        let target = lines
            .by_ref()
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        framing.has_fragment = target.contains(&b'#');
        for line in lines.take_while(|line| !line.is_empty()) {
            framing.add_line(line);
        }
        framing
    }

    /// Returns whether the target of the request has a fragment, which hyper cuts off.
    pub(super) fn has_fragment(bytes: &[u8]) -> bool {
        bytes
            .iter()
            .take_while(|byte| **byte != b'\n')
            .any(|byte| *byte == b'#')
    }

    fn add_line(&mut self, line: &[u8]) {
        // Two lengths decide before a line is split: `content-length` and `transfer-encoding`.
        let is = |name: &[u8]| {
            line.get(name.len()) == Some(&b':')
                && line
                    .get(..name.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(name))
        };
        if is(b"content-length") {
            self.content_lengths += 1;
        } else if is(b"transfer-encoding") {
            self.transfer_encodings += 1;
            let value = line.get(b"transfer-encoding:".len()..).unwrap_or_default();
            self.only_chunked &= value.trim_ascii().eq_ignore_ascii_case(b"chunked");
        }
    }

    /// Returns what is wrong with the framing: shapes by which requests are smuggled past a proxy
    /// that reads them differently.
    pub(super) fn error(self) -> Option<StreamError> {
        if self.transfer_encodings > 0 && self.content_lengths > 0 {
            return Some(StreamError::BadRequest(
                "http1.content_length_and_chunked_not_allowed",
            ));
        }
        if self.transfer_encodings > 1 || self.transfer_encodings == 1 && !self.only_chunked {
            return Some(StreamError::TransferEncoding);
        }
        if self.content_lengths > 1 {
            return Some(StreamError::BadRequest("http1.multiple_content_length"));
        }
        self.has_fragment.then_some(StreamError::PathNormalization)
    }
}

/// Returns why hyper refused a request: its status says little, the bytes say more.
pub(super) fn refused(status: u16, bytes: &[u8]) -> StreamError {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end);
    let line = line
        .into_iter()
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let mut words = line
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty());
    let method = words.next().unwrap_or_default();
    let version = words.nth(1);
    let is_request = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    if status == 431 || status == 414 {
        return StreamError::RequestHeadersTooLarge;
    }
    let is_old = version.is_none_or(|v| v.starts_with(b"HTTP/") && v != b"HTTP/1.1");
    if is_request && is_old && line.len() > method.len() {
        return StreamError::LowVersion;
    }
    match Framing::of(bytes).error() {
        Some(StreamError::TransferEncoding) => StreamError::TransferEncoding,
        _ => StreamError::BadRequest("http1.codec_error"),
    }
}

/// Methods that Envoy's HTTP/1 parser knows. Others are refused there, whatever they mean.
pub(super) fn is_known_method(method: &http::Method) -> bool {
    const METHODS: [&str; 34] = [
        "ACL",
        "BIND",
        "CHECKOUT",
        "CONNECT",
        "COPY",
        "DELETE",
        "GET",
        "HEAD",
        "LINK",
        "LOCK",
        "MERGE",
        "MKACTIVITY",
        "MKCALENDAR",
        "MKCOL",
        "MOVE",
        "MSEARCH",
        "M-SEARCH",
        "NOTIFY",
        "OPTIONS",
        "PATCH",
        "POST",
        "PROPFIND",
        "PROPPATCH",
        "PURGE",
        "PUT",
        "REBIND",
        "REPORT",
        "SEARCH",
        "SOURCE",
        "SUBSCRIBE",
        "TRACE",
        "UNBIND",
        "UNLINK",
        "UNLOCK",
    ];
    matches!(*method, http::Method::GET | http::Method::POST)
        || METHODS.contains(&method.as_str())
        || method == "UNSUBSCRIBE"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(head: &str) -> Option<StreamError> {
        Framing::of(head.as_bytes()).error()
    }

    #[test]
    fn an_ordinary_request_is_fine() {
        assert_eq!(
            error("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"),
            None
        );
        assert_eq!(
            error("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            None
        );
    }

    #[test]
    fn two_kinds_of_length_are_refused_in_either_order() {
        let expected = Some(StreamError::BadRequest(
            "http1.content_length_and_chunked_not_allowed",
        ));
        let head = "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(error(head), expected);
        let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n";
        assert_eq!(error(head), expected);
    }

    #[test]
    fn a_repeated_length_is_refused_even_if_it_is_the_same() {
        let head = "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na";
        assert!(error(head).is_some());
    }

    #[test]
    fn any_coding_but_chunked_is_not_implemented() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
        assert_eq!(error(head), Some(StreamError::TransferEncoding));
        let head =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(error(head), Some(StreamError::TransferEncoding));
    }

    #[test]
    fn the_body_is_not_read_as_a_head() {
        let head =
            "POST / HTTP/1.1\r\nContent-Length: 40\r\n\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(error(head), None);
    }

    #[test]
    fn a_fragment_is_refused() {
        assert_eq!(
            error("GET /a#b HTTP/1.1\r\n\r\n"),
            Some(StreamError::PathNormalization)
        );
    }

    #[test]
    fn an_old_version_is_told_to_upgrade() {
        assert_eq!(
            refused(400, b"GET / HTTP/2.7\r\n\r\n"),
            StreamError::LowVersion
        );
        assert_eq!(refused(400, b"GET /\r\n\r\n"), StreamError::LowVersion);
        let garbage = refused(400, b"\x16\x03\x01garbage\r\n\r\n");
        assert_eq!(garbage, StreamError::BadRequest("http1.codec_error"));
    }
}
