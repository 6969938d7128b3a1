//! Running: requests, connections, and the time in which they happen.

use std::cell::Ref;
use std::rc::Rc;
use std::time::Duration;

use super::TestHost;
use crate::engine::Fault;
use crate::exchange::Exchange;
use crate::model::{Happening, nanos};
use crate::outcome::End;
use crate::request::Request;
use crate::tcp::{TcpConnection, TcpExchange};
use crate::upstream::{Kind, UpstreamRequest, UpstreamResponse};

/// How long a request may be paused without anything under way but ticks, and how long an origin
/// may be silent: Envoy's route timeout.
const PATIENCE: Duration = Duration::from_secs(15);

/// Most things that happen while one request is waited for: a filter that makes a callout with
/// each tick would keep its test busy for ever.
const MAX_HAPPENINGS: usize = 100_000;

/// Running.
impl TestHost {
    /// Prepares a GET request.
    pub fn get(&self, path: &str) -> Request<'_> {
        self.request("GET", path)
    }

    /// Prepares a POST request.
    pub fn post(&self, path: &str) -> Request<'_> {
        self.request("POST", path)
    }

    /// Prepares a request.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request::new(self, method, path)
    }

    /// Has a client connect to a TCP listener, on the first worker.
    ///
    /// # Panics
    ///
    /// When the filter does not start.
    #[track_caller]
    pub fn connect(&self) -> TcpConnection<'_> {
        self.connect_to(0)
    }

    /// Has a client connect to a TCP listener, on a worker counted from 0.
    ///
    /// # Panics
    ///
    /// When the filter does not start.
    #[track_caller]
    pub fn connect_to(&self, worker: usize) -> TcpConnection<'_> {
        self.ensure_started();
        let exchange = Rc::new(TcpExchange::open(self, worker));
        self.connections.borrow_mut().push(Rc::clone(&exchange));
        self.settle();
        TcpConnection::new(self, exchange)
    }

    /// Lets time pass: ticks and responses to callouts happen when they are due.
    ///
    /// # Panics
    ///
    /// When the filter does not start, or crashes.
    #[track_caller]
    pub fn advance(&self, duration: Duration) {
        self.ensure_started();
        self.settle();
        let until = self.world.now.get().saturating_add(nanos(duration));
        loop {
            let happened = self.pass_time(until);
            assert!(happened.is_ok(), "the filter crashed: {happened:?}");
            if happened != Ok(true) {
                break;
            }
        }
        self.world.now.set(until);
    }

    /// Asks the plugin to finish, on every worker; whether it is gone on all of them.
    ///
    /// # Panics
    ///
    /// When the filter does not start, or crashes.
    #[track_caller]
    pub fn shut_down(&self) -> bool {
        self.ensure_started();
        let engines = self.engines.get().map(Vec::as_slice).unwrap_or_default();
        let gone: Result<Vec<bool>, Fault> =
            engines.iter().map(|engine| engine.shut_down()).collect();
        assert!(gone.is_ok(), "the filter crashed: {gone:?}");
        self.settle();
        gone.is_ok_and(|gone| gone.into_iter().all(|gone| gone))
    }

    pub(crate) fn add_exchange(&self, exchange: Exchange) -> Rc<Exchange> {
        let exchange = Rc::new(exchange);
        self.exchanges.borrow_mut().push(Rc::clone(&exchange));
        exchange
    }

    /// Does all that can be done without time passing.
    pub(crate) fn settle(&self) {
        loop {
            let exchanges = self.exchanges.borrow().clone();
            let connections = self.connections.borrow().clone();
            let mut has_moved = false;
            for exchange in &exchanges {
                has_moved |= exchange.pump(self);
            }
            for connection in &connections {
                has_moved |= connection.pump(self);
            }
            if !has_moved {
                break;
            }
        }
        let is_under_way = |exchange: &Rc<Exchange>| !exchange.is_over();
        self.exchanges.borrow_mut().retain(is_under_way);
        self.connections
            .borrow_mut()
            .retain(|connection| !connection.is_over());
    }

    /// Lets time pass until an exchange is over. A client that `leaves` does so at the first pause.
    pub(crate) fn wait(&self, exchange: &Exchange, leaves: bool) {
        let give_up = self.world.now.get().saturating_add(nanos(PATIENCE));
        let leaves = leaves || self.world.injections.clients_leave.get();
        for _ in 0..MAX_HAPPENINGS {
            self.settle();
            if !exchange.is_over() && leaves && exchange.is_paused() {
                exchange.finish(self, End::ClientLeft);
            }
            if exchange.is_over() {
                self.settle();
                return;
            }
            let last = self.world.schedule.last_due().unwrap_or(0);
            match self.pass_time(give_up.max(last)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => exchange.finish(self, End::Crashed(fault)),
            }
        }
        exchange.finish(self, End::Stuck);
        self.settle();
    }

    fn pass_time(&self, until: u64) -> Result<bool, Fault> {
        let Some((worker, happening)) = self.world.next(until) else {
            return Ok(false);
        };
        self.deliver(worker, happening)?;
        self.settle();
        Ok(true)
    }

    fn deliver(&self, worker: usize, happening: Happening) -> Result<(), Fault> {
        let engine = self.engine(worker);
        match happening {
            Happening::Tick => engine.on_tick(),
            Happening::Response { token, response } => {
                engine.on_http_call_response(token, response)
            }
            Happening::Grpc { token, delivery } => engine.on_grpc(token, delivery),
            Happening::Resolved { token, addresses } => {
                engine.on_resolve_dns(token, addresses.as_deref())
            }
            Happening::Queue { token } => engine.on_queue_ready(token),
            Happening::Origin { exchange, answer } => {
                let exchanges: Ref<'_, Vec<Rc<Exchange>>> = self.exchanges.borrow();
                let mut exchanges = exchanges.iter();
                if let Some(asked) = exchanges.find(|asked| asked.number == exchange) {
                    asked.answer(answer);
                }
                Ok(())
            }
        }
    }

    pub(crate) fn ask_origin(&self, exchange: &Exchange, request: &UpstreamRequest) {
        let origin = self.origin.borrow();
        let answer = origin
            .as_ref()
            .map_or_else(|| UpstreamResponse::new(200), |origin| origin(request));
        let delay = if answer.kind == Kind::Silent {
            PATIENCE
        } else {
            answer.delay
        };
        let what = Happening::Origin {
            exchange: exchange.number,
            answer,
        };
        self.world.after(delay, exchange.worker, what);
    }
}
