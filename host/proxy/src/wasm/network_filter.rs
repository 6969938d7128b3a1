//! A plugin as a network filter: events in, actions out, and what a fault does to the connection.

use std::cell::Cell;
use std::rc::Rc;

use tollgate_runtime::abi::Action as _;
use tollgate_runtime::{ContextId, Fault, Vm};

use super::connection_host::ConnectionHost;
use super::health::PluginHealth;
use super::stream_vm::StreamVm;
use crate::filter::Direction;
use crate::network::{ConnectionState, End, NetworkAction, NetworkFilter, PeerType};

/// One connection of one plugin.
pub(super) struct PluginNetworkFilter {
    vm: StreamVm,
    host: Rc<ConnectionHost>,
    context: ContextId,
    closed: Cell<bool>,
    health: Rc<PluginHealth>,
}

impl PluginNetworkFilter {
    /// Returns a filter; `index` is its place in the chain.
    pub(super) fn new(
        (vm, root): (StreamVm, ContextId),
        state: &Rc<ConnectionState>,
        index: usize,
        health: Rc<PluginHealth>,
    ) -> Self {
        let host = ConnectionHost::new(Rc::clone(state), index, vm.facts());
        let context = vm.enter(|vm| vm.create_tcp_context(root, Rc::clone(&host) as _));
        Self {
            vm,
            host,
            context,
            closed: Cell::new(false),
            health,
        }
    }

    /// Calls the guest. After a fault, here or before, the connection is closed.
    fn call(
        &self,
        callback: impl FnOnce(&mut Vm, ContextId) -> Result<NetworkAction, Fault>,
    ) -> NetworkAction {
        match self.vm.enter(|vm| callback(vm, self.context)) {
            Ok(action) => {
                if action != NetworkAction::Continue {
                    let host = Rc::clone(&self.host) as _;
                    self.vm
                        .remember_paused(self.context, &host, self.health.goes_on_after_fault());
                }
                action
            }
            Err(fault) => self.after_fault(&fault),
        }
    }

    fn after_fault(&self, fault: &Fault) -> NetworkAction {
        self.vm.note_fault(fault);
        if self.health.goes_on_after_fault() {
            return NetworkAction::Continue;
        }
        self.host.state.close(End::Plugin);
        NetworkAction::CLOSED
    }

    fn tell(&self, callback: impl FnOnce(&mut Vm, ContextId) -> Result<(), Fault>) {
        if let Err(fault) = self.vm.enter(|vm| callback(vm, self.context)) {
            self.vm.note_fault(&fault);
        }
    }
}

impl NetworkFilter for PluginNetworkFilter {
    fn on_new_connection(&self) -> NetworkAction {
        self.call(Vm::on_new_connection)
    }

    fn on_data(&self, direction: Direction, end_of_stream: bool) -> NetworkAction {
        let action = self.call(|vm, id| match direction {
            Direction::Request => vm.on_downstream_data(id, end_of_stream),
            Direction::Response => vm.on_upstream_data(id, end_of_stream),
        });
        if direction == Direction::Response && end_of_stream {
            // Nothing else tells of the upstream's end, and nothing tells who closed it.
            self.tell(|vm, id| vm.on_upstream_connection_close(id, PeerType::Unknown));
        }
        action
    }

    fn on_close(&self, by: PeerType) {
        if self.closed.replace(true) {
            return;
        }
        self.vm.forget_paused(self.context);
        self.tell(|vm, id| vm.on_downstream_connection_close(id, by));
        match self.vm.enter(|vm| vm.delete_tcp_context(self.context)) {
            Ok(()) => self.health.count_success(),
            Err(fault) => self.vm.note_fault(&fault),
        }
        self.vm.report_ends();
    }
}

/// The filter of a connection whose plugin had failed before: it closes it.
#[derive(Debug)]
pub(super) struct FailedNetworkFilter(Rc<ConnectionState>);

impl FailedNetworkFilter {
    pub(super) fn new(state: &Rc<ConnectionState>) -> Self {
        Self(Rc::clone(state))
    }
}

impl NetworkFilter for FailedNetworkFilter {
    fn on_new_connection(&self) -> NetworkAction {
        self.0.close(End::Plugin);
        NetworkAction::CLOSED
    }

    fn on_data(&self, _direction: Direction, _end_of_stream: bool) -> NetworkAction {
        NetworkAction::CLOSED
    }

    fn on_close(&self, _by: PeerType) {}
}
