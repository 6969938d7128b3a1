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
    let (file, line) = info
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    let message = info.payload_as_str().unwrap_or("unknown reason");
    let mut digits = [0; 10];
    let line = decimal(line, &mut digits);
    let start = b"panicked at ".as_slice();
    let text = [
        start,
        file.as_bytes(),
        b":",
        line,
        b": ",
        message.as_bytes(),
    ]
    .concat();
    sys::log(LogLevel::Critical, &text);
}

/// Writes a number without the formatter, at the end of `digits`.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut unused = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        unused -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(unused..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_in_decimal() {
        let text = |number| decimal(number, &mut [0; 10]).to_vec();
        assert_eq!(text(0), b"0");
        assert_eq!(text(1_070), b"1070");
        assert_eq!(text(u32::MAX), b"4294967295");
    }
}
