//! The SDK's exchange as a request head, in the request phase.

use tollgate::{Error, Exchange, HeaderValue};

use crate::RequestHead;

impl<S> RequestHead for Exchange<S> {
    type Value = HeaderValue;
    type Error = Error;

    fn header(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        Self::header(self, name)
    }

    fn cookies(&self) -> Result<Option<Vec<u8>>, Error> {
        // Most requests have none, and asking for one header costs less than reading all.
        if Self::header(self, "cookie")?.is_none() {
            return Ok(None);
        }
        let mut joined: Option<Vec<u8>> = None;
        for cookies in self.headers()?.get_all("cookie") {
            match &mut joined {
                Some(joined) => {
                    joined.extend_from_slice(b"; ");
                    joined.extend_from_slice(cookies);
                }
                None => joined = Some(cookies.to_vec()),
            }
        }
        Ok(joined)
    }
}
