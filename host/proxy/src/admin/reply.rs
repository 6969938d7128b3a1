//! Reply: a page as it is sent.

use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// What a page answers.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn text(status: u16, body: impl Into<String>) -> Self {
        let content_type = "text/plain; charset=UTF-8";
        Self {
            status,
            content_type,
            body: body.into(),
        }
    }

    pub(super) fn html(body: String) -> Self {
        Self {
            status: 200,
            content_type: "text/html; charset=UTF-8",
            body,
        }
    }

    /// Returns JSON indented by one space, as Envoy's.
    pub(super) fn json(value: &Value) -> Self {
        let mut body = Vec::new();
        let mut serializer =
            Serializer::with_formatter(&mut body, PrettyFormatter::with_indent(b" "));
        match value.serialize(&mut serializer) {
            Ok(()) => Self::compact_json(String::from_utf8_lossy(&body).into_owned()),
            Err(error) => Self::text(500, error.to_string()),
        }
    }

    pub(super) fn compact_json(body: String) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            body,
        }
    }

    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in [
            ("content-type", self.content_type),
            ("cache-control", "no-cache, max-age=0"),
            ("x-content-type-options", "nosniff"),
            ("server", "envoy"),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
