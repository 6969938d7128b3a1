//! Bodies that a handler reads part by part: what passes, what is held, and how it ends.

use std::rc::Rc;
use std::time::Duration;

use tollgate::native::{Event, Part, Vm};
use tollgate::prelude::*;
use tollgate::{http, task};

use crate::desk::{Desk, host};

const ROOT: u32 = 1;
const STREAM: u32 = 2;
const PASS: u32 = 0;
const HOLD: u32 = 2;

struct Reader;

impl Plugin for Reader {
    const NAME: &'static str = "reader";
    type Config = ();

    async fn start((): (), _cx: &PluginCx) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

#[http_filter]
impl HttpFilter for Reader {
    type State = ();
    const REQUEST_BODY: BodyAccess = BodyAccess::rewrite_chunks();

    async fn request_body(&self, ex: &mut Exchange<()>) -> Result<(), Reject> {
        while let Some(mut chunk) = ex.next_chunk().await? {
            log::info!("{} {}", chunk.escape_ascii(), chunk.is_last());
            match chunk.as_bytes() {
                b"ask" => drop(http::get("a", "/").send().await?),
                b"race" => {
                    let pause = task::sleep(Duration::from_millis(10));
                    let won = task::select(ex.next_chunk(), pause).await;
                    log::info!("{}", matches!(won, task::Either::First(Ok(Some(_)))));
                    drop(http::get("a", "/").send().await?);
                }
                b"enough" => return Ok(()),
                b"no" => return Err(Reject::new(403)),
                _ => {}
            }
            if chunk.replace("seen").is_err() {
                log::info!("late");
            }
        }
        log::info!("end");
        Ok(())
    }

    async fn response(&self, _ex: &mut Exchange<()>) -> Result<(), Reject> {
        log::info!("response");
        Ok(())
    }
}

/// A plugin with a request whose headers have come.
fn started() -> (Rc<Desk>, Vm) {
    let desk = Desk::new();
    let vm = Vm::new::<Reader>(host(&desk));
    vm.on_context_create(ROOT, 0);
    assert!(vm.on_configure(ROOT));
    vm.on_context_create(STREAM, ROOT);
    let headers = Event::RequestHeaders(Part::new(0, false));
    assert_eq!(vm.on_event(STREAM, headers), PASS);
    (desk, vm)
}

fn send(desk: &Desk, vm: &Vm, part: &str, is_last: bool) -> u32 {
    desk.body.replace(part.as_bytes().to_vec());
    vm.on_event(STREAM, Event::RequestBody(Part::new(part.len(), is_last)))
}

#[test]
fn parts_pass_as_they_are_read() {
    let (desk, vm) = started();
    assert_eq!(send(&desk, &vm, "one", false), PASS);
    assert_eq!(send(&desk, &vm, "two", true), PASS);
    let noted = [
        "log one false",
        "instead: seen",
        "log two true",
        "instead: seen",
        "log end",
    ];
    assert_eq!(desk.noted(), noted);
    assert_eq!(
        vm.on_event(STREAM, Event::ResponseHeaders(Part::new(0, true))),
        PASS
    );
    assert_eq!(desk.noted(), ["log response"]);
}

#[test]
fn what_comes_while_the_handler_asks_is_held_and_read_as_one() {
    let (desk, vm) = started();
    assert_eq!(send(&desk, &vm, "ask", false), HOLD);
    assert_eq!(send(&desk, &vm, "two ", false), HOLD);
    assert_eq!(send(&desk, &vm, "three", false), HOLD);
    assert_eq!(desk.noted(), ["log ask false", "call 1"]);
    desk.answer(&vm, 1, "");
    let noted = [
        "log late",
        "log two three false",
        "log late",
        "2: continue HttpRequest",
    ];
    assert_eq!(desk.noted(), noted);
    assert_eq!(send(&desk, &vm, "four", false), PASS);
    assert_eq!(desk.noted(), ["log four false", "instead: seen"]);
}

#[test]
fn trailers_end_a_body() {
    let (desk, vm) = started();
    assert_eq!(send(&desk, &vm, "one", false), PASS);
    assert_eq!(vm.on_event(STREAM, Event::RequestTrailers), PASS);
    assert_eq!(desk.noted(), ["log one false", "instead: seen", "log end"]);
    let (desk, vm) = started();
    send(&desk, &vm, "ask", false);
    assert_eq!(
        vm.on_event(STREAM, Event::RequestTrailers),
        1,
        "they are held"
    );
    desk.answer(&vm, 1, "");
    let noted = [
        "log ask false",
        "call 1",
        "log late",
        "log end",
        "2: continue HttpRequest",
    ];
    assert_eq!(desk.noted(), noted);
}

#[test]
fn a_part_that_is_awaited_no_more_is_held() {
    let (desk, vm) = started();
    assert_eq!(
        send(&desk, &vm, "race", false),
        PASS,
        "the next part is awaited as well"
    );
    desk.pass(&vm, ROOT, 10);
    assert_eq!(desk.noted(), ["log race false", "log false", "call 1"]);
    assert_eq!(send(&desk, &vm, "more", false), HOLD);
    desk.answer(&vm, 1, "");
    let noted = [
        "log late",
        "log more false",
        "log late",
        "2: continue HttpRequest",
    ];
    assert_eq!(desk.noted(), noted);
}

#[test]
fn what_a_handler_does_not_read_passes() {
    let (desk, vm) = started();
    assert_eq!(send(&desk, &vm, "enough", false), PASS);
    assert_eq!(send(&desk, &vm, "more", false), PASS);
    assert_eq!(vm.on_event(STREAM, Event::RequestTrailers), PASS);
    assert_eq!(desk.noted(), ["log enough false"]);
}

#[test]
fn a_handler_ends_the_request_in_the_midst_of_its_body() {
    let (desk, vm) = started();
    assert_eq!(send(&desk, &vm, "one", false), PASS);
    assert_eq!(send(&desk, &vm, "no", false), HOLD);
    let noted = [
        "log one false",
        "instead: seen",
        "log no false",
        "0: reply 403",
    ];
    assert_eq!(desk.noted(), noted);
}

#[test]
fn an_early_response_ends_the_reading() {
    let (desk, vm) = started();
    send(&desk, &vm, "ask", false);
    let _noted = desk.noted();
    assert_eq!(
        vm.on_event(STREAM, Event::ResponseHeaders(Part::new(0, false))),
        PASS
    );
    assert_eq!(desk.noted(), ["0: continue HttpRequest", "log response"]);
    assert_eq!(send(&desk, &vm, "more", true), PASS);
    desk.answer(&vm, 1, "");
    assert_eq!(desk.noted(), Vec::<String>::new());
    vm.on_delete(STREAM);
    assert_eq!((vm.contexts(), vm.callouts()), (1, 0));
}
