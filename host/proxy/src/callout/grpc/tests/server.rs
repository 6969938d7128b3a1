//! A scripted HTTP/2 server.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::callout::grpc::frame;
use crate::worker::LocalExecutor;

/// What the server saw of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How the server answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// Messages, each in a frame of gRPC.
    pub(super) messages: Vec<&'static str>,
    pub(super) trailers: Vec<(&'static str, &'static str)>,
    /// Says when the stream is reset, behind the messages.
    pub(super) reset: Option<Rc<Notify>>,
    /// Whether no answer comes at all.
    pub(super) is_silent: bool,
}

pub(super) fn ok(messages: &[&'static str]) -> Script {
    Script {
        status: 200,
        headers: vec![("x-init", "i")],
        messages: messages.to_vec(),
        trailers: vec![("grpc-status", "0"), ("x-trail", "t")],
        ..Script::default()
    }
}

pub(super) fn map(entries: &[(&'static str, &'static str)]) -> HeaderMap {
    entries
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

/// Starts a server that answers every request alike.
pub(super) async fn serve(script: Script) -> (SocketAddr, Rc<RefCell<Vec<Seen>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Rc::<RefCell<Vec<Seen>>>::default();
    let for_server = Rc::clone(&seen);
    tokio::task::spawn_local(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (script, seen) = (script.clone(), Rc::clone(&for_server));
            let service =
                service_fn(move |request| answer(request, script.clone(), Rc::clone(&seen)));
            let connection = hyper::server::conn::http2::Builder::new(LocalExecutor);
            let connection = connection.serve_connection(TokioIo::new(stream), service);
            tokio::task::spawn_local(async move { drop(connection.await) });
        }
    });
    (address, seen)
}

pub(super) async fn answer(
    request: Request<Incoming>,
    script: Script,
    seen: Rc<RefCell<Vec<Seen>>>,
) -> Result<Response<ScriptedBody>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    seen.borrow_mut().push(Seen {
        path: head.uri.path().to_owned(),
        authority: head.uri.authority().unwrap().to_string(),
        headers: head.headers,
        body,
    });
    if script.is_silent {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(ScriptedBody::new(&script));
    *response.status_mut() = script.status.try_into().unwrap();
    *response.headers_mut() = map(&script.headers);
    Ok(response)
}

/// A body as a list of frames, which may wait and then break off.
pub(super) struct ScriptedBody {
    frames: VecDeque<Frame<Bytes>>,
    reset: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl ScriptedBody {
    fn new(script: &Script) -> Self {
        let messages = script.messages.iter();
        let mut frames: VecDeque<_> = messages
            .map(|message| Frame::data(frame::encode(message.as_bytes())))
            .collect();
        if !script.trailers.is_empty() {
            frames.push_back(Frame::trailers(map(&script.trailers)));
        }
        let reset = script.reset.clone();
        Self {
            frames,
            reset: reset.map(|reset| -> Pin<Box<dyn Future<Output = ()>>> {
                Box::pin(async move { reset.notified().await })
            }),
        }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.reset {
            Some(reset) => reset
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(io::Error::other("reset as scripted")))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.reset.is_none()
    }
}
