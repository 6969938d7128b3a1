//! The head of a response: what the filters left of it becomes what the client gets.

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderMap, Method, Response, StatusCode, Version};

use super::active_stream::{ActiveStream, StreamGuard, StreamReset};
use super::local_response::StreamError;
use super::response_body::{DownstreamBody, ResponseSource};
use crate::filter::HeaderTable;

impl ActiveStream {
    /// Makes the head of the response that goes to the client.
    pub(super) fn finish_response(
        self: &Rc<Self>,
        guard: StreamGuard,
        body: DownstreamBody,
    ) -> Result<Response<DownstreamBody>, StreamReset> {
        let (status, fields) = match self.take_response_head() {
            Ok(head) => head,
            Err(error) => {
                *self.source.borrow_mut() = ResponseSource::None;
                let body = self.make_local_response(&error.to_local_reply());
                let head = self.take_response_head().map_err(|_| StreamReset)?;
                return Ok(self.response(guard, head, DownstreamBody::full(body)));
            }
        };
        Ok(self.response(guard, (status, fields), body))
    }

    fn take_response_head(&self) -> Result<(StatusCode, HeaderMap), StreamError> {
        let mut slot = self.state.response_headers.borrow_mut();
        let table = slot.get_or_insert_with(|| {
            HeaderTable::from_response(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new())
        });
        let status = table
            .checked_status()
            .map_err(StreamError::ResponseHeaders)?;
        let request = self.state.request_headers.borrow();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = table.fields().get(http::header::UPGRADE).cloned();
            self.manager
                .normalizer
                .response(table.fields_mut(), &request);
            let upgrade = upgrade.unwrap_or(HeaderValue::from_static("websocket"));
            table.fields_mut().insert(http::header::UPGRADE, upgrade);
            let connection = HeaderValue::from_static("upgrade");
            table
                .fields_mut()
                .insert(http::header::CONNECTION, connection);
        } else {
            self.manager
                .normalizer
                .response(table.fields_mut(), &request);
        }
        // A copy costs as much as a route does: it is made only for those who look later.
        let fields = if self.manager.looks_at_sent_headers() {
            table.fields().clone()
        } else {
            table.take_fields()
        };
        Ok((status, fields))
    }

    fn response(
        self: &Rc<Self>,
        guard: StreamGuard,
        (status, mut fields): (StatusCode, HeaderMap),
        body: DownstreamBody,
    ) -> Response<DownstreamBody> {
        let info = &self.state.info;
        let received = info.times.first_upstream_rx.get();
        let now = received.map_or_else(Instant::now, |received| self.now_after(received));
        self.deadlines.touch(now);
        info.times.first_downstream_tx.set(Some(now));
        info.response_code.set(Some(status.as_u16()));
        let is_http1 = info.protocol != Version::HTTP_2;
        if is_http1 && self.must_close() {
            fields.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        let is_head = self.state.request_headers.borrow().method() == Some(&Method::HEAD);
        let body = match self.start_tunnel(status, guard) {
            Some(guard) => body.owned_by(guard, is_head),
            None => DownstreamBody::full(Bytes::new()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        response
    }

    /// Hands an upgraded stream to its connection; gives the guard back if it is not upgraded.
    fn start_tunnel(&self, status: StatusCode, guard: StreamGuard) -> Option<StreamGuard> {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Some(guard);
        }
        match self.upgrade.to_tunnel(guard) {
            Ok(tunnel) => {
                self.connection.set_tunnel(tunnel);
                None
            }
            Err(guard) => Some(guard),
        }
    }

    /// Returns whether the client's connection cannot serve another request.
    fn must_close(&self) -> bool {
        // A client that is still sending would have its body read as the next request.
        let is_unread = self.request_body.borrow().is_some() && !self.upgrade.is_asked();
        self.closes_connection.get()
            || is_unread
            || self.drains_connection.get()
            || self.manager.worker.is_draining()
            || self.connection.is_retired()
    }
}
