//! Tunnel: runs a TCP filter's handlers for one connection.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tollgate_abi::{BufferType, PeerType, StreamType};

use super::kind::Tcp;
use super::root::{Readiness, Root};
use super::stream::slot::Slot;
use super::{Event, HostContext, Part, Place, wake};
use crate::chunk::Chunk;
use crate::connection::Connection;
use crate::filter::Hook;
use crate::stream_filter::{Close, Flow, StreamFilter};
use crate::sys;

const CONTINUE: u32 = 0;
const STOP_ITERATION: u32 = 1;

/// One TCP connection.
pub(super) struct Tunnel<F: StreamFilter> {
    id: u32,
    root: Rc<Root<Tcp<F>>>,
    /// Away while a handler has it.
    connection: Cell<Option<Connection<F::State>>>,
    slot: Slot<Result<Flow, Close>>,
    /// The client's side: what has come and waits for its handler.
    waiting: Cell<Waiting>,
    /// Whether the host holds the client's side.
    held: Cell<bool>,
    /// Whether no handler of that side may run any more.
    is_over: Cell<bool>,
}

/// Events of the client's side that a handler must still see.
#[derive(Clone, Copy, Default)]
struct Waiting {
    connection: bool,
    data: Option<Part>,
}

impl<F: StreamFilter> Tunnel<F> {
    pub(super) fn new(id: u32, root: Rc<Root<Tcp<F>>>) -> Self {
        Self {
            id,
            root,
            connection: Cell::new(Some(Connection::new(id))),
            slot: Slot::new(),
            waiting: Cell::new(Waiting::default()),
            held: Cell::new(false),
            is_over: Cell::new(false),
        }
    }

    /// Drops the handler that waits, and what waits for it.
    fn abandon(&self) {
        self.is_over.set(true);
        self.waiting.set(Waiting::default());
        self.slot.abandon();
    }

    fn place(&self) -> Place {
        Place {
            context: self.id,
            root: self.root.id(),
        }
    }

    /// Runs the handlers of the client's side; the number for the host.
    fn begin(self: &Rc<Self>) -> u32 {
        if self.is_over.get() {
            self.waiting.set(Waiting::default());
            return CONTINUE;
        }
        let flow = if self.slot.is_idle() {
            self.drive()
        } else {
            Poll::Pending
        };
        wake::settle();
        let passes = match flow {
            Poll::Ready(flow) => flow == Flow::Pass,
            // Others that went on may have made the handler ready.
            Poll::Pending => self.slot.is_idle() && self.is_settled(),
        };
        self.held.set(!passes);
        if passes { CONTINUE } else { STOP_ITERATION }
    }

    fn is_settled(&self) -> bool {
        let waiting = self.waiting.get();
        !waiting.connection && waiting.data.is_none()
    }

    /// Runs handlers until one waits or nothing is left.
    fn drive(self: &Rc<Self>) -> Poll<Flow> {
        let mut flow = Flow::Pass;
        loop {
            let waiting = self.waiting.get();
            if self.is_settled() {
                return Poll::Ready(flow);
            }
            match self.root.readiness() {
                Readiness::Ready => {}
                Readiness::Wait => return Poll::Pending,
                Readiness::Pass => {
                    self.waiting.set(Waiting::default());
                    return Poll::Ready(Flow::Pass);
                }
                Readiness::Deny => return Poll::Ready(self.close()),
            }
            let polled = if waiting.connection {
                self.waiting.set(Waiting {
                    connection: false,
                    ..waiting
                });
                self.run_connection()
            } else if let Some(part) = waiting.data {
                self.waiting.set(Waiting::default());
                self.run_data(Chunk::new(BufferType::DownstreamData, part))
            } else {
                return Poll::Ready(flow);
            };
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(next)) => flow = next,
                Poll::Ready(Err(Close)) => return Poll::Ready(self.close()),
            }
        }
    }

    fn run_connection(self: &Rc<Self>) -> Poll<Result<Flow, Close>> {
        if F::HOOKS.connection == Hook::Absent {
            return Poll::Ready(Ok(Flow::Pass));
        }
        let tunnel = Rc::clone(self);
        let work = async move {
            let mut lent = Lent::new(&tunnel);
            if let (Some(plugin), Some(connection)) = (tunnel.root.plugin(), &mut lent.connection) {
                plugin.connection(connection).await?;
            }
            Ok(Flow::Pass)
        };
        self.run(F::HOOKS.connection, work)
    }

    fn run_data(self: &Rc<Self>, mut data: Chunk) -> Poll<Result<Flow, Close>> {
        if F::HOOKS.downstream_data == Hook::Absent {
            return Poll::Ready(Ok(Flow::Pass));
        }
        let tunnel = Rc::clone(self);
        let work = async move {
            let mut lent = Lent::new(&tunnel);
            match (tunnel.root.plugin(), &mut lent.connection) {
                (Some(plugin), Some(connection)) => {
                    plugin.downstream_data(connection, &mut data).await
                }
                _ => Ok(Flow::Pass),
            }
        };
        self.run(F::HOOKS.downstream_data, work)
    }

    fn run(
        self: &Rc<Self>,
        hook: Hook,
        work: impl Future<Output = Result<Flow, Close>> + 'static,
    ) -> Poll<Result<Flow, Close>> {
        if hook == Hook::Awaiting {
            return self.slot.run(self.place(), work);
        }
        self.slot.run_now(self.place(), || {
            let work = pin!(work);
            match work.poll(&mut Context::from_waker(Waker::noop())) {
                // A handler without `.await` is ready at once; one that hides it in a macro is not.
                Poll::Pending => Poll::Ready(Err(Close)),
                ready @ Poll::Ready(_) => ready,
            }
        })
    }

    /// Closes the connection; nothing passes any more.
    fn close(&self) -> Flow {
        self.waiting.set(Waiting::default());
        // A connection that is gone needs no closing.
        let _closed = sys::close_stream(StreamType::Downstream);
        Flow::Hold
    }

    fn upstream_data(&self, part: Part) -> u32 {
        let Some(plugin) = self.root.plugin() else {
            return CONTINUE;
        };
        let mut lent = Lent::new(self);
        let Some(connection) = &mut lent.connection else {
            // The other side's handler waits and has the connection's state.
            return CONTINUE;
        };
        let mut data = Chunk::new(BufferType::UpstreamData, part);
        let flow = self
            .place()
            .enter(|| plugin.upstream_data(connection, &mut data));
        match flow {
            Ok(Flow::Pass) => CONTINUE,
            Ok(Flow::Hold) => STOP_ITERATION,
            Err(Close) => {
                self.close();
                STOP_ITERATION
            }
        }
    }

    fn tell(&self, tell: impl FnOnce(&F, &mut Connection<F::State>)) {
        let mut lent = Lent::new(self);
        if let (Some(plugin), Some(connection)) = (self.root.plugin(), &mut lent.connection) {
            self.place().enter(|| tell(plugin, connection));
        }
    }

    /// Goes on with the handler that waits, and with what came meanwhile.
    fn resume(self: &Rc<Self>) {
        let mut flow = match self.slot.resume(self.place()) {
            Some(Poll::Ready(Ok(flow))) => flow,
            Some(Poll::Ready(Err(Close))) => self.close(),
            None if self.slot.is_idle() => Flow::Pass,
            Some(Poll::Pending) | None => return,
        };
        match self.drive() {
            Poll::Pending => return,
            Poll::Ready(next) if !self.is_settled() || flow == Flow::Pass => flow = next,
            Poll::Ready(_) => {}
        }
        if flow == Flow::Pass && self.held.replace(false) {
            // A connection that is gone needs no resuming.
            let _resumed = sys::continue_stream(StreamType::Downstream);
        }
    }
}

impl<F: StreamFilter> HostContext for Tunnel<F> {
    fn on(self: Rc<Self>, _id: u32, event: Event) -> u32 {
        match event {
            Event::Connection => {
                self.waiting.set(Waiting {
                    connection: true,
                    data: None,
                });
                return self.begin();
            }
            Event::DownstreamData(part) => {
                self.waiting.set(Waiting {
                    data: Some(part),
                    ..self.waiting.get()
                });
                return self.begin();
            }
            Event::UpstreamData(part) if F::HOOKS.upstream_data != Hook::Absent => {
                return self.upstream_data(part);
            }
            Event::DownstreamClosed { by } => {
                self.abandon();
                self.tell(|plugin, connection| plugin.downstream_closed(connection, peer(by)));
            }
            Event::UpstreamClosed { by } => {
                self.tell(|plugin, connection| plugin.upstream_closed(connection, peer(by)));
            }
            Event::Resume => self.resume(),
            Event::Log => {
                self.abandon();
                self.tell(|plugin, connection| plugin.log(connection));
            }
            Event::Done => return 1,
            Event::Delete => self.abandon(),
            _ => {}
        }
        CONTINUE
    }

    fn create_stream(self: Rc<Self>, _id: u32) {}
}

/// A number that is not known is as good as none.
fn peer(number: u32) -> PeerType {
    PeerType::try_from(number).unwrap_or(PeerType::Unknown)
}

/// A connection on loan to a handler. It goes home also when the handler's future is dropped.
struct Lent<'a, F: StreamFilter> {
    tunnel: &'a Tunnel<F>,
    connection: Option<Connection<F::State>>,
}

impl<'a, F: StreamFilter> Lent<'a, F> {
    fn new(tunnel: &'a Tunnel<F>) -> Self {
        Self {
            tunnel,
            connection: tunnel.connection.take(),
        }
    }
}

impl<F: StreamFilter> Drop for Lent<'_, F> {
    fn drop(&mut self) {
        // A second loan found nothing and has nothing to give back.
        if let Some(connection) = self.connection.take() {
            self.tunnel.connection.set(Some(connection));
        }
    }
}
