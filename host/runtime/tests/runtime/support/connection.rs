//! `FakeConnection`: a TCP connection made of vectors.

use std::cell::RefCell;
use std::ops::Range;

use tollgate_runtime::abi::Status;
use tollgate_runtime::{PropertyDeclaration, PropertyResult, PropertyValue, TcpHost, TcpPeer};

/// Paths and values, in the order in which they were set.
type Properties = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
pub(crate) struct FakeConnection {
    data: RefCell<[Vec<u8>; 2]>,
    pub(crate) properties: RefCell<Properties>,
    pub(crate) effects: RefCell<Vec<String>>,
}

impl FakeConnection {
    pub(crate) fn put(&self, from: TcpPeer, data: &str) {
        self.data.borrow_mut()[from as usize] = data.as_bytes().to_vec();
    }

    pub(crate) fn data(&self, from: TcpPeer) -> String {
        String::from_utf8(self.data.borrow()[from as usize].clone()).unwrap()
    }
}

impl TcpHost for FakeConnection {
    fn data_len(&self, from: TcpPeer) -> usize {
        self.data.borrow()[from as usize].len()
    }

    fn data_read(&self, from: TcpPeer, range: Range<usize>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.data.borrow()[from as usize][range]);
    }

    fn data_replace(&self, from: TcpPeer, range: Range<usize>, data: &[u8]) {
        self.data.borrow_mut()[from as usize].splice(range, data.iter().copied());
    }

    fn property(&self, path: &[&[u8]]) -> PropertyResult {
        match path {
            [b"source", b"address"] => Ok(PropertyValue::text("127.0.0.1:1234")),
            [b"request", ..] => Ok(PropertyValue::text("of the host")),
            _ => Err(Status::NotFound),
        }
    }

    fn set_property(
        &self,
        path: &[u8],
        value: &[u8],
        _declaration: &PropertyDeclaration,
    ) -> Result<(), Status> {
        let property = (path.to_vec(), value.to_vec());
        self.properties.borrow_mut().push(property);
        Ok(())
    }

    fn continue_downstream(&self) {
        self.effects.borrow_mut().push("continue".to_owned());
    }

    fn close(&self, asked: TcpPeer) {
        self.effects.borrow_mut().push(format!("close {asked:?}"));
    }
}
