//! Foreign functions of a native filter: those that a test answers, and those that the SDK has a
//! name for.

use tollgate::native::HostResult;
use tollgate_abi::Status;
use tollgate_runtime::{HostServices, HttpHost, LifeSpan, TcpHost};

use super::host::NativeHost;
use super::{BAD_ARGUMENT, NOT_FOUND};

impl NativeHost {
    pub(super) fn call_foreign(&self, name: &[u8], arguments: &[u8]) -> HostResult<Vec<u8>> {
        if let Some(bytes) = self.injected("proxy_call_foreign_function")? {
            return Ok(bytes);
        }
        if let Some(answer) = self.worker.call_foreign_function(name, arguments) {
            return answer.map_err(Status::to_u32);
        }
        match name {
            // These return nothing, and change nothing that a test sees.
            b"clear_route_cache" | b"declare_property" => Ok(Vec::new()),
            b"set_envoy_filter_state" => self.set_filter_state(arguments),
            _ => Err(NOT_FOUND),
        }
    }

    fn set_filter_state(&self, arguments: &[u8]) -> HostResult<Vec<u8>> {
        let (key, value) = key_and_value(arguments).ok_or(BAD_ARGUMENT)?;
        let life = LifeSpan::default();
        let set = match (self.acting(), self.acting_connection()) {
            (Some(entry), _) => entry.stream.set_filter_state(key, value, life),
            (None, Some(entry)) => entry.connection.set_filter_state(key, value, life),
            (None, None) => Err(Status::NotFound),
        };
        set.map(|()| Vec::new()).map_err(Status::to_u32)
    }
}

/// The key and the value of Envoy's `SetEnvoyFilterStateArguments`. Its third field, how long the
/// value lives, makes no difference to one stream.
fn key_and_value(mut message: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: u8 = 0x0a;
    const VALUE: u8 = 0x12;
    const LIFE_SPAN: u8 = 0x18;
    let (mut key, mut value) = (&[][..], &[][..]);
    while let Some((tag, rest)) = message.split_first() {
        let (number, rest) = varint(rest)?;
        message = rest;
        if *tag == KEY || *tag == VALUE {
            let text;
            (text, message) = rest.split_at_checked(number)?;
            *(if *tag == KEY { &mut key } else { &mut value }) = text;
        } else if *tag != LIFE_SPAN {
            return None;
        }
    }
    Some((key, value))
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number: usize = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::key_and_value;

    #[test]
    fn the_message_is_read_and_others_are_refused() {
        let message = b"\x0a\x03key\x12\x05value\x18\x02";
        assert_eq!(
            key_and_value(message),
            Some((b"key".as_slice(), b"value".as_slice()))
        );
        let long = [b"\x12\x80\x01".as_slice(), &[7; 128]].concat();
        assert_eq!(
            key_and_value(&long),
            Some((b"".as_slice(), [7; 128].as_slice()))
        );
        for broken in [
            b"\x0a\x04key".as_slice(),
            b"\x0a",
            b"\x0a\xff\xff\xff\xff\x01",
            b"\x22\0",
        ] {
            assert_eq!(key_and_value(broken), None, "{broken:?}");
        }
    }
}
