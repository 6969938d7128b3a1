//! What comes back from callouts and queues, for those who asked and for others.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use tollgate_runtime::{ContextId, Fault, Header, HttpCallResponse, ResolvedAddress};

use super::driver::World;
use super::services::Callouts;

impl World {
    /// Something ends, or a part of it arrives.
    pub(super) fn end_callout(&mut self) -> Result<(), Fault> {
        match self.source.below(8) {
            0 | 1 => self.end_http_call(),
            2 => self.announce_item(),
            3 => self.end_lookup(),
            _ => self.happen_to_grpc(),
        }?;
        self.still_entered()
    }

    /// A callout that is over, or numbers that may be none.
    fn ended(&self, callouts: &Callouts) -> (ContextId, u32) {
        let ended = callouts.borrow_mut().pop();
        ended.unwrap_or_else(|| (self.root(), self.source.number()))
    }

    /// A callout that goes on, or numbers that may be none.
    fn running(&self, callouts: &Callouts) -> (ContextId, u32) {
        let running = callouts.borrow().last().copied();
        running.unwrap_or_else(|| (self.root(), self.source.number()))
    }

    /// Tells a plugin of an item, or of one that is none.
    fn announce_item(&mut self) -> Result<(), Fault> {
        let (root, token) = match self.services.news.try_recv() {
            Ok(news) => news,
            Err(_) => (self.root(), self.source.number()),
        };
        self.vm.on_queue_ready(root, token)
    }

    fn end_http_call(&mut self) -> Result<(), Fault> {
        let (root, token) = self.ended(&self.services.http_calls);
        let response = match self.source.flag() {
            true => HttpCallResponse::Complete {
                headers: self.headers(),
                body: self.some_bytes(),
                trailers: self.headers(),
            },
            false => HttpCallResponse::Reset,
        };
        self.vm.on_http_call_response(root, token, response)
    }

    fn some_bytes(&self) -> Bytes {
        self.source.some_bytes().into()
    }

    fn headers(&self) -> Vec<Header> {
        let entry = |_| (self.some_bytes(), self.some_bytes());
        (0..self.source.below(3)).map(entry).collect()
    }

    fn end_lookup(&mut self) -> Result<(), Fault> {
        let (root, token) = self.ended(&self.services.lookups);
        let address = ResolvedAddress {
            address: IpAddr::V4(Ipv4Addr::from_bits(self.source.number())),
            ttl: Duration::from_secs(self.source.long()),
        };
        let addresses = vec![address; usize::from(self.source.below(4))];
        let found = self.source.flag().then_some(addresses.as_slice());
        self.vm.on_resolve_dns(root, token, found)
    }

    fn happen_to_grpc(&mut self) -> Result<(), Fault> {
        let calls = &self.services.grpc_calls;
        match self.source.below(5) {
            0 => {
                let (root, token) = self.running(calls);
                let metadata = self.headers();
                self.vm
                    .on_grpc_receive_initial_metadata(root, token, metadata)
            }
            1 => {
                let (root, token) = self.running(calls);
                // With its message a call ends, a stream does not.
                if token % 4 == 1 {
                    calls.borrow_mut().retain(|(_, known)| *known != token);
                }
                let message = self.some_bytes();
                self.vm.on_grpc_receive(root, token, message)
            }
            2 => {
                let (root, token) = self.running(calls);
                let metadata = self.headers();
                self.vm
                    .on_grpc_receive_trailing_metadata(root, token, metadata)
            }
            _ => {
                let (root, token) = self.ended(calls);
                let status = self.source.number();
                self.vm
                    .on_grpc_close(root, token, status, "as the bytes say")
            }
        }
    }
}
