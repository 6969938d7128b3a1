//! Text of guests that call out and wait.

/// A serialized map as the text of a guest's string.
pub(super) fn pairs(entries: &[(&str, &str)]) -> String {
    let mut text = word(entries.len());
    for (name, value) in entries {
        text.push_str(&word(name.len()));
        text.push_str(&word(value.len()));
    }
    for (name, value) in entries {
        text.push_str(&format!("{name}\\00{value}\\00"));
    }
    text
}

fn word(number: usize) -> String {
    let number = u32::try_from(number).expect("a test's text is short");
    number
        .to_le_bytes()
        .map(|byte| format!("\\{byte:02x}"))
        .concat()
}

/// Calls a path of a cluster and says so if that is refused; the token lies at 0x1f0.
pub(super) fn http_call(cluster: &str, path: &str) -> String {
    let headers = pairs(&[
        (":method", "GET"),
        (":path", path),
        (":authority", "side.test"),
    ]);
    format!(
        r#"(if (call $proxy_http_call @"{cluster}" @"{headers}" @"" @"" (i32.const 5000)
             (i32.const 0x1f0)) (then (call $say @"call refused")))"#
    )
}

/// Remembers the stream whose callback runs and calls out to the origin, which must answer before
/// [`resume`] can run. Goes with [`STREAM`].
pub(super) fn wait_for_call() -> String {
    "(global.set $stream (local.get $id))".to_owned() + &http_call("origin", "/side")
}

/// In a callout's callback: acts for the stream that waits and goes on, 0 with the request, 1 with
/// the response.
pub(super) fn resume(direction: u32) -> String {
    format!(
        "(drop (call $proxy_set_effective_context (global.get $stream)))
         (drop (call $proxy_continue_stream (i32.const {direction})))"
    )
}

/// Where a guest keeps the id of the stream that waits.
pub(super) const STREAM: &str = "(global $stream (mut i32) (i32.const 0))\n";
