//! The events of TCP connections, by the rules by which the runtime delivers them to a module.

use std::rc::Rc;

use tollgate::native::{Event, Part};
use tollgate_abi::{NetworkAction, PeerType};
use tollgate_runtime::{TcpHost, TcpPeer};

use super::host::ConnectionEntry;
use super::{Native, ROOT};
use crate::engine::{Fault, TcpEngine};
use crate::model::Connection;

impl Native {
    fn open(&self, connection: u32, from: TcpPeer, is_open: bool) {
        self.host.change_connection(connection, |entry| match from {
            TcpPeer::Downstream => entry.opens_downstream = is_open,
            TcpPeer::Upstream => entry.opens_upstream = is_open,
        });
    }

    /// A filter that resumes and then stops means "go on".
    fn unless_resumed(&self, connection: u32, number: u32) -> NetworkAction {
        if self.run_effects(connection).resumed_downstream {
            NetworkAction::Continue
        } else {
            NetworkAction::from_u32(number)
        }
    }
}

impl TcpEngine for Native {
    fn create_connection(&self, connection: Rc<Connection>) -> u32 {
        let id = self.next_context();
        let entry = ConnectionEntry {
            connection,
            opens_downstream: false,
            opens_upstream: false,
            has_ended: false,
        };
        self.host.connections.borrow_mut().insert(id, entry);
        self.call(id, |vm| vm.on_context_create(id, ROOT));
        id
    }

    fn on_new_connection(&self, connection: u32) -> Result<NetworkAction, Fault> {
        let number = self.call(connection, |vm| vm.on_event(connection, Event::Connection));
        Ok(self.unless_resumed(connection, number))
    }

    fn on_data(
        &self,
        connection: u32,
        from: TcpPeer,
        end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        self.open(connection, from, true);
        let entry = self.host.connections.borrow().get(&connection).cloned();
        let size = entry.map_or(0, |entry| entry.connection.data_len(from));
        let event = match from {
            TcpPeer::Downstream => Event::DownstreamData(Part::new(size, end_of_stream)),
            TcpPeer::Upstream => Event::UpstreamData(Part::new(size, end_of_stream)),
        };
        let number = self.call(connection, |vm| vm.on_event(connection, event));
        let action = match from {
            TcpPeer::Downstream => self.unless_resumed(connection, number),
            TcpPeer::Upstream => {
                self.run_effects(connection);
                NetworkAction::from_u32(number)
            }
        };
        if action == NetworkAction::Continue {
            self.open(connection, from, false);
        }
        Ok(action)
    }

    fn on_close(&self, connection: u32, of: TcpPeer, by: PeerType) -> Result<(), Fault> {
        let by = by.to_u32();
        let event = match of {
            TcpPeer::Downstream => Event::DownstreamClosed { by },
            TcpPeer::Upstream => Event::UpstreamClosed { by },
        };
        if of == TcpPeer::Downstream {
            self.host
                .change_connection(connection, |entry| entry.has_ended = true);
        }
        self.call(connection, |vm| vm.on_event(connection, event));
        self.run_effects(connection);
        Ok(())
    }

    fn end_connection(&self, connection: u32) -> Result<(), Fault> {
        self.call(connection, |vm| vm.on_done(connection));
        self.call(connection, |vm| vm.on_log(connection));
        self.call(connection, |vm| vm.on_delete(connection));
        self.host.connections.borrow_mut().remove(&connection);
        self.run_effects(connection);
        Ok(())
    }
}
