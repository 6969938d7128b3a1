//! Names that were seen lately: a guest writes the same few headers in every stream.

use std::cell::RefCell;

use http::header::HeaderName;

/// How many a thread keeps, each in the place that its last bytes say.
const PLACES: usize = 64;
/// Longer names are not kept.
const MAX_BYTES: usize = 64;

thread_local! {
    static NAMES: RefCell<[Option<HeaderName>; PLACES]> =
        const { RefCell::new([const { None }; PLACES]) };
}

/// Returns these bytes as a name, if HTTP allows it.
pub(super) fn header_name(bytes: &[u8]) -> Option<HeaderName> {
    with_header_name(bytes, |name| name.cloned())
}

/// Looks at these bytes as a name, which is a copy less. `look` must not ask for another one.
pub(super) fn with_header_name<R>(bytes: &[u8], look: impl FnOnce(Option<&HeaderName>) -> R) -> R {
    NAMES.with_borrow_mut(|names| {
        let Some(place) = names.get_mut(place(bytes)) else {
            return look(None);
        };
        let is_known = |name: &HeaderName| name.as_str().as_bytes() == bytes;
        if place.as_ref().is_some_and(is_known) {
            return look(place.as_ref());
        }
        let name = HeaderName::from_bytes(bytes).ok();
        if name.is_none() || bytes.len() > MAX_BYTES {
            return look(name.as_ref());
        }
        *place = name;
        look(place.as_ref())
    })
}

fn place(bytes: &[u8]) -> usize {
    let short = |end: u64, byte: &u8| end << 8 | u64::from(*byte);
    let end = match bytes.last_chunk() {
        Some(last) => u64::from_le_bytes(*last),
        None => bytes.iter().fold(0, short),
    };
    let mixed = (end ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> 32).unwrap_or_default() % PLACES
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, PLACES, header_name};

    #[test]
    fn a_name_is_what_its_bytes_say_however_often_it_is_asked_for() {
        let long = "n".repeat(MAX_BYTES + 1);
        let many = (0..PLACES * 3).map(|number| format!("x-{number}"));
        let names: Vec<_> = many.chain(["host".to_owned(), long]).collect();
        for _ in 0..3 {
            for name in &names {
                assert_eq!(header_name(name.as_bytes()).unwrap().as_str(), name);
                let upper = name.to_ascii_uppercase();
                assert_eq!(header_name(upper.as_bytes()).unwrap().as_str(), name);
            }
            for illegal in [b"".as_slice(), b"a b", b"\xff", b"a:"] {
                assert_eq!(header_name(illegal), None);
            }
        }
    }
}
