//! A client for unit tests: a list of headers, an address and a consumer.

use std::convert::Infallible;
use std::net::IpAddr;

use tollgate_filter_common::RequestHead;

use crate::key::Client;

#[derive(Default)]
pub(crate) struct TestClient {
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) address: Option<&'static str>,
    pub(crate) consumer: Option<&'static str>,
}

impl RequestHead for TestClient {
    type Value = &'static str;
    type Error = Infallible;

    fn header(&self, name: &str) -> Result<Option<Self::Value>, Infallible> {
        let found = self.headers.iter().find(|(own, _)| *own == name);
        Ok(found.map(|(_, value)| *value))
    }

    fn cookies(&self) -> Result<Option<Vec<u8>>, Infallible> {
        let Ok(cookie) = self.header("cookie");
        Ok(cookie.map(|value| value.as_bytes().to_vec()))
    }
}

impl Client for TestClient {
    fn remote_ip(&self) -> Result<Option<IpAddr>, Infallible> {
        Ok(self.address.map(|address| address.parse().unwrap()))
    }

    fn consumer(&self) -> Result<Option<Self::Value>, Infallible> {
        Ok(self.consumer)
    }
}
