//! Tests of the filter chain with scripted filters.

mod body;
mod header_table;
mod headers;
mod local_reply;
mod resume;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};

use super::{
    ConnectionInfo, DataAction, Direction, Event, FilterPort, HeaderTable, HeadersAction,
    HttpFilter, HttpFilterChain, ListenerInfo, LocalReply, RouteCache, StreamInfo, StreamState,
    TrailersAction,
};

const LIMIT: usize = 16;

/// Returns the state of `GET /path` for `host.test`.
pub(crate) fn stream_state() -> Rc<StreamState> {
    let headers = HeaderTable::from_request(
        &Method::GET,
        Some("http"),
        Some(HeaderValue::from_static("host.test")),
        Some(http::uri::PathAndQuery::from_static("/path?q=1")),
        HeaderMap::new(),
    );
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
    let connection = ConnectionInfo {
        id: 7,
        local_address: address,
        remote_address: address,
        requested_server_name: None,
        tls: None,
        filter_chain_name: String::new(),
        listener: Rc::new(ListenerInfo::default()),
        transport_failure_reason: None,
        state: Rc::default(),
    };
    let info = StreamInfo::new(
        SystemTime::UNIX_EPOCH,
        Instant::now(),
        Version::HTTP_11,
        address,
    );
    StreamState::new(
        headers,
        info,
        Rc::new(connection),
        RouteCache::without_routes(),
    )
}

/// What a scripted filter does in one callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Headers(HeadersAction),
    Data(DataAction),
    Trailers(TrailersAction),
    /// Replaces the body in view and goes on.
    Rewrite(&'static str),
    /// Makes trailers at the end of the body and goes on.
    AddTrailers,
    /// Answers with this status.
    Reply(u16),
    Reset,
}

/// A filter that notes its calls and answers from a script; an empty script goes on.
struct Scripted {
    name: &'static str,
    port: FilterPort,
    state: Rc<StreamState>,
    script: RefCell<VecDeque<Step>>,
    calls: Rc<RefCell<Vec<String>>>,
    /// It looks at no body.
    is_blind: Cell<bool>,
}

impl Scripted {
    fn call(&self, callback: &str) -> Option<Step> {
        self.calls
            .borrow_mut()
            .push(format!("{}.{callback}", self.name));
        let step = self.script.borrow_mut().pop_front();
        match step {
            Some(Step::Reply(status)) => {
                let status = StatusCode::from_u16(status).unwrap();
                self.state
                    .send_local_reply(LocalReply::new(status, "reply", "scripted"));
            }
            Some(Step::Reset) => self.state.reset(),
            _ => {}
        }
        step
    }

    fn headers(&self, callback: &str, end_of_stream: bool) -> HeadersAction {
        match self.call(&format!("{callback}({})", u8::from(end_of_stream))) {
            Some(Step::Headers(action)) => action,
            _ => HeadersAction::Continue,
        }
    }

    fn body(&self, direction: Direction, callback: &str, end_of_stream: bool) -> DataAction {
        let seen = text(&self.port, direction);
        match self.call(&format!("{callback}({seen},{})", u8::from(end_of_stream))) {
            Some(Step::Data(action)) => action,
            Some(Step::Rewrite(data)) => {
                let mut body = self.port.lane(direction).body.borrow_mut();
                let all = 0..body.len();
                body.replace(all, data.as_bytes());
                DataAction::Continue
            }
            Some(Step::AddTrailers) => {
                let trailers = HeaderTable::request_trailers(HeaderMap::new());
                *self.state.trailers(direction).borrow_mut() = Some(Box::new(trailers));
                DataAction::Continue
            }
            _ => DataAction::Continue,
        }
    }

    fn trailers(&self, callback: &str) -> TrailersAction {
        match self.call(callback) {
            Some(Step::Trailers(action)) => action,
            _ => TrailersAction::Continue,
        }
    }
}

fn text(port: &FilterPort, direction: Direction) -> String {
    let body = port.lane(direction).body.borrow();
    let mut out = Vec::new();
    body.read(0..body.len(), &mut out);
    String::from_utf8(out).unwrap()
}

impl HttpFilter for Rc<Scripted> {
    fn port(&self) -> &FilterPort {
        &self.port
    }

    fn sees_body(&self, _direction: Direction) -> bool {
        !self.is_blind.get()
    }

    fn on_request_headers(&self, end_of_stream: bool) -> HeadersAction {
        self.headers("request_headers", end_of_stream)
    }

    fn on_request_body(&self, end_of_stream: bool) -> DataAction {
        self.body(Direction::Request, "request_body", end_of_stream)
    }

    fn on_request_trailers(&self) -> TrailersAction {
        Scripted::trailers(self, "request_trailers")
    }

    fn on_response_headers(&self, end_of_stream: bool) -> HeadersAction {
        self.headers("response_headers", end_of_stream)
    }

    fn on_response_body(&self, end_of_stream: bool) -> DataAction {
        self.body(Direction::Response, "response_body", end_of_stream)
    }

    fn on_response_trailers(&self) -> TrailersAction {
        Scripted::trailers(self, "response_trailers")
    }

    fn on_log(&self) {
        self.call("log");
    }

    fn on_destroy(&self) {
        self.call("destroy");
    }
}

/// A chain of scripted filters `a`, `b`, … and what they were called with.
struct Chain {
    chain: HttpFilterChain,
    filters: Vec<Rc<Scripted>>,
    calls: Rc<RefCell<Vec<String>>>,
}

impl Chain {
    fn new<const N: usize>(scripts: [&[Step]; N]) -> Self {
        let state = stream_state();
        let calls = Rc::new(RefCell::new(Vec::new()));
        let filters: Vec<Rc<Scripted>> = scripts
            .into_iter()
            .zip(["a", "b", "c"])
            .map(|(script, name)| {
                Rc::new(Scripted {
                    name,
                    port: FilterPort::default(),
                    state: Rc::clone(&state),
                    script: RefCell::new(script.iter().copied().collect()),
                    calls: Rc::clone(&calls),
                    is_blind: Cell::new(false),
                })
            })
            .collect();
        let boxed = filters
            .iter()
            .map(|filter| Box::new(Rc::clone(filter)) as Box<dyn HttpFilter>);
        let chain = HttpFilterChain::new(boxed.collect(), state, LIMIT);
        Self {
            chain,
            filters,
            calls,
        }
    }

    fn resume(&self, filter: usize, direction: Direction) {
        self.chain
            .state()
            .resume(&self.filters[filter].port, direction);
    }

    /// Returns the calls since the last time.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.borrow_mut())
    }

    fn request_data(&self, data: &'static str, end_of_stream: bool) {
        self.chain
            .request_data(Bytes::from_static(data.as_bytes()), end_of_stream);
    }

    fn response_data(&self, data: &'static str, end_of_stream: bool) {
        self.chain
            .response_data(Bytes::from_static(data.as_bytes()), end_of_stream);
    }

    /// The request's trailers arrive.
    fn request_trailers(&self) {
        let trailers = HeaderTable::request_trailers(HeaderMap::new());
        *self.chain.state().request_trailers.borrow_mut() = Some(Box::new(trailers));
        self.chain.request_trailers();
    }

    /// Returns what comes out on the request side, as text.
    fn request_out(&self) -> Vec<String> {
        std::iter::from_fn(|| self.chain.next_request_event())
            .map(shown)
            .collect()
    }

    /// Returns what comes out on the response side, as text.
    fn response_out(&self) -> Vec<String> {
        std::iter::from_fn(|| self.chain.next_response_event())
            .map(shown)
            .collect()
    }

    /// The upstream's response headers arrive.
    fn response_headers(&self, end_of_stream: bool) {
        let headers = HeaderTable::from_response(StatusCode::OK, HeaderMap::new());
        *self.chain.state().response_headers.borrow_mut() = Some(headers);
        self.chain.response_headers(end_of_stream);
    }
}

fn shown(event: Event) -> String {
    match event {
        Event::Headers { end_of_stream } => format!("headers({})", u8::from(end_of_stream)),
        Event::Data {
            data,
            end_of_stream,
        } => {
            let data = String::from_utf8(data.to_vec()).unwrap();
            format!("data({data},{})", u8::from(end_of_stream))
        }
        Event::Trailers => "trailers".to_owned(),
    }
}
