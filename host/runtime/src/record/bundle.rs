//! `CrashBundle`: a fault as a file, with all that is needed to bring it about again.
//!
//! The file is a line that names the format, the SHA-256 of the rest, and the rest: one protobuf
//! message ([`Content`]) in which the module is a zlib stream.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use prost::Message as _;
use sha2::{Digest as _, Sha256};

use super::recording::{Recording, RequestHead, VmPart};
use super::step::Step;
use crate::{Fault, Fingerprint, Module, SourceFrame, culprit};

/// The first line of every bundle.
const MAGIC: &[u8] = b"tollgate crash bundle 1\n";
/// Largest module that is unpacked.
const MAX_MODULE_BYTES: u64 = 512 * 1024 * 1024;

/// What a bundle holds.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Content {
    #[prost(message, optional, tag = "1")]
    pub(super) fault: Option<FaultPart>,
    #[prost(message, optional, tag = "2")]
    pub(super) vm: Option<VmPart>,
    #[prost(message, optional, tag = "3")]
    pub(super) request: Option<RequestHead>,
    /// Steps of the VM's start and of the configuration of its plugins.
    #[prost(message, repeated, tag = "4")]
    pub(super) start: Vec<Step>,
    /// Steps of the stream, or of the one callback of a root.
    #[prost(message, repeated, tag = "5")]
    pub(super) own: Vec<Step>,
    #[prost(bool, tag = "6")]
    pub(super) has_changed: bool,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) module_sha256: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub(super) module: Vec<u8>,
    /// The version of Tollgate that wrote it.
    #[prost(string, tag = "9")]
    pub(super) version: String,
}

/// The fault that was met.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct FaultPart {
    #[prost(string, tag = "1")]
    pub(super) plugin: String,
    #[prost(string, tag = "2")]
    pub(super) callback: String,
    #[prost(string, tag = "3")]
    pub(super) kind: String,
    #[prost(string, tag = "4")]
    pub(super) message: String,
    #[prost(string, tag = "5")]
    pub(super) fingerprint: String,
    #[prost(string, tag = "6")]
    pub(super) place: String,
    #[prost(string, tag = "7")]
    pub(super) last_words: String,
    #[prost(string, tag = "8")]
    pub(super) request_id: String,
}

/// Why a file is no bundle that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It begins with something else.
    #[error("it is no crash bundle: it does not begin with `tollgate crash bundle 1`")]
    OtherFormat,
    /// Something is missing or has changed.
    #[error("it is damaged or cut short: its content does not fit its checksum")]
    Damaged,
    /// The content has another form.
    #[error("its content cannot be read: {0}")]
    Unreadable(String),
    /// The module in it is not the one that it names.
    #[error("the module in it is damaged: it does not fit the SHA-256 that the bundle gives")]
    ModuleDamaged,
    /// There is no module in it.
    #[error("there is no module in it; name one by `--module`")]
    NoModule,
}

/// A fault with all that is needed to bring it about again: the module, the configuration, the
/// request and every hostcall's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrashBundle {
    pub(super) content: Content,
}

impl CrashBundle {
    /// Returns the bundle of a fault that was recorded, with its stack as [`Symbols`](crate::Symbols)
    /// resolves it; `None` for a fault that was not.
    #[must_use]
    pub fn of(fault: &Fault, module: &Module, frames: &[SourceFrame]) -> Option<Self> {
        let recording: &Recording = fault.details.recording.as_ref()?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let place = culprit(frames).and_then(SourceFrame::place);
        Some(Self {
            content: Content {
                fault: Some(FaultPart {
                    plugin: fault.plugin.clone(),
                    callback: fault.callback.to_owned(),
                    kind: fault.kind.name().to_owned(),
                    message: fault.message.clone(),
                    fingerprint: Fingerprint::new(fault, frames).to_string(),
                    place: text(&place),
                    last_words: text(&fault.details.last_words),
                    request_id: text(&fault.details.request_id),
                }),
                vm: Some(recording.vm.clone()),
                request: Some(recording.head.clone()),
                start: recording.start.to_vec(),
                own: recording.own.clone(),
                has_changed: recording.has_changed,
                module_sha256: digest(module.bytes()).to_vec(),
                module: pack(module.bytes()),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        })
    }

    /// Returns the bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(&self.content.encode_to_vec())
    }

    /// Returns a file with any content, which a fuzzer would not find the checksum of.
    #[cfg(fuzzing)]
    #[must_use]
    pub fn seal(content: &[u8]) -> Vec<u8> {
        sealed(content)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When the bytes are no bundle, or not a whole one.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(BundleError::OtherFormat)?;
        let (checksum, content) = rest.split_first_chunk().ok_or(BundleError::Damaged)?;
        if *checksum != digest(content) {
            return Err(BundleError::Damaged);
        }
        let content =
            Content::decode(content).map_err(|error| BundleError::Unreadable(error.to_string()))?;
        Ok(Self { content })
    }

    /// Returns the module that the fault happened in.
    ///
    /// # Errors
    ///
    /// When it is not there or not whole.
    pub fn module(&self) -> Result<Bytes, BundleError> {
        let Content {
            module,
            module_sha256,
            ..
        } = &self.content;
        if module.is_empty() {
            return Err(BundleError::NoModule);
        }
        let mut bytes = Vec::new();
        let mut decoder = ZlibDecoder::new(module.as_slice()).take(MAX_MODULE_BYTES);
        let is_whole = decoder.read_to_end(&mut bytes).is_ok();
        if !is_whole || digest(&bytes) != module_sha256.as_slice() {
            return Err(BundleError::ModuleDamaged);
        }
        Ok(bytes.into())
    }

    /// Returns whether these are the bytes of the module that the fault happened in.
    #[must_use]
    pub fn is_of(&self, module: &[u8]) -> bool {
        digest(module) == self.content.module_sha256.as_slice()
    }

    /// Returns the fault's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        self.fault().map_or("", |fault| &fault.fingerprint)
    }

    /// Returns whether the guest had done more than what is in the bundle: served other streams in
    /// the same VM, or had ticks and other callbacks of its root after it was configured. If the
    /// fault needs that, a replay does not bring it about.
    #[must_use]
    pub const fn has_more_behind_it(&self) -> bool {
        self.content.has_changed
    }

    /// Returns the request's headers as the plugin's first callback met them.
    pub fn request_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let headers = self.content.request.iter().flat_map(|head| &head.headers);
        headers.map(|pair| (pair.name.as_slice(), pair.value.as_slice()))
    }

    /// Returns one line about the fault.
    #[must_use]
    pub fn summary(&self) -> String {
        let Some(fault) = self.fault() else {
            return "no fault".to_owned();
        };
        let mut text = format!(
            "plugin {:?}, function {} failed: {}",
            fault.plugin, fault.callback, fault.message
        );
        for (name, value) in [
            ("at", &fault.place),
            ("request", &fault.request_id),
            ("fault", &fault.fingerprint),
        ] {
            if !value.is_empty() {
                text.push_str(&format!(", {name} {value}"));
            }
        }
        text
    }

    pub(super) const fn fault(&self) -> Option<&FaultPart> {
        self.content.fault.as_ref()
    }
}

fn sealed(content: &[u8]) -> Vec<u8> {
    [MAGIC, &digest(content), content].concat()
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn pack(module: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(module).and_then(|()| encoder.finish());
    // Memory takes everything; without the module the bundle says that it has none.
    packed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{BundleError, Content, CrashBundle, digest, pack};

    fn bundle() -> CrashBundle {
        CrashBundle {
            content: Content {
                module: pack(b"module"),
                module_sha256: digest(b"module").to_vec(),
                version: "1".to_owned(),
                ..Content::default()
            },
        }
    }

    #[test]
    fn a_bundle_is_read_as_it_was_written() {
        let read = CrashBundle::read(&bundle().to_bytes()).unwrap();
        assert_eq!(read, bundle());
        assert_eq!(&read.module().unwrap()[..], b"module");
        assert!(read.is_of(b"module"));
    }

    #[test]
    fn a_bundle_that_is_cut_or_changed_anywhere_is_refused() {
        let bytes = bundle().to_bytes();
        for len in 0..bytes.len() {
            assert!(CrashBundle::read(&bytes[..len]).is_err(), "{len}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(CrashBundle::read(&changed).is_err(), "{at}");
        }
    }

    #[test]
    fn a_module_that_does_not_fit_its_hash_is_refused() {
        let mut damaged = bundle();
        damaged.content.module_sha256 = digest(b"other").to_vec();
        assert_eq!(damaged.module(), Err(BundleError::ModuleDamaged));
        damaged.content.module = Vec::new();
        assert_eq!(damaged.module(), Err(BundleError::NoModule));
    }
}
