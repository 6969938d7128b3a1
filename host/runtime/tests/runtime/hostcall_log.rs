//! The log line of a refused hostcall.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{on_request_headers, start};

thread_local! {
    /// What was logged on this thread, which is one test's.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes each event of the target as one text.
///
/// It serves the whole process: a subscriber of one thread would race with other tests for what
/// `tracing` remembers of each call site.
struct Lines;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tollgate::hostcall" && *metadata.level() <= Level::DEBUG
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        LINES.with_borrow_mut(|lines| lines.push(text.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn lines(body: &str) -> Vec<String> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| tracing::subscriber::set_global_default(Lines).unwrap());
    LINES.take();
    start(&on_request_headers(body)).request(&[("a", "b")]);
    LINES.take()
}

#[test]
fn a_refusal_is_one_warning_with_decoded_arguments() {
    let said = lines(
        r#"(drop (call $proxy_get_header_map_value (i32.const 2) @"x-id" (i32.const 256) (i32.const 260)))"#,
    );
    assert_eq!(said.len(), 1, "{said:?}");
    let line = &said[0];
    assert!(
        line.starts_with("WARN hostcall=\"proxy_get_header_map_value\""),
        "{line}"
    );
    let arguments = r#"args=map=HttpResponseHeaders key="x-id" value_ptr=*0x100 value_size=*0x104"#;
    assert!(line.contains(arguments), "{line}");
    assert!(line.contains("status=BadArgument (2)"), "{line}");
    assert!(line.contains("not available in this callback"), "{line}");
    assert!(line.contains("plugin=\"plugin\""), "{line}");
}

#[test]
fn what_is_not_found_is_for_debugging_only() {
    let said = lines(
        r#"(drop (call $proxy_get_header_map_value (i32.const 0) @"none" (i32.const 256) (i32.const 260)))"#,
    );
    assert!(said[0].starts_with("DEBUG "), "{said:?}");
}

#[test]
fn a_success_writes_no_line() {
    assert!(lines(r#"(call $get (i32.const 0) @"a")"#).is_empty());
}

#[test]
fn a_wild_pointer_is_shown_as_a_number() {
    let said = lines("(drop (call $proxy_log (i32.const 2) (i32.const -1) (i32.const 9)))");
    assert!(
        said[0].contains("level=Info message=*0xffffffff+9 (outside memory)"),
        "{said:?}"
    );
}

#[test]
fn a_long_argument_is_cut() {
    let said = lines("(drop (call $proxy_log (i32.const 9) (i32.const 0x10000) (i32.const 70)))");
    assert!(said[0].contains("level=9"), "{said:?}");
    assert!(said[0].contains("… (70 bytes)"), "{said:?}");
}

#[test]
fn a_malformed_map_is_accepted_as_empty_with_a_warning() {
    let said = lines(r#"(drop (call $proxy_set_header_map_pairs (i32.const 0) @"garbage"))"#);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("counts as empty: the map has more than 1024 pairs"),
        "{said:?}"
    );
}
