//! `compress` and `uncompress`: zlib streams.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use tollgate_abi::Status;

use crate::hostcalls::Refusal;
use crate::vm::VmState;

/// Largest result of `uncompress`. A stream of a kilobyte can stand for a megabyte; a guest that
/// unpacks what clients send would otherwise spend the worker's memory.
const MAX_UNCOMPRESSED: usize = 64 * 1024 * 1024;

/// Returns the arguments as a zlib stream.
pub(super) fn compress(_: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(arguments)
        .and_then(|()| encoder.finish())
        .map_err(|error| failure(&format!("the data cannot be compressed: {error}")))
}

/// Returns what a zlib stream stands for. Bytes behind its end are ignored.
pub(super) fn uncompress(_: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    unpack(arguments, MAX_UNCOMPRESSED)
}

fn unpack(stream: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    let mut decoder = ZlibDecoder::new(stream).take(limit.saturating_add(1) as u64);
    let read = decoder.read_to_end(&mut out);
    read.map_err(|error| failure(&format!("the data is no zlib stream: {error}")))?;
    if out.len() > limit {
        return Err(failure(&format!(
            "the data stands for more than {limit} bytes"
        )));
    }
    Ok(out)
}

fn failure(reason: &str) -> Refusal {
    Refusal::with(Status::SerializationFailure, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use tollgate_abi::Status;

    use super::unpack;

    fn pack(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_stream_is_unpacked_up_to_the_limit() {
        let packed = pack(&[7; 1000]);
        assert!(packed.len() < 100);
        assert_eq!(unpack(&packed, 1000).unwrap(), [7; 1000]);
        assert_eq!(
            unpack(&packed, 999).unwrap_err().status,
            Status::SerializationFailure
        );
        assert_eq!(unpack(&pack(b""), 0).unwrap(), b"");
    }

    #[test]
    fn what_is_behind_the_end_is_ignored_and_what_is_cut_off_is_refused() {
        let mut packed = pack(b"some text");
        packed.extend_from_slice(b"tail");
        assert_eq!(unpack(&packed, 100).unwrap(), b"some text");
        for len in 0..packed.len() - 4 {
            assert!(unpack(&packed[..len], 100).is_err(), "{len}");
        }
    }
}
