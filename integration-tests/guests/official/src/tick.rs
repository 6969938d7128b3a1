//! Timers of root contexts.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, MetricType};

use crate::say;

const PERIOD: Duration = Duration::from_millis(50);
const LAST_TICK: u32 = 3;

/// Root `tick`: ticks three times, asks a side service each time, and then stops its timer.
#[derive(Default)]
pub(crate) struct Tick {
    ticks: u32,
    metric: Option<u32>,
}

impl Context for Tick {
    fn on_http_call_response(&mut self, _: u32, _: usize, body: usize, _: usize) {
        let text = self
            .get_http_call_response_body(0, body)
            .unwrap_or_default();
        say(&format!(
            "the root was answered: {}",
            String::from_utf8_lossy(&text)
        ));
    }
}

impl RootContext for Tick {
    fn on_configure(&mut self, _: usize) -> bool {
        self.metric = hostcalls::define_metric(MetricType::Counter, "ticks").ok();
        self.set_tick_period(PERIOD);
        true
    }

    fn on_tick(&mut self) {
        self.ticks += 1;
        if let Some(metric) = self.metric
            && let Err(status) = hostcalls::increment_metric(metric, 1)
        {
            say(&format!("not counted: {status:?}"));
        }
        let headers = vec![
            (":method", "GET"),
            (":path", "/tick"),
            (":authority", "side.test"),
        ];
        let call = self.dispatch_http_call("origin", headers, None, vec![], Duration::from_secs(5));
        say(&format!("tick {}, asks: {}", self.ticks, call.is_ok()));
        if self.ticks == LAST_TICK {
            self.set_tick_period(Duration::ZERO);
            say("stopped");
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        None
    }
}

/// Root `waiting-room`: requests wait until the next tick lets them go on.
#[derive(Default)]
pub(crate) struct WaitingRoom {
    waiting: Rc<RefCell<Vec<u32>>>,
}

impl Context for WaitingRoom {}

impl RootContext for WaitingRoom {
    fn on_configure(&mut self, _: usize) -> bool {
        self.set_tick_period(PERIOD);
        true
    }

    fn on_tick(&mut self) {
        for id in self.waiting.borrow_mut().drain(..) {
            // The client may have left; then there is no such context.
            if hostcalls::set_effective_context(id).is_ok() {
                hostcalls::resume_http_request().unwrap_or_default();
            }
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Guest {
            id,
            waiting: Rc::clone(&self.waiting),
        }))
    }
}

struct Guest {
    id: u32,
    waiting: Rc<RefCell<Vec<u32>>>,
}

impl Context for Guest {}

impl HttpContext for Guest {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.add_http_request_header("x-waited", "for the tick");
        self.waiting.borrow_mut().push(self.id);
        Action::Pause
    }
}
