//! Callouts, shared state, clocks, properties, and the ends of streams.

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, GrpcStatusCode, LogLevel, MetricType, Status};

use crate::{printable, say};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks another service by hostcall, and reads its answer by every method there is.
pub(super) struct Call {
    pub(super) context_id: u32,
}

impl Context for Call {
    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, trailers: usize) {
        let texts = self.get_http_call_response_headers();
        let bytes = self.get_http_call_response_headers_bytes();
        say(&format!(
            "headers: {}",
            headers == texts.len() && texts.len() == bytes.len()
        ));
        say(&format!(
            "status: {:?} {:?}",
            self.get_http_call_response_header(":status"),
            self.get_http_call_response_header_bytes(":status"),
        ));
        let text = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        say(&format!("body: {}", printable(&text)));
        say(&format!(
            "trailers: {trailers} {:?} {:?} {:?} {:?}",
            self.get_http_call_response_trailers(),
            self.get_http_call_response_trailers_bytes(),
            self.get_http_call_response_trailer("x-end"),
            self.get_http_call_response_trailer_bytes("x-end"),
        ));
        let chosen = hostcalls::set_effective_context(self.context_id);
        let resumed = hostcalls::resume_http_request();
        say(&format!("resumed: {chosen:?} {resumed:?}"));
    }
}

impl HttpContext for Call {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let headers = vec![
            (":method", "GET"),
            (":path", "/side"),
            (":authority", "side.test"),
        ];
        let trailers = vec![("x-asked", "1")];
        match hostcalls::dispatch_http_call("origin-http2", headers, None, trailers, TIMEOUT) {
            Ok(_) => Action::Pause,
            Err(status) => {
                say(&format!("not sent: {status:?}"));
                Action::Continue
            }
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let resumed = hostcalls::resume_http_response();
        say(&format!("response: {resumed:?}"));
        Action::Continue
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// What a guest may ask at any time, by methods and by hostcalls.
pub(super) struct Services;

impl Services {
    fn properties(&self) -> Result<String, Status> {
        let by_method = self.get_property(vec!["request", "path"]);
        let by_call = hostcalls::get_property(vec!["request", "path"])?;
        self.set_property(vec!["own"], Some(b"1"));
        hostcalls::set_property(vec!["own"], Some(b"2"))?;
        let own = hostcalls::get_property(vec!["own"])?;
        Ok(format!(
            "{} {own:?}",
            by_method == by_call && by_call.is_some()
        ))
    }

    fn shared_data(&self) -> Result<String, Status> {
        hostcalls::set_shared_data("surface", Some(b"1"), None)?;
        let (value, cas) = hostcalls::get_shared_data("surface")?;
        let (same, _) = self.get_shared_data("surface");
        let swapped = self.set_shared_data("surface", Some(b"2"), cas);
        let again = self.set_shared_data("surface", Some(b"3"), cas);
        let removed = self.remove_shared_data("surface", None);
        let (after, _) = self.get_shared_data("surface");
        Ok(format!(
            "{value:?} {} {swapped:?} {again:?} {removed:?} {after:?}",
            value == same
        ))
    }

    fn metrics() -> Result<String, Status> {
        let counter = hostcalls::define_metric(MetricType::Counter, "surface_counter")?;
        let gauge = hostcalls::define_metric(MetricType::Gauge, "surface_gauge")?;
        hostcalls::increment_metric(counter, 1)?;
        hostcalls::record_metric(gauge, 7)?;
        Ok(format!(
            "{} {}",
            hostcalls::get_metric(counter)? > 0,
            hostcalls::get_metric(gauge)?
        ))
    }

    fn clocks(&self) -> Result<String, Status> {
        let by_call = hostcalls::get_current_time()?;
        let by_method = self.get_current_time();
        Ok(format!("{}", by_method >= by_call))
    }
}

impl Context for Services {}

impl HttpContext for Services {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("properties: {:?}", self.properties()));
        say(&format!("shared data: {:?}", self.shared_data()));
        say(&format!("metrics: {:?}", Self::metrics()));
        say(&format!("clocks: {:?}", self.clocks()));
        say(&format!("level: {:?}", hostcalls::get_log_level()));
        say(&format!(
            "log: {:?}",
            hostcalls::log(LogLevel::Warn, "a warning")
        ));
        let sent = match self.get_http_request_header("x-answer").as_deref() {
            Some("grpc") => {
                let metadata: Vec<(&str, &[u8])> = vec![("x-from", b"surface")];
                hostcalls::send_grpc_response(GrpcStatusCode::DataLoss, Some("lost"), metadata)
            }
            _ => {
                let headers = vec![("x-from", "surface")];
                hostcalls::send_http_response(418, headers, Some(b"short and stout\n"))
            }
        };
        say(&format!("sent: {sent:?}"));
        Action::Pause
    }

    fn on_log(&mut self) {
        say("logged");
    }
}

/// Functions that the host has beside the ABI.
pub(super) struct Foreign;

impl Foreign {
    fn call(&self) -> Result<String, Status> {
        let packed = self.call_foreign_function("compress", Some(b"surface surface surface"))?;
        let unpacked = hostcalls::call_foreign_function("uncompress", packed.as_deref())?;
        let text = printable(&unpacked.unwrap_or_default());
        Ok(format!(
            "{text} {:?}",
            self.call_foreign_function("no-such-function", None)
        ))
    }
}

impl Context for Foreign {}

impl HttpContext for Foreign {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(&format!("foreign: {:?}", self.call()));
        Action::Continue
    }
}

/// Calls that a host refuses where they are made, which the crate takes for impossible.
pub(super) struct OutOfPlace;

impl Context for OutOfPlace {}

impl HttpContext for OutOfPlace {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // In HTTP there is no downstream or upstream to close: nothing happens.
        say(&format!("closed: {:?}", hostcalls::close_upstream()));
        say(&format!("closed: {:?}", hostcalls::close_downstream()));
        match self.get_http_request_header(":path").as_deref() {
            Some("/surface/done") => self.done(),
            _ => say(&format!("resumed: {:?}", hostcalls::resume_upstream())),
        }
        say("still there");
        Action::Continue
    }
}
