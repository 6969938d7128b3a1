//! `Exchange`: a callout on its way, from the request to the event that ends it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use tollgate_abi::GrpcStatus;

use super::GrpcEvent;
use super::frame::Decoder;
use super::send_queue::SendQueue;
use super::status::{Ending, status_of};
use crate::callout::Header;
use crate::callout::exchange::{listed, tell_service_time};
use crate::cluster::{Cluster, Endpoint, UpstreamBody, UpstreamError, UpstreamResponseBody};
use crate::filter::{HeaderTable, LocalReply};
use crate::http::local_response::{StreamError, build};

/// What is told of a callout, and when.
pub(super) enum ExchangeKind {
    /// The last message or a failure, at the end.
    Call,
    /// All of it, when it comes.
    Stream { queue: Rc<SendQueue> },
}

/// One callout to one endpoint.
pub(super) struct Exchange<F> {
    pub(super) cluster: Rc<Cluster>,
    pub(super) endpoint: Rc<Endpoint>,
    /// The request's head, which decides how this proxy's own answers look.
    pub(super) request: HeaderTable,
    pub(super) timeout: Option<Duration>,
    pub(super) max_message_bytes: usize,
    pub(super) kind: ExchangeKind,
    pub(super) tell: F,
}

/// What the upstream has sent so far of what a call is about.
#[derive(Debug, Default)]
struct Progress {
    headers_received: bool,
    last_message: Option<Bytes>,
}

impl<F: Fn(GrpcEvent)> Exchange<F> {
    /// Sends the request and tells of all that follows.
    pub(super) async fn run(self, request: Result<Request<UpstreamBody>, LocalReply>) {
        let mut progress = Progress::default();
        let ending = self.finish(request, &mut progress).await;
        self.close(ending, progress.last_message);
    }

    async fn finish(
        &self,
        request: Result<Request<UpstreamBody>, LocalReply>,
        progress: &mut Progress,
    ) -> Ending {
        let request = match request {
            Ok(request) => request,
            Err(reply) => return self.answer(&reply),
        };
        let Some(timeout) = self.timeout else {
            return self.send(request, progress).await;
        };
        match tokio::time::timeout(timeout, self.send(request, progress)).await {
            Ok(ending) => ending,
            Err(_) if progress.headers_received => Ending {
                status: GrpcStatus::Internal.to_u32(),
                message: "response_timeout".to_owned(),
            },
            Err(_) => {
                self.cluster.count_timeout(&self.endpoint);
                self.answer(&StreamError::UpstreamTimeout.to_local_reply())
            }
        }
    }

    async fn send(&self, mut request: Request<UpstreamBody>, progress: &mut Progress) -> Ending {
        let begin = Instant::now();
        match self.cluster.send(&self.endpoint, &mut request).await {
            Ok((response, _)) => {
                progress.headers_received = true;
                self.count(response.status(), Some(begin.elapsed()));
                self.receive(response, begin, progress).await
            }
            Err(error) => self.answer(&error.to_stream_error().to_local_reply()),
        }
    }

    async fn receive(
        &self,
        response: http::Response<UpstreamResponseBody>,
        begin: Instant,
        progress: &mut Progress,
    ) -> Ending {
        let (head, body) = response.into_parts();
        let mut headers = HeaderTable::from_response(head.status, head.headers);
        if let Some(sent) = self.sent_at(begin) {
            tell_service_time(&mut headers, sent);
        }
        let ends = body.is_end_stream();
        if head.status != StatusCode::OK && !(ends && status_of(&headers).is_some()) {
            self.tell_initial(Vec::new());
            self.tell_trailing(Vec::new());
            return Ending::of_upstream(GrpcStatus::from_http(head.status.as_u16()));
        }
        if ends {
            self.tell_initial(Vec::new());
            self.tell_trailing(listed(&headers));
            return Ending::from_trailers(&headers);
        }
        self.tell_initial(listed(&headers));
        self.receive_body(body, progress).await
    }

    async fn receive_body(
        &self,
        mut body: UpstreamResponseBody,
        progress: &mut Progress,
    ) -> Ending {
        let mut decoder = Decoder::new(self.max_message_bytes);
        while let Some(frame) = body.frame().await {
            let ending = match frame.map(Frame::into_data) {
                Ok(Ok(data)) => self.receive_data(&data, &mut decoder, progress),
                Ok(Err(frame)) => Some(self.receive_trailers(frame)),
                Err(error) => Some(self.end_early(broken_off(error))),
            };
            if let Some(ending) = ending {
                return ending;
            }
        }
        self.end_early(Ending::of_upstream(GrpcStatus::Unknown))
    }

    fn receive_data(
        &self,
        data: &[u8],
        decoder: &mut Decoder,
        progress: &mut Progress,
    ) -> Option<Ending> {
        decoder.push(data);
        let status = self.receive_messages(decoder, progress).err()?;
        Some(self.end_early(Ending::of_upstream(status)))
    }

    fn receive_trailers(&self, frame: Frame<Bytes>) -> Ending {
        let trailers = HeaderTable::response_trailers(frame.into_trailers().unwrap_or_default());
        self.tell_trailing(listed(&trailers));
        Ending::from_trailers(&trailers)
    }

    /// A response without trailers ends with an empty list of them.
    fn end_early(&self, ending: Ending) -> Ending {
        self.tell_trailing(Vec::new());
        ending
    }

    fn receive_messages(
        &self,
        decoder: &mut Decoder,
        progress: &mut Progress,
    ) -> Result<(), GrpcStatus> {
        while let Some(message) = decoder.next()? {
            match self.kind {
                ExchangeKind::Call => progress.last_message = Some(message),
                ExchangeKind::Stream { .. } => (self.tell)(GrpcEvent::Message(message)),
            }
        }
        Ok(())
    }

    /// Answers as the router of a stream would.
    fn answer(&self, reply: &LocalReply) -> Ending {
        self.count(reply.status, None);
        let (headers, _) = build(reply, &self.request);
        self.tell_initial(Vec::new());
        // Without it the guest's metadata have made this a request that is none of gRPC's.
        let is_grpc = status_of(&headers).is_some();
        self.tell_trailing(if is_grpc {
            listed(&headers)
        } else {
            Vec::new()
        });
        Ending::from_reply(reply, &headers)
    }

    fn tell_initial(&self, metadata: Vec<Header>) {
        if matches!(self.kind, ExchangeKind::Stream { .. }) {
            (self.tell)(GrpcEvent::InitialMetadata(metadata));
        }
    }

    fn tell_trailing(&self, metadata: Vec<Header>) {
        if matches!(self.kind, ExchangeKind::Stream { .. }) {
            (self.tell)(GrpcEvent::TrailingMetadata(metadata));
        }
    }

    /// A call that went well has a message; one that says so without a message has failed.
    fn close(&self, ending: Ending, message: Option<Bytes>) {
        let is_call = matches!(self.kind, ExchangeKind::Call);
        let event = match (is_call && ending.status == 0, message) {
            (true, Some(message)) => GrpcEvent::Message(message),
            (true, None) => GrpcEvent::Close {
                status: GrpcStatus::Internal.to_u32(),
                message: String::new(),
            },
            (false, _) => GrpcEvent::Close {
                status: ending.status,
                message: ending.message,
            },
        };
        (self.tell)(event);
    }

    /// When all of the request was there to be sent, if it was.
    fn sent_at(&self, begin: Instant) -> Option<Instant> {
        match &self.kind {
            ExchangeKind::Call => Some(begin),
            ExchangeKind::Stream { queue } => queue.ended(),
        }
    }

    fn count(&self, status: StatusCode, took: Option<Duration>) {
        self.cluster
            .count_response(&self.endpoint, status.as_u16(), took);
    }
}

/// The end of a response that broke off after its headers.
fn broken_off(error: hyper::Error) -> Ending {
    let how = match UpstreamError::from_hyper(error) {
        UpstreamError::RemoteReset(_) => "remote_reset",
        UpstreamError::ProtocolError(_) => "protocol_error",
        UpstreamError::Overflow
        | UpstreamError::ConnectFailure { .. }
        | UpstreamError::ConnectTimeout
        | UpstreamError::ConnectionTermination(_) => "connection_termination",
    };
    Ending {
        status: GrpcStatus::Internal.to_u32(),
        message: format!("upstream_reset_after_response_started{{{how}}}"),
    }
}
