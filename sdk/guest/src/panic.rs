//! The last words of a filter: a panic's message and place, before the VM traps.

use std::panic::PanicHookInfo;

use tollgate_abi::LogLevel;

use crate::sys;

/// Has panics reported to the host's log as critical lines.
pub fn install() {
    std::panic::set_hook(Box::new(report));
}

/// Writes `panicked at file:line: message` without the formatter, which would double a small
/// filter's size.
fn report(info: &PanicHookInfo<'_>) {
    let mut line = Vec::from(b"panicked at ".as_slice());
    if let Some(location) = info.location() {
        line.extend_from_slice(location.file().as_bytes());
        line.push(b':');
        push_decimal(&mut line, location.line());
    }
    line.extend_from_slice(b": ");
    line.extend_from_slice(info.payload_as_str().unwrap_or("unknown reason").as_bytes());
    sys::log(LogLevel::Critical, &line);
}

fn push_decimal(line: &mut Vec<u8>, number: u32) {
    if number >= 10 {
        push_decimal(line, number / 10);
    }
    line.extend(u8::try_from(number % 10).map(|digit| b'0' + digit));
}
