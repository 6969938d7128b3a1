//! Names that were seen lately: a guest writes the same few headers in every stream.

use std::cell::RefCell;

use http::header::HeaderName;

/// How many a thread keeps, each in the place that its bytes say.
const PLACES: usize = 64;
/// Longer names are not kept.
const MAX_BYTES: usize = 64;

thread_local! {
    static NAMES: RefCell<[Option<HeaderName>; PLACES]> =
        const { RefCell::new([const { None }; PLACES]) };
}

/// Returns these bytes as a name, if HTTP allows it.
pub(super) fn header_name(bytes: &[u8]) -> Option<HeaderName> {
    NAMES.with_borrow_mut(|names| {
        let place = names.get_mut(place(bytes))?;
        if let Some(known) = place
            .as_ref()
            .filter(|known| known.as_str().as_bytes() == bytes)
        {
            return Some(known.clone());
        }
        let name = HeaderName::from_bytes(bytes).ok()?;
        if bytes.len() <= MAX_BYTES {
            *place = Some(name.clone());
        }
        Some(name)
    })
}

fn place(bytes: &[u8]) -> usize {
    let mix = |hash: usize, byte: &u8| hash.wrapping_mul(31).wrapping_add(usize::from(*byte));
    bytes.iter().fold(0, mix) % PLACES
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
