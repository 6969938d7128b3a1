//! The known keys, and how a presented one is compared with them.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use tollgate_filter_common::json::{Fault, FromJson, Node};

use crate::expiry::Expiry;
use crate::name::Name;
use crate::recent::Recent;

/// The longest key that is accepted; a longer one is unknown without a look at it.
pub(crate) const MAX_KEY_BYTES: usize = 4096;

/// A SHA-256 in words, which are compared faster than bytes.
type Digest = [u64; 4];

/// A key and who uses it. The key itself is not kept, only its SHA-256 and perhaps its tag.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key {
    digest: Digest,
    /// The key as it was written, until the ring has its tag.
    text: Option<String>,
    /// Who uses the key.
    pub(crate) consumer: Name,
    /// What the consumer belongs to.
    pub(crate) groups: Vec<Name>,
    /// From when the key is refused.
    pub(crate) expires: Option<Expiry>,
}

// A digest of a weak key gives the key away, so that it is not for logs either.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}

impl FromJson for Key {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["key", "sha256", "consumer", "groups", "expires"])?;
        let (digest, text) = match (object.member("key"), object.member("sha256")) {
            (Some(key), None) => {
                let text = checked_text(&key)?;
                (hash(text.as_bytes()), Some(text.to_owned()))
            }
            (None, Some(hex)) => {
                let digest = from_hex(hex.text()?);
                (
                    digest.ok_or_else(|| hex.fault("must be 64 hexadecimal digits"))?,
                    None,
                )
            }
            _ => return Err(node.fault("takes either `key` or `sha256`")),
        };
        Ok(Self {
            digest,
            text,
            consumer: object.required("consumer")?,
            groups: object.or("groups", Vec::new())?,
            expires: object.optional("expires")?,
        })
    }
}

// No message repeats a key: messages end up in logs.
fn checked_text<'n>(key: &Node<'n>) -> Result<&'n str, Fault> {
    let text = key.text()?;
    if text.is_empty() || text.len() > MAX_KEY_BYTES {
        return Err(key.fault(&format!("must have 1 to {MAX_KEY_BYTES} bytes")));
    }
    Ok(text)
}

fn hash(key: &[u8]) -> Digest {
    words(Sha256::digest(key).into())
}

fn words(bytes: [u8; 32]) -> Digest {
    let mut digest = [0; 4];
    for (word, bytes) in digest.iter_mut().zip(bytes.chunks(8)) {
        *word = bytes
            .iter()
            .fold(0, |word, byte| (word << 8) | u64::from(*byte));
    }
    digest
}

fn from_hex(hex: &str) -> Option<Digest> {
    let mut digest = [0; 4];
    if hex.len() != 64 {
        return None;
    }
    for (word, digits) in digest.iter_mut().zip(hex.as_bytes().chunks(16)) {
        for digit in digits {
            let value = char::from(*digit).to_digit(16)?;
            *word = (*word << 4) | u64::from(value);
        }
    }
    Some(digest)
}

/// Makes a secret of everything that is secret here.
fn secret(keys: &[Key]) -> [u64; 2] {
    let mut all = Sha256::new();
    for word in keys.iter().flat_map(|key| key.digest) {
        all.update(word.to_be_bytes());
    }
    let [first, second, ..] = words(all.finalize().into());
    [first, second]
}

/// Says whether two digests are the same, in the same time whether they are or not.
fn is_same(one: &Digest, other: &Digest) -> Choice {
    let mut difference = 0;
    for (one, other) in one.iter().zip(other) {
        difference |= one ^ other;
    }
    difference.ct_eq(&0)
}

/// All known keys.
pub(crate) struct KeyRing {
    keys: Vec<Key>,
    recent: Recent,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Takes the keys, or returns the positions of two that are the same. Keys that are written out
    /// are remembered as if they had been found, so that even an instance that serves one stream
    /// finds them without SHA-256.
    ///
    /// # Errors
    ///
    /// When a key is there twice: whose is it?
    pub(crate) fn new(mut keys: Vec<Key>) -> Result<Self, (usize, usize)> {
        for (second, key) in keys.iter().enumerate() {
            let mut before = keys.iter().take(second);
            if let Some(first) = before.position(|other| other.digest == key.digest) {
                return Err((first, second));
            }
        }
        let recent = Recent::new(secret(&keys));
        for (position, key) in keys.iter_mut().enumerate() {
            if let Some(text) = key.text.take() {
                recent.remember(recent.tag(text.as_bytes()), position);
            }
        }
        Ok(Self { keys, recent })
    }

    /// Returns the key that was presented, if it is known.
    pub(crate) fn find(&self, presented: &[u8]) -> Option<&Key> {
        if presented.len() > MAX_KEY_BYTES {
            return None;
        }
        let tag = self.recent.tag(presented);
        let position = match self.recent.position(tag) {
            Some(position) => position,
            None => {
                let position = self.search(presented)?;
                self.recent.remember(tag, position);
                position
            }
        };
        self.keys.get(position)
    }

    /// Returns the position of a key.
    ///
    /// It takes the same time whether and where the key is found: the digest is compared with
    /// every known one to its end.
    fn search(&self, presented: &[u8]) -> Option<usize> {
        let digest = hash(presented);
        let mut found = 0_u32;
        for (position, key) in (1_u32..).zip(&self.keys) {
            found.conditional_assign(&position, is_same(&key.digest, &digest));
        }
        usize::try_from(found).ok()?.checked_sub(1)
    }

    /// Returns all keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, KeyRing};
    use tollgate_filter_common::json::read;

    fn ring(json: &str) -> KeyRing {
        let keys: Vec<Key> = read(json.as_bytes()).unwrap();
        KeyRing::new(keys).unwrap()
    }

    fn fault(json: &str) -> String {
        read::<Key>(json.as_bytes()).unwrap_err().to_string()
    }

    // printf s3cret | sha256sum
    const S3CRET: &str = "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0";

    #[test]
    fn a_key_is_found_by_its_text_or_its_hash() {
        let ring = ring(&format!(
            r#"[{{"key": "plain", "consumer": "a"}}, {{"sha256": "{S3CRET}", "consumer": "b"}},
                {{"key": "third", "consumer": "c"}}]"#
        ));
        let consumer = |key: &str| ring.find(key.as_bytes()).map(|key| key.consumer.as_str());
        assert_eq!(consumer("plain"), Some("a"));
        assert_eq!(consumer("s3cret"), Some("b"));
        assert_eq!(consumer("third"), Some("c"));
        for unknown in ["", "plai", "plain ", "PLAIN", S3CRET, &"x".repeat(5000)] {
            assert_eq!(consumer(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn only_a_key_that_is_written_out_is_remembered_at_once() {
        let ring = ring(&format!(
            r#"[{{"key": "plain", "consumer": "a"}}, {{"sha256": "{S3CRET}", "consumer": "b"}}]"#
        ));
        let position = |key: &str| ring.recent.position(ring.recent.tag(key.as_bytes()));
        assert_eq!((position("plain"), position("s3cret")), (Some(0), None));
        ring.find(b"s3cret").unwrap();
        assert_eq!(position("s3cret"), Some(1));
        assert!(ring.keys.iter().all(|key| key.text.is_none()));
    }

    #[test]
    fn a_key_is_nowhere_in_what_is_printed() {
        let ring = ring(r#"[{"key": "plain", "consumer": "a"}]"#);
        let printed = format!("{ring:?}");
        assert!(
            !printed.contains("plain") && !printed.contains("digest"),
            "{printed}"
        );
    }

    #[test]
    fn the_same_key_twice_is_refused() {
        let json = format!(
            r#"[{{"key": "x", "consumer": "a"}}, {{"key": "s3cret", "consumer": "a"}},
                {{"sha256": "{S3CRET}", "consumer": "b"}}]"#
        );
        let keys: Vec<Key> = read(json.as_bytes()).unwrap();
        assert_eq!(KeyRing::new(keys).unwrap_err(), (1, 2));
    }

    #[test]
    fn a_key_is_given_in_one_way() {
        let two = format!(r#"{{"key": "a", "sha256": "{S3CRET}", "consumer": "a"}}"#);
        assert!(fault(&two).contains("either `key` or `sha256`"));
        assert!(fault(r#"{"consumer": "a"}"#).contains("either `key` or `sha256`"));
        assert!(fault(r#"{"key": "", "consumer": "a"}"#).contains("1 to 4096 bytes"));
        assert!(fault(r#"{"sha256": "12", "consumer": "a"}"#).contains("64 hexadecimal"));
        let not_hex = format!(r#"{{"sha256": "{}", "consumer": "a"}}"#, "zé".repeat(22));
        assert!(fault(&not_hex).contains("64 hexadecimal"));
    }
}
