//! The events of TCP connections.

use std::rc::Rc;

use tollgate_abi::{NetworkAction, PeerType};
use tollgate_runtime::TcpPeer;

use super::{Native, unheard};
use crate::engine::{Fault, TcpEngine};
use crate::model::Connection;

impl TcpEngine for Native {
    fn create_connection(&self, _connection: Rc<Connection>) -> u32 {
        self.next_context()
    }

    fn on_new_connection(&self, _connection: u32) -> Result<NetworkAction, Fault> {
        Err(unheard("TCP"))
    }

    fn on_data(
        &self,
        _connection: u32,
        _from: TcpPeer,
        _end_of_stream: bool,
    ) -> Result<NetworkAction, Fault> {
        Err(unheard("TCP"))
    }

    fn on_close(&self, _connection: u32, _of: TcpPeer, _by: PeerType) -> Result<(), Fault> {
        Err(unheard("TCP"))
    }

    fn end_connection(&self, _connection: u32) -> Result<(), Fault> {
        Err(unheard("TCP"))
    }
}
