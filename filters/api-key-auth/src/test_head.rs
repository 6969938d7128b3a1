//! A request head for unit tests: a list of headers.

use std::convert::Infallible;

use tollgate_filter_common::RequestHead;

pub(crate) struct Head(pub(crate) Vec<(&'static str, &'static str)>);

impl RequestHead for Head {
    type Value = &'static str;
    type Error = Infallible;

    fn header(&self, name: &str) -> Result<Option<Self::Value>, Infallible> {
        let found = self.0.iter().find(|(own, _)| *own == name);
        Ok(found.map(|(_, value)| *value))
    }

    fn cookies(&self) -> Result<Option<Vec<u8>>, Infallible> {
        let all: Vec<&str> = self
            .0
            .iter()
            .filter(|(name, _)| *name == "cookie")
            .map(|(_, value)| *value)
            .collect();
        Ok((!all.is_empty()).then(|| all.join("; ").into_bytes()))
    }
}
