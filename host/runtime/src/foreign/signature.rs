//! `verify_signature` and `sign`: RSA PKCS #1 v1.5 and ECDSA, by the type of the key.
//!
//! Keys of curves other than P-256 and P-384, RSA keys of more than 8192 bits, and those of more
//! than 4096 for signing, are as undecodable ones here.

use super::guarded;
use super::key::{Hash, PrivateKey, PublicKey};
use super::message::{Message, write_bytes, write_flag};
use crate::hostcalls::Refusal;
use crate::vm::VmState;

const ONE_KEY: Refusal = Refusal::bad_argument("exactly one key is needed, as DER or as PEM");

/// Says whether a signature is that of a text.
pub(super) fn verify(_: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let message = Message::read(arguments)?;
    let (hash, pem) = (message.string(1)?, message.string(5)?.as_bytes());
    let der = message.bytes(2);
    if der.is_empty() == pem.is_empty() {
        return Err(ONE_KEY);
    }
    let (signature, text) = (message.bytes(3), message.bytes(4));
    let outcome = guarded(|| verified(hash, (der, pem), signature, text));
    let error = match outcome {
        Some(Ok(())) => None,
        Some(Err(error)) => Some(error),
        None => Some("Failed to initialize digest verify.".to_owned()),
    };
    let mut result = Vec::new();
    write_flag(1, error.is_none(), &mut result);
    write_bytes(2, error.unwrap_or_default().as_bytes(), &mut result);
    Ok(result)
}

/// A key as DER or as PEM; the other is empty.
type KeyForms<'a> = (&'a [u8], &'a [u8]);

fn verified(
    hash: &str,
    (der, pem): KeyForms<'_>,
    signature: &[u8],
    text: &[u8],
) -> Result<(), String> {
    let hash = Hash::of_name(hash).ok_or_else(|| format!("{hash} is not supported."))?;
    let key = if der.is_empty() {
        PublicKey::of_pem(pem)
    } else {
        PublicKey::of_der(der)
    };
    let key = key.ok_or("Failed to initialize digest verify.")?;
    if key.verifies(hash, text, signature) {
        Ok(())
    } else {
        Err("Failed to verify digest. Error code: 0".to_owned())
    }
}

/// Signs a text.
pub(super) fn sign(state: &mut VmState, arguments: &[u8]) -> Result<Vec<u8>, Refusal> {
    let message = Message::read(arguments)?;
    let (hash, pem) = (message.string(1)?, message.string(4)?.as_bytes());
    let der = message.bytes(2);
    if der.is_empty() == pem.is_empty() {
        return Err(ONE_KEY);
    }
    let mut seed = [0; 32];
    state.services.fill_random(&mut seed);
    let text = message.bytes(3);
    let signed = guarded(|| signature(hash, (der, pem), text, seed));
    let signed = signed.unwrap_or_else(|| Err("Failed to create signature.".to_owned()));
    let mut result = Vec::new();
    write_flag(1, signed.is_ok(), &mut result);
    match signed {
        Ok(signature) => write_bytes(2, &signature, &mut result),
        Err(error) => write_bytes(3, error.as_bytes(), &mut result),
    }
    Ok(result)
}

fn signature(
    hash: &str,
    (der, pem): KeyForms<'_>,
    text: &[u8],
    seed: [u8; 32],
) -> Result<Vec<u8>, String> {
    let hash = Hash::of_name(hash).ok_or_else(|| format!("{hash} is not supported."))?;
    let key = if der.is_empty() {
        PrivateKey::of_pem(pem)
    } else {
        PrivateKey::of_der(der)
    };
    let key = key.ok_or("Invalid key type: private key required for signing operation.")?;
    Ok(key.sign(hash, text, seed)?)
}
