//! Exchange: one request and its response, as a handler sees them.

mod body;
mod properties;

use tollgate_abi::{MapType, pairs};

use crate::error::{Error, found};
use crate::header::{HeaderValue, Headers};
use crate::sys;
use crate::time::Timestamp;

/// Which half of the exchange a handler runs in; it decides what `header` and `body` mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Request,
    Response,
}

/// One request and its response. Reads and writes go straight to the host: header methods mean
/// the request's headers in the request handlers, and the response's from then on.
#[derive(Debug, Default)]
pub struct Exchange<S> {
    /// What the filter remembers between the phases of this exchange.
    pub state: S,
    pub(crate) id: u32,
    pub(crate) phase: Phase,
    pub(crate) has_body: bool,
}

impl<S: Default> Exchange<S> {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    /// An exchange that is over, as an access logger sees it.
    pub(crate) fn ended(id: u32) -> Self {
        Self {
            phase: Phase::Response,
            ..Self::new(id)
        }
    }
}

/// Headers of the current phase.
impl<S> Exchange<S> {
    /// Returns the first value of a header, without copying it.
    ///
    /// # Errors
    ///
    /// When the host refuses the read, as it does when the headers are gone.
    pub fn header(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        value(self.headers_map(), name)
    }

    /// Returns all headers as they are now, in one block.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn headers(&self) -> Result<Headers, Error> {
        sys::map_pairs(self.headers_map()).map(Headers::from_serialized)
    }

    /// Sets a header, in place of all of that name. Envoy selects the route again after a change
    /// of a request header.
    ///
    /// # Errors
    ///
    /// When the host refuses the change, as it does once the headers are on their way.
    pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::map_replace(self.headers_map(), name.as_bytes(), value.as_ref())
    }

    /// Adds a header beside those of that name.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn add_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::map_add(self.headers_map(), name.as_bytes(), value.as_ref())
    }

    /// Removes every header of that name; that there is none is no error.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn remove_header(&mut self, name: &str) -> Result<(), Error> {
        sys::map_remove(self.headers_map(), name.as_bytes())
    }

    /// Returns the first value of a request header. In the log handler every header can be read;
    /// in the response handlers Envoy no longer shows the request's.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn request_header(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        value(MapType::HttpRequestHeaders, name)
    }

    /// Returns the first value of a response header.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn response_header(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        value(MapType::HttpResponseHeaders, name)
    }

    /// Returns the request's method, or the one it had when headers are gone.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn method(&self) -> Result<HeaderValue, Error> {
        self.request_header(":method")
            .map(Option::unwrap_or_default)
    }

    /// Returns the request's path with its query.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn path(&self) -> Result<HeaderValue, Error> {
        self.request_header(":path").map(Option::unwrap_or_default)
    }

    /// Returns the host and port that the client asked for.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn authority(&self) -> Result<HeaderValue, Error> {
        self.request_header(":authority")
            .map(Option::unwrap_or_default)
    }

    /// Returns the response's status, if it is a number.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn status(&self) -> Result<Option<u16>, Error> {
        let status = self.response_header(":status")?;
        Ok(status.and_then(|status| status.to_str().ok()?.parse().ok()))
    }

    /// Returns whether the request speaks gRPC, so that rejections need a gRPC status.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn is_grpc(&self) -> Result<bool, Error> {
        let content_type = self.request_header("content-type")?.unwrap_or_default();
        let rest = content_type.strip_prefix(b"application/grpc".as_slice());
        Ok(rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';'))))
    }

    /// Returns how many bytes names and values of the headers have together.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn headers_size(&self) -> Result<usize, Error> {
        sys::map_size(self.headers_map())
    }

    /// Replaces all headers; Envoy keeps none of those there were. A request needs `:method`, `:path`,
    /// `:scheme`, `:authority` and `x-forwarded-proto`, or it finds no route.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn set_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        headers: impl IntoIterator<Item = (N, V), IntoIter: Clone>,
    ) -> Result<(), Error> {
        sys::set_map_pairs(self.headers_map(), &pairs::encode(headers))
    }

    fn headers_map(&self) -> MapType {
        match self.phase {
            Phase::Request => MapType::HttpRequestHeaders,
            Phase::Response => MapType::HttpResponseHeaders,
        }
    }
}

/// Trailers of the current phase.
impl<S> Exchange<S> {
    /// Returns the first value of a trailer.
    ///
    /// # Errors
    ///
    /// When the host refuses the read, as it does before the trailers are there.
    pub fn trailer(&self, name: &str) -> Result<Option<HeaderValue>, Error> {
        value(self.trailers_map(), name)
    }

    /// Returns all trailers as they are now.
    ///
    /// # Errors
    ///
    /// When the host refuses the read.
    pub fn trailers(&self) -> Result<Headers, Error> {
        sys::map_pairs(self.trailers_map()).map(Headers::from_serialized)
    }

    /// Sets a trailer, in place of all of that name.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn set_trailer(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::map_replace(self.trailers_map(), name.as_bytes(), value.as_ref())
    }

    /// Adds a trailer beside those of that name.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn add_trailer(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        sys::map_add(self.trailers_map(), name.as_bytes(), value.as_ref())
    }

    /// Removes every trailer of that name.
    ///
    /// # Errors
    ///
    /// When the host refuses the change.
    pub fn remove_trailer(&mut self, name: &str) -> Result<(), Error> {
        sys::map_remove(self.trailers_map(), name.as_bytes())
    }

    fn trailers_map(&self) -> MapType {
        match self.phase {
            Phase::Request => MapType::HttpRequestTrailers,
            Phase::Response => MapType::HttpResponseTrailers,
        }
    }
}

impl<S> Exchange<S> {
    /// Returns the id of the exchange's context, as the host's log prints it.
    #[must_use]
    pub const fn context_id(&self) -> u32 {
        self.id
    }

    /// Returns the time by the host's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        crate::time::now()
    }
}

fn value(map: MapType, name: &str) -> Result<Option<HeaderValue>, Error> {
    found(sys::map_value(map, name.as_bytes())).map(|value| value.map(HeaderValue::from))
}
