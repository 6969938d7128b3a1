//! Outcome: what became of one request, and assertions about it.

use std::fmt;

use tollgate_runtime::LocalResponse;

use crate::model::FilterState;
use crate::upstream::{UpstreamRequest, find, list, text};

/// What became of a request.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub(crate) end: End,
    pub(crate) forwarded: Option<UpstreamRequest>,
    pub(crate) response: Option<Received>,
    pub(crate) local_response: Option<LocalResponse>,
    pub(crate) fuel: Option<u64>,
    pub(crate) filter_state: FilterState,
}

/// How a request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The client got a response.
    #[default]
    Answered,
    /// The filter paused the request, and nothing that could resume it is under way.
    Stuck,
    /// The filter reset the stream.
    Reset,
    /// The upstream broke off after the response had begun.
    UpstreamReset,
    /// The client left, as the test asked.
    ClientLeft,
    /// The filter crashed; the text says how.
    Crashed(String),
}

/// A response as the client sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

/// What happened.
impl Outcome {
    /// Returns how the request ended.
    #[must_use]
    pub const fn end(&self) -> &End {
        &self.end
    }

    /// Returns the request as the upstream got it; `None` when it never did.
    #[must_use]
    pub const fn forwarded(&self) -> Option<&UpstreamRequest> {
        self.forwarded.as_ref()
    }

    /// Returns the filter's own reply, if it sent one.
    #[must_use]
    pub const fn local_response(&self) -> Option<&LocalResponse> {
        self.local_response.as_ref()
    }

    /// Returns a value of the filter state by its key: `envoy.tcp_proxy.cluster`, or `wasm.name` for
    /// what the filter has set as its property `name`.
    #[must_use]
    pub fn filter_state(&self, key: &str) -> Option<Vec<u8>> {
        self.filter_state.value(key.as_bytes())
    }

    /// Returns the status the client got.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.header(":status")?.parse().ok()
    }

    /// Returns the first value of a header the client got.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        find(&self.response.as_ref()?.headers, name)
    }

    /// Returns the first value of a trailer the client got.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<String> {
        find(&self.response.as_ref()?.trailers, name)
    }

    /// Returns the body the client got, as text.
    #[must_use]
    pub fn body(&self) -> String {
        self.response
            .as_ref()
            .map(|response| text(&response.body))
            .unwrap_or_default()
    }

    /// Returns how many instructions the module executed from the request's first callback to its
    /// last, those for other requests and ticks meanwhile included; `None` for a native filter.
    #[must_use]
    pub const fn fuel(&self) -> Option<u64> {
        self.fuel
    }

    /// Returns the response code details of the filter's reply.
    #[must_use]
    pub fn details(&self) -> Option<&str> {
        self.local_response
            .as_ref()
            .map(|reply| reply.details.as_str())
    }
}

/// Assertions; each returns the outcome for the next one.
#[expect(
    clippy::missing_panics_doc,
    reason = "an assertion that does not hold fails the test"
)]
impl Outcome {
    /// Asserts the status the client got.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status(), Some(status), "status\n{self}");
        self
    }

    /// Asserts the first value of a header the client got.
    #[track_caller]
    pub fn assert_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(
            self.header(name).as_deref(),
            Some(value),
            "header {name}\n{self}"
        );
        self
    }

    /// Asserts that the client got no such header.
    #[track_caller]
    pub fn assert_no_header(&self, name: &str) -> &Self {
        assert_eq!(self.header(name), None, "header {name}\n{self}");
        self
    }

    /// Asserts the body the client got.
    #[track_caller]
    pub fn assert_body(&self, body: &str) -> &Self {
        assert_eq!(self.body(), body, "body\n{self}");
        self
    }

    /// Asserts that the body the client got contains a text.
    #[track_caller]
    pub fn assert_body_contains(&self, part: &str) -> &Self {
        assert!(self.body().contains(part), "body lacks {part:?}\n{self}");
        self
    }

    /// Asserts that the request reached the upstream.
    #[track_caller]
    pub fn assert_forwarded(&self) -> &Self {
        assert!(
            self.forwarded.is_some(),
            "the request did not reach the upstream\n{self}"
        );
        self
    }

    /// Asserts that the request did not reach the upstream.
    #[track_caller]
    pub fn assert_not_forwarded(&self) -> &Self {
        assert!(
            self.forwarded.is_none(),
            "the request reached the upstream\n{self}"
        );
        self
    }

    /// Asserts the first value of a header the upstream got.
    #[track_caller]
    pub fn assert_upstream_header(&self, name: &str, value: &str) -> &Self {
        let found = self
            .forwarded
            .as_ref()
            .and_then(|request| request.header(name));
        assert_eq!(
            found.as_deref(),
            Some(value),
            "upstream header {name}\n{self}"
        );
        self
    }

    /// Asserts that the request reached the upstream without such a header.
    #[track_caller]
    pub fn assert_no_upstream_header(&self, name: &str) -> &Self {
        let found = self.assert_forwarded().forwarded.as_ref();
        let found = found.and_then(|request| request.header(name));
        assert_eq!(found, None, "upstream header {name}\n{self}");
        self
    }

    /// Asserts the body the upstream got.
    #[track_caller]
    pub fn assert_upstream_body(&self, body: &str) -> &Self {
        let found = self.forwarded.as_ref().map(|request| text(&request.body));
        assert_eq!(found.as_deref(), Some(body), "upstream body\n{self}");
        self
    }

    /// Asserts how the request ended.
    #[track_caller]
    pub fn assert_end(&self, end: &End) -> &Self {
        assert_eq!(&self.end, end, "end\n{self}");
        self
    }

    /// Asserts the first value of a trailer the client got.
    #[track_caller]
    pub fn assert_trailer(&self, name: &str, value: &str) -> &Self {
        let found = self.trailer(name);
        assert_eq!(found.as_deref(), Some(value), "trailer {name}\n{self}");
        self
    }

    /// Asserts that the module executed fewer instructions than `limit` for this request. Nothing
    /// is counted of a native filter, and nothing asserted.
    #[track_caller]
    pub fn assert_fuel_below(&self, limit: u64) -> &Self {
        if let Some(fuel) = self.fuel {
            assert!(
                fuel < limit,
                "{fuel} instructions, not below {limit}\n{self}"
            );
        }
        self
    }

    /// Asserts the response code details of the filter's reply.
    #[track_caller]
    pub fn assert_details(&self, details: &str) -> &Self {
        assert_eq!(self.details(), Some(details), "details\n{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the request ended: {:?}", self.end)?;
        if let Some(request) = &self.forwarded {
            writeln!(f, "the upstream got:")?;
            list(f, &request.headers)?;
            writeln!(f, "  ({} bytes)", request.body.len())?;
        }
        if let Some(response) = &self.response {
            writeln!(f, "the client got:")?;
            list(f, &response.headers)?;
            writeln!(f, "  {:?}", text(&response.body))?;
        }
        Ok(())
    }
}
