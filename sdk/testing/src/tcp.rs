//! TCP: a connection through a filter, step by step.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use tollgate_abi::{NetworkAction, PeerType};
use tollgate_runtime::{TcpHost, TcpPeer};

use crate::engine::Fault;
use crate::host::TestHost;
use crate::model::Connection;
use crate::outcome::End;

/// A TCP connection between a client and an upstream, with the filter in between.
///
/// Nothing happens by itself: each step is shown to the filter, and what it lets pass is seen at
/// the other end at once. Time passes by [`TestHost::advance`].
pub struct TcpConnection<'t> {
    host: &'t TestHost,
    exchange: Rc<TcpExchange>,
}

impl fmt::Debug for TcpConnection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpConnection")
            .field("end", &self.exchange.end)
            .field("to_upstream", &self.exchange.to_upstream)
            .field("to_client", &self.exchange.to_client)
            .finish_non_exhaustive()
    }
}

/// Steps. On a connection that is over they do nothing.
impl<'t> TcpConnection<'t> {
    pub(crate) const fn new(host: &'t TestHost, exchange: Rc<TcpExchange>) -> Self {
        Self { host, exchange }
    }

    /// The client sends data.
    pub fn client_sends(&self, data: impl AsRef<[u8]>) -> &Self {
        self.data(TcpPeer::Downstream, data.as_ref(), false)
    }

    /// The client will send no more; it still reads.
    pub fn client_ends(&self) -> &Self {
        self.data(TcpPeer::Downstream, b"", true)
    }

    /// The upstream sends data.
    pub fn upstream_sends(&self, data: impl AsRef<[u8]>) -> &Self {
        self.data(TcpPeer::Upstream, data.as_ref(), false)
    }

    /// The upstream will send no more.
    pub fn upstream_ends(&self) -> &Self {
        self.data(TcpPeer::Upstream, b"", true);
        self.exchange.act(self.host, |exchange, host| {
            let engine = host.engine(exchange.worker);
            engine.on_close(exchange.id, TcpPeer::Upstream, PeerType::Remote)
        });
        self.host.settle();
        self
    }

    /// The client goes away.
    pub fn client_closes(&self) -> &Self {
        self.exchange
            .finish(self.host, End::ClientLeft, PeerType::Remote);
        self.host.settle();
        self
    }

    fn data(&self, from: TcpPeer, data: &[u8], ends: bool) -> &Self {
        self.exchange.act(self.host, |exchange, host| {
            exchange.show(host, from, data, ends)
        });
        self.host.settle();
        self
    }

    /// Sets an attribute of the connection.
    pub fn property<P: AsRef<[u8]>>(
        &self,
        path: impl IntoIterator<Item = P>,
        value: &str,
    ) -> &Self {
        let path = tollgate_abi::property::join(path);
        let value = tollgate_runtime::PropertyValue::text(value);
        let mut properties = self.exchange.connection.properties.borrow_mut();
        properties.insert(path, value);
        self
    }

    /// Returns a value of the connection's filter state by its key: `envoy.tcp_proxy.cluster`, or
    /// `wasm.name` for what the filter has set as its property `name`.
    #[must_use]
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.exchange.connection.filter_state.value(key.as_bytes())
    }

    /// Returns what has reached the upstream.
    #[must_use]
    pub fn to_upstream(&self) -> Vec<u8> {
        self.exchange.to_upstream.borrow().clone()
    }

    /// Returns what has reached the client.
    #[must_use]
    pub fn to_client(&self) -> Vec<u8> {
        self.exchange.to_client.borrow().clone()
    }

    /// Returns whether the filter holds the connection, or data of the client.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.exchange.is_held.get() && !self.exchange.is_over()
    }

    /// Returns how the connection ended; `None` while it is open. [`End::Reset`] is the filter's
    /// doing.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.exchange.end.borrow().clone()
    }
}

/// One connection on its way.
pub(crate) struct TcpExchange {
    worker: usize,
    id: u32,
    connection: Rc<Connection>,
    is_held: Cell<bool>,
    to_upstream: RefCell<Vec<u8>>,
    to_client: RefCell<Vec<u8>>,
    end: RefCell<Option<End>>,
}

impl TcpExchange {
    pub(crate) fn open(host: &TestHost, worker: usize) -> Self {
        let engine = host.engine(worker);
        let connection = Rc::new(Connection::default());
        let id = engine.create_connection(Rc::clone(&connection));
        let exchange = Self {
            worker,
            id,
            connection,
            is_held: Cell::new(false),
            to_upstream: RefCell::default(),
            to_client: RefCell::default(),
            end: RefCell::default(),
        };
        exchange.act(host, |exchange, _| {
            let action = engine.on_new_connection(exchange.id)?;
            exchange.is_held.set(action != NetworkAction::Continue);
            Ok(())
        });
        exchange
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Does what the filter asked for; whether that was anything.
    pub(crate) fn pump(&self, host: &TestHost) -> bool {
        if self.is_over() {
            return false;
        }
        if self.connection.is_closed.get() {
            self.finish(host, End::Reset, PeerType::Local);
            return true;
        }
        let goes_on = self.connection.is_continued.take() && self.is_held.take();
        if goes_on {
            self.pass(TcpPeer::Downstream);
        }
        goes_on
    }

    fn act(&self, host: &TestHost, step: impl FnOnce(&Self, &TestHost) -> Result<(), Fault>) {
        if self.is_over() {
            return;
        }
        if let Err(fault) = step(self, host) {
            self.finish(host, End::Crashed(fault), PeerType::Local);
        }
    }

    /// Shows data to the filter, with what it has held before.
    fn show(&self, host: &TestHost, from: TcpPeer, data: &[u8], ends: bool) -> Result<(), Fault> {
        self.connection.data(from).borrow_mut().extend(data);
        let action = host.engine(self.worker).on_data(self.id, from, ends)?;
        let passes = action == NetworkAction::Continue;
        if from == TcpPeer::Downstream {
            self.is_held.set(!passes);
        }
        if passes {
            self.pass(from);
        }
        Ok(())
    }

    fn pass(&self, from: TcpPeer) {
        let receiver = match from {
            TcpPeer::Downstream => &self.to_upstream,
            TcpPeer::Upstream => &self.to_client,
        };
        let size = self.connection.data_len(from);
        let mut data = self.connection.data(from).borrow_mut();
        receiver.borrow_mut().extend(data.drain(..size));
    }

    /// Ends the connection, unless it has ended.
    fn finish(&self, host: &TestHost, end: End, by: PeerType) {
        if self.is_over() {
            return;
        }
        *self.end.borrow_mut() = Some(end.clone());
        let engine = host.engine(self.worker);
        let closed = engine.on_close(self.id, TcpPeer::Downstream, by);
        let deleted = engine.end_connection(self.id);
        let ended = closed.and(deleted);
        let end = match (end, ended) {
            (End::Crashed(first), _) => End::Crashed(first),
            (_, Err(fault)) => End::Crashed(fault),
            (end, Ok(())) => end,
        };
        host.note_end(&end);
        *self.end.borrow_mut() = Some(end);
    }
}
