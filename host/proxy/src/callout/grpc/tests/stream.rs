//! Streams.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::server::{Script, ok, serve};
use super::{callout, http2, stream_words, words};
use crate::callout::grpc::{GrpcEvent, SendQueue};
use crate::callout::tests::on_worker;
use crate::worker::LocalExecutor;

#[test]
fn a_stream_is_told_everything_in_order() {
    let expected = [
        "initial :status=200 x-init=i",
        "message one",
        "message two",
        "trailing grpc-status=0 x-trail=t",
        "close 0 via_upstream",
    ];
    assert_eq!(stream_words(ok(&["one", "two"])), expected);
}

#[test]
fn a_response_of_headers_alone_is_trailers() {
    let script = Script {
        status: 200,
        headers: vec![("grpc-status", "5"), ("grpc-message", "gone")],
        ..Script::default()
    };
    let expected = [
        "initial ",
        "trailing :status=200 grpc-status=5 grpc-message=gone",
        "close 5 gone{via_upstream}",
    ];
    assert_eq!(stream_words(script), expected);
}

#[test]
fn a_stream_that_is_reset_ends_internal() {
    on_worker(async {
        let reset = Rc::new(Notify::new());
        let script = Script {
            trailers: Vec::new(),
            reset: Some(Rc::clone(&reset)),
            ..ok(&["pong"])
        };
        let (address, _) = serve(script).await;
        let events = RefCell::new(Vec::new());
        let tell = |event| {
            if matches!(event, GrpcEvent::Message(_)) {
                reset.notify_one();
            }
            events.borrow_mut().push(event);
        };
        let queue = Rc::<SendQueue>::default();
        queue.end();
        let run = callout().stream(&queue, &http2(address), tell);
        run.unwrap().await;
        let expected = [
            "initial :status=200 x-init=i",
            "message pong",
            "trailing ",
            "close 13 upstream_reset_after_response_started{remote_reset}",
        ];
        assert_eq!(words(&events.take()), expected);
    });
}

#[test]
fn messages_go_both_ways_while_a_stream_lasts() {
    on_worker(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let clusters = http2(listener.local_addr().unwrap());
        tokio::task::spawn_local(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let echo = service_fn(|request: Request<Incoming>| {
                let answer = Response::new(request.into_body());
                std::future::ready(Ok::<_, Infallible>(answer))
            });
            let connection = hyper::server::conn::http2::Builder::new(LocalExecutor);
            drop(
                connection
                    .serve_connection(TokioIo::new(stream), echo)
                    .await,
            );
        });
        let queue = Rc::<SendQueue>::default();
        let (told, mut events) = tokio::sync::mpsc::unbounded_channel();
        let run = callout()
            .stream(&queue, &clusters, move |event| told.send(event).unwrap())
            .unwrap();
        tokio::task::spawn_local(run);
        let mut next = async || words(&[events.recv().await.unwrap()]).remove(0);
        assert_eq!(next().await, "initial :status=200");
        for message in ["one", "two"] {
            queue.push(message.as_bytes()).unwrap();
            assert_eq!(next().await, format!("message {message}"));
        }
        queue.end();
        assert_eq!(next().await, "trailing ");
        assert_eq!(next().await, "close 2 via_upstream");
    });
}
