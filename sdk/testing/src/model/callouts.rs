//! Callouts: how a cluster answers a filter's HTTP request.

use std::time::Duration;

use bytes::Bytes;
use tollgate_abi::Status;
use tollgate_runtime::{CalloutRefusal, Header, HttpCall, HttpCallResponse};

use super::World;
use crate::upstream::{Kind, Message, UpstreamRequest, UpstreamResponse, text};

/// What waiting for ever is here.
const FOR_EVER: Duration = Duration::from_secs(86_400);

impl World {
    /// Asks a cluster; when the callout ends, and how.
    pub(super) fn call(
        &self,
        call: &HttpCall,
    ) -> Result<(Duration, HttpCallResponse), CalloutRefusal> {
        let mut answer = self.answer(call)?;
        if let Some(kind) = self.injections.callout_fate() {
            answer.kind = kind;
        }
        let timeout = call.timeout.unwrap_or(FOR_EVER);
        let is_late = answer.kind == Kind::Silent || answer.delay >= timeout;
        Ok(if is_late {
            (timeout, to_response(Kind::Silent))
        } else {
            (answer.delay, to_response(answer.kind))
        })
    }

    fn answer(&self, call: &HttpCall) -> Result<UpstreamResponse, CalloutRefusal> {
        let refuse = |status, reason: &str| {
            Err(CalloutRefusal {
                status,
                reason: format!("{reason} ({})", call.upstream),
            })
        };
        let clusters = self.clusters.borrow();
        let Some(handler) = clusters.get(&call.upstream) else {
            return refuse(Status::BadArgument, "unknown cluster");
        };
        for name in [":method", ":path", ":authority"] {
            let mut names = call.headers.iter().map(|(key, _)| key.as_ref());
            if !names.any(|key| key == name.as_bytes()) {
                return refuse(Status::BadArgument, "a pseudo-header is missing");
            }
        }
        let Some(handler) = handler else {
            return refuse(Status::InternalFailure, "no healthy upstream");
        };
        let headers = call.headers.iter();
        let request = UpstreamRequest {
            headers: headers
                .map(|(key, value)| (text(key), value.to_vec()))
                .collect(),
            body: call.body.to_vec(),
            trailers: Vec::new(),
        };
        let answer = handler(&request);
        let mut callouts = self.callouts.borrow_mut();
        callouts.push((call.upstream.clone(), request));
        Ok(answer)
    }
}

/// A callout's end; what the upstream does not answer Envoy's router does in its place.
pub(crate) fn to_response(kind: Kind) -> HttpCallResponse {
    let Message {
        headers,
        body,
        trailers,
    } = match kind {
        Kind::Complete(message) => message,
        Kind::Reset => return HttpCallResponse::Reset,
        Kind::Silent | Kind::Refused => kind.in_its_place(),
    };
    HttpCallResponse::Complete {
        headers: headers.into_iter().map(to_header).collect(),
        body: Bytes::from(body),
        trailers: trailers.into_iter().map(to_header).collect(),
    }
}

fn to_header((name, value): (Vec<u8>, Vec<u8>)) -> Header {
    (Bytes::from(name), Bytes::from(value))
}
