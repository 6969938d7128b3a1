//! What the driver does with futures: wakes them, in order, once, and drops what is not wanted.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tollgate::http::{self, CalloutError};
use tollgate::native::{Event, Part, Vm};
use tollgate::prelude::*;
use tollgate::queue::Queue;
use tollgate::{SingleFlight, task};

use crate::desk::{Desk, host};

const ROOT: u32 = 1;
const HEADERS: Event = Event::RequestHeaders(Part::new(0, true));

thread_local! {
    /// What the filter's handler does.
    static MODE: Cell<&'static str> = const { Cell::new("") };
    static WAITER: Cell<Option<Waker>> = const { Cell::new(None) };
    static OPEN: Cell<bool> = const { Cell::new(false) };
}

struct Probe {
    fetch: SingleFlight<Result<Vec<u8>, CalloutError>>,
}

impl Plugin for Probe {
    const NAME: &'static str = "probe";
    type Config = ();

    async fn start((): (), cx: &PluginCx) -> Result<Self, ConfigError> {
        if MODE.get() == "beat" {
            cx.set_tick_period(Some(Duration::from_millis(30)))?;
            cx.every(Duration::from_millis(20), || async { log::info!("beat") });
        }
        if MODE.get() == "slow" {
            http::get("a", "/").send().await?;
        }
        Ok(Self {
            fetch: SingleFlight::new(),
        })
    }

    async fn tick(&self, _cx: &PluginCx) {
        log::info!("tick");
    }
}

#[http_filter]
impl HttpFilter for Probe {
    type State = ();

    async fn request(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        match MODE.get() {
            "share" => {
                let fetched = self.fetch.run(|| async {
                    let answer = http::get("a", "/").send().await?;
                    Ok(answer.body().to_vec())
                });
                ex.set_header("x-fetched", fetched.await?)?;
            }
            "sleep" => task::sleep(Duration::from_millis(50)).await,
            "timeout" => {
                let answer = http::get("a", "/").send();
                let answer = task::timeout(Duration::from_millis(50), answer).await;
                ex.set_header("x-late", answer.is_err().to_string())?;
            }
            "gate" => {
                poll_fn(pass_gate).await;
                ex.set_header("x-opened", "yes")?;
            }
            "open" => {
                OPEN.set(true);
                if let Some(waiter) = WAITER.take() {
                    waiter.wake();
                }
                ex.set_header("x-opening", "yes")?;
            }
            "again" => {
                let mut polled = 0;
                poll_fn(|cx| {
                    polled += 1;
                    cx.waker().wake_by_ref();
                    (polled == 4)
                        .then_some(())
                        .map_or(Poll::Pending, Poll::Ready)
                })
                .await;
            }
            _ => {}
        }
        Ok(())
    }

    async fn queue_ready(&self, queue: Queue, _cx: &PluginCx) {
        log::info!("queue {}", queue.token());
    }

    fn foreign_function(&self, call: &tollgate::foreign::ForeignCall, _cx: &PluginCx) {
        log::info!("function {} {:?}", call.function(), call.arguments());
    }

    async fn stop(&self, _cx: &PluginCx) {
        if MODE.get() == "linger" {
            task::sleep(Duration::from_millis(10)).await;
        }
        log::info!("stopped");
    }
}

/// Is ready when the gate is open.
fn pass_gate(cx: &mut Context<'_>) -> Poll<()> {
    WAITER.set(Some(cx.waker().clone()));
    if OPEN.get() {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

/// A started plugin, whose handler does this.
fn started(mode: &'static str) -> (Rc<Desk>, Vm) {
    MODE.set(mode);
    let desk = Desk::new();
    let vm = Vm::new::<Probe>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    (desk, vm)
}

/// A request's action and what was noted of it.
fn request(desk: &Desk, vm: &Vm, id: u32) -> (u32, Vec<String>) {
    vm.on_context_create(id, ROOT);
    desk.context.set(id);
    let action = vm.on_event(id, HEADERS);
    (action, desk.noted())
}

#[test]
fn requests_share_what_one_of_them_fetches() {
    let (desk, vm) = started("share");
    assert_eq!(request(&desk, &vm, 2), (4, vec!["call 1".into()]));
    assert_eq!(request(&desk, &vm, 3), (4, vec![]));
    // The one that began it goes; the others still get their answer.
    vm.on_delete(2);
    desk.answer(&vm, 1, "keys");
    assert_eq!(
        desk.noted(),
        ["3: x-fetched=keys", "3: continue HttpRequest"]
    );
    assert_eq!(vm.tasks(), 0);
    // What is over is fetched anew.
    assert_eq!(request(&desk, &vm, 4), (4, vec!["call 2".into()]));
}

#[test]
fn a_handler_sleeps_until_its_tick() {
    let (desk, vm) = started("sleep");
    assert_eq!(request(&desk, &vm, 2), (4, vec![]));
    desk.pass(&vm, ROOT, 49);
    assert_eq!(desk.noted(), Vec::<String>::new());
    desk.pass(&vm, ROOT, 2);
    assert_eq!(desk.noted(), ["2: continue HttpRequest"]);
    assert_eq!(desk.period.get(), Some(0), "nothing is left to wait for");
}

#[test]
fn a_sleep_never_ends_early() {
    let (desk, vm) = started("sleep");
    assert_eq!(request(&desk, &vm, 2), (4, vec![]));
    // A tick just before the time, as one meant for another timer may be.
    desk.nanos.set(desk.nanos.get() + 49_600_000);
    vm.on_tick(ROOT);
    assert_eq!(desk.noted(), Vec::<String>::new());
    assert_eq!(
        desk.period.get(),
        Some(1),
        "another millisecond is asked for"
    );
    desk.pass(&vm, ROOT, 1);
    assert_eq!(desk.noted(), ["2: continue HttpRequest"]);
}

#[test]
fn a_timeout_drops_what_took_too_long() {
    let (desk, vm) = started("timeout");
    assert_eq!(request(&desk, &vm, 2), (4, vec!["call 1".into()]));
    assert_eq!(vm.callouts(), 1);
    desk.pass(&vm, ROOT, 60);
    assert_eq!(desk.noted(), ["2: x-late=true", "2: continue HttpRequest"]);
    assert_eq!(vm.callouts(), 0);
    desk.answer(&vm, 1, "late");
    assert_eq!(desk.noted(), Vec::<String>::new());
}

#[test]
fn timers_of_a_stream_end_with_it() {
    let (desk, vm) = started("sleep");
    assert_eq!(request(&desk, &vm, 2).0, 4);
    vm.on_delete(2);
    desk.pass(&vm, ROOT, 200);
    assert_eq!(desk.noted(), Vec::<String>::new());
    assert_eq!(desk.period.get(), Some(0));
}

#[test]
fn timers_and_the_plugins_own_tick_share_the_hosts() {
    let (desk, vm) = started("beat");
    desk.noted();
    desk.pass(&vm, ROOT, 121);
    let noted = desk.noted();
    let count = |line: &str| noted.iter().filter(|noted| noted.as_str() == line).count();
    assert_eq!((count("log beat"), count("log tick")), (6, 4), "{noted:?}");
}

#[test]
fn a_tick_of_its_own_costs_the_plugin_no_timers() {
    let (desk, vm) = started("");
    vm.on_tick(ROOT);
    assert_eq!(desk.noted(), ["log tick"]);
    assert_eq!(desk.periods.get(), 0);
}

#[test]
fn one_stream_wakes_another() {
    let (desk, vm) = started("gate");
    OPEN.set(false);
    assert_eq!(request(&desk, &vm, 2).0, 4);
    MODE.set("open");
    let (action, noted) = request(&desk, &vm, 3);
    assert_eq!(action, 0);
    assert_eq!(
        noted,
        [
            "3: x-opening=yes",
            "2: x-opened=yes",
            "2: continue HttpRequest"
        ]
    );
}

#[test]
fn a_future_that_wakes_itself_is_polled_at_once() {
    let (desk, vm) = started("again");
    assert_eq!(request(&desk, &vm, 2), (0, vec![]));
}

#[test]
fn a_queue_that_calls_early_is_heard_when_the_plugin_is_ready() {
    let (desk, vm) = started("slow");
    vm.on_event(ROOT, Event::QueueReady { queue: 7 });
    assert_eq!(desk.noted(), ["call 1"]);
    desk.answer(&vm, 1, "");
    assert_eq!(desk.noted(), ["log queue 7"]);
    vm.on_event(ROOT, Event::QueueReady { queue: 8 });
    assert_eq!(desk.noted(), ["log queue 8"]);
}

#[test]
fn requests_wait_for_a_plugin_that_starts_slowly() {
    let (desk, vm) = started("slow");
    assert_eq!(desk.noted(), ["call 1"]);
    assert_eq!(request(&desk, &vm, 2), (4, vec![]));
    desk.answer(&vm, 1, "");
    assert_eq!(desk.noted(), ["2: continue HttpRequest"]);
}

#[test]
fn the_host_calls_a_function_of_the_plugin() {
    let (desk, vm) = started("");
    desk.body.replace(b"data".to_vec());
    let event = Event::ForeignFunction { function: 9 };
    vm.on_event(ROOT, event);
    assert_eq!(desk.noted(), ["log function 9 Ok(\\\"data\\\")"]);
}

#[test]
fn a_plugin_that_ends_at_once_is_done() {
    let (desk, vm) = started("");
    assert!(vm.on_done(ROOT));
    assert_eq!(desk.noted(), ["log stopped"]);
}

#[test]
fn a_plugin_that_lingers_says_when_it_is_done() {
    let (desk, vm) = started("linger");
    assert!(!vm.on_done(ROOT));
    desk.pass(&vm, ROOT, 20);
    assert_eq!(desk.noted(), ["log stopped", "1: done"]);
    vm.on_delete(ROOT);
    assert_eq!((vm.contexts(), vm.tasks()), (0, 0));
}

#[test]
fn contexts_that_are_not_known_are_done() {
    let (_desk, vm) = started("");
    assert!(vm.on_done(77));
}

#[test]
fn tasks_end_with_their_plugin() {
    let (desk, vm) = started("beat");
    assert_eq!(vm.tasks(), 1);
    vm.on_delete(ROOT);
    desk.noted();
    desk.pass(&vm, ROOT, 100);
    assert_eq!((vm.tasks(), desk.noted()), (0, vec![]));
}
