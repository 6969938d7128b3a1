//! Keys: RSA and ECDSA keys as DER and PEM, and what is done with them.

use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p256::elliptic_curve::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use rsa::pkcs8::der::{Decode as _, pem};
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfo, SubjectPublicKeyInfoRef};
use rsa::rand_core::{self, CryptoRng, RngCore};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

/// Largest RSA modulus to verify with.
const MAX_VERIFYING_BITS: usize = 8192;
/// Largest RSA modulus to sign with: one of twice the size takes eight times as long.
const MAX_SIGNING_BITS: usize = 4096;
/// Most bytes of a key: an RSA key of the largest size has 5 KB as DER and 7 KB as PEM.
const MAX_KEY_BYTES: usize = 16 * 1024;
/// Bytes of a hash that a curve takes.
const P256_BYTES: usize = 32;
const P384_BYTES: usize = 48;
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A hash function by its name, in any case.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    fn digest(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha224 => Sha224::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha384 => Sha384::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
        }
    }

    fn rsa_scheme(self) -> Pkcs1v15Sign {
        match self {
            Self::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
            Self::Sha224 => Pkcs1v15Sign::new::<Sha224>(),
            Self::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Self::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Self::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }

    /// Zeros in front leave the number that a curve makes of a short hash as it is; the library
    /// refuses hashes much shorter than the curve without them.
    fn curve_digest(self, text: &[u8], curve_bytes: usize) -> Vec<u8> {
        let digest = self.digest(text);
        let zeros = curve_bytes.saturating_sub(digest.len());
        [vec![0; zeros], digest].concat()
    }
}

/// A key that verifies.
#[derive(Debug)]
pub(super) enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_KEY_BYTES {
            return None;
        }
        let rsa = || rsa_public_key(der).map(Self::Rsa);
        let p256 = || p256::ecdsa::VerifyingKey::from_public_key_der(der).ok();
        let p384 = || p384::ecdsa::VerifyingKey::from_public_key_der(der).ok();
        rsa()
            .or_else(|| p256().map(Self::P256))
            .or_else(|| p384().map(Self::P384))
    }

    /// Reads the first `PUBLIC KEY` block.
    pub(super) fn of_pem(text: &[u8]) -> Option<Self> {
        Self::of_der(&pem_block(text, "PUBLIC KEY")?)
    }

    pub(super) fn verifies(&self, hash: Hash, text: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa(key) => key
                .verify(hash.rsa_scheme(), &hash.digest(text), signature)
                .is_ok(),
            Self::P256(key) => p256::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
                let digest = hash.curve_digest(text, P256_BYTES);
                key.verify_prehash(&digest, &signature).is_ok()
            }),
            Self::P384(key) => p384::ecdsa::Signature::from_der(signature).is_ok_and(|signature| {
                let digest = hash.curve_digest(text, P384_BYTES);
                key.verify_prehash(&digest, &signature).is_ok()
            }),
        }
    }
}

fn rsa_public_key(der: &[u8]) -> Option<RsaPublicKey> {
    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    let is_rsa = info.algorithm.oid == rsa::pkcs1::ALGORITHM_OID;
    let bits = info.subject_public_key.as_bytes().filter(|_| is_rsa)?;
    let key = rsa::pkcs1::RsaPublicKey::from_der(bits).ok()?;
    let modulus = BigUint::from_bytes_be(key.modulus.as_bytes());
    let exponent = BigUint::from_bytes_be(key.public_exponent.as_bytes());
    RsaPublicKey::new_with_max_size(modulus, exponent, MAX_VERIFYING_BITS).ok()
}

/// A key that signs.
pub(super) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    /// A key that takes no hash function.
    Hashless,
}

impl PrivateKey {
    /// Reads a PKCS #8 key.
    pub(super) fn of_der(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_KEY_BYTES {
            return None;
        }
        let info = PrivateKeyInfo::try_from(der).ok()?;
        if info.algorithm.oid == rsa::pkcs1::ALGORITHM_OID {
            return Self::of_pkcs1(info.private_key);
        }
        if info.algorithm.oid == ED25519 {
            return Some(Self::Hashless);
        }
        let p256 = || p256::ecdsa::SigningKey::from_pkcs8_der(der).ok();
        let p384 = || p384::ecdsa::SigningKey::from_pkcs8_der(der).ok();
        p256().map(Self::P256).or_else(|| p384().map(Self::P384))
    }

    /// Reads the first block with a key, of whichever of the usual forms.
    pub(super) fn of_pem(text: &[u8]) -> Option<Self> {
        pem_block(text, "PRIVATE KEY")
            .and_then(|der| Self::of_der(&der))
            .or_else(|| Self::of_pkcs1(&pem_block(text, "RSA PRIVATE KEY")?))
            .or_else(|| Self::of_sec1(&pem_block(text, "EC PRIVATE KEY")?))
    }

    fn of_pkcs1(der: &[u8]) -> Option<Self> {
        let key = rsa::pkcs1::RsaPrivateKey::from_der(der).ok()?;
        let parts = [
            key.modulus,
            key.public_exponent,
            key.private_exponent,
            key.prime1,
            key.prime2,
        ]
        .map(|part| BigUint::from_bytes_be(part.as_bytes()));
        if parts.iter().any(|part| part.bits() > MAX_SIGNING_BITS) {
            return None;
        }
        let [modulus, public, private, first, second] = parts;
        let key = RsaPrivateKey::from_components(modulus, public, private, vec![first, second]);
        key.ok().map(|key| Self::Rsa(Box::new(key)))
    }

    fn of_sec1(der: &[u8]) -> Option<Self> {
        let p256 = || p256::SecretKey::from_sec1_der(der).ok();
        let p384 = || p384::SecretKey::from_sec1_der(der).ok();
        p256()
            .map(|key| Self::P256(key.into()))
            .or_else(|| p384().map(|key| Self::P384(key.into())))
    }

    /// Signs; `Err` says why in Envoy's words.
    pub(super) fn sign(
        &self,
        hash: Hash,
        text: &[u8],
        seed: [u8; 32],
    ) -> Result<Vec<u8>, &'static str> {
        const UNSIGNED: &str = "Failed to create signature.";
        match self {
            Self::Rsa(key) => key
                .sign_with_rng(
                    &mut Blinding::new(seed),
                    hash.rsa_scheme(),
                    &hash.digest(text),
                )
                .map_err(|_| UNSIGNED),
            Self::P256(key) => {
                let signature: Result<p256::ecdsa::Signature, _> =
                    key.sign_prehash(&hash.curve_digest(text, P256_BYTES));
                signature
                    .map(|signature| signature.to_der().as_bytes().to_vec())
                    .map_err(|_| UNSIGNED)
            }
            Self::P384(key) => {
                let signature: Result<p384::ecdsa::Signature, _> =
                    key.sign_prehash(&hash.curve_digest(text, P384_BYTES));
                signature
                    .map(|signature| signature.to_der().as_bytes().to_vec())
                    .map_err(|_| UNSIGNED)
            }
            Self::Hashless => Err("Invalid private key: key data is corrupted or malformed."),
        }
    }
}

/// Returns what the first block of this label holds.
fn pem_block(text: &[u8], label: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    if text.len() > MAX_KEY_BYTES {
        return None;
    }
    let (begin, end) = (
        format!("-----BEGIN {label}-----"),
        format!("-----END {label}-----"),
    );
    let (_, rest) = text.split_once(&begin)?;
    let (body, _) = rest.split_once(&end)?;
    let block = format!("{begin}{body}{end}\n");
    pem::decode_vec(block.as_bytes()).ok().map(|(_, der)| der)
}

/// Numbers that hide from a clock how long RSA takes with the key. They come from the host's
/// entropy by way of a hash, so that they differ even when that has failed.
struct Blinding {
    seed: [u8; 32],
    counter: u64,
}

impl Blinding {
    const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }
}

impl RngCore for Blinding {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for part in out.chunks_mut(32) {
            self.counter = self.counter.wrapping_add(1);
            let block = Sha256::new()
                .chain_update(self.seed)
                .chain_update(self.counter.to_le_bytes())
                .finalize();
            for (to, from) in part.iter_mut().zip(block) {
                *to = from;
            }
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Blinding {}
