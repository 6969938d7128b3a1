//! `verify_signature` and `sign`.

use crate::{both, call, field, requested};

const TEXT: &[u8] = b"signed text";
const RSA: &[u8] = include_bytes!("keys/rsa.der");
const RSA_PEM: &[u8] = include_bytes!("keys/rsa.pem");
const RSA_PKCS1: &[u8] = include_bytes!("keys/rsa.pkcs1.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa.public.der");
const RSA_PUBLIC_PEM: &[u8] = include_bytes!("keys/rsa.public.pem");
const RSA_SHA256: &[u8] = include_bytes!("keys/rsa.sha256");
const RSA_SHA1: &[u8] = include_bytes!("keys/rsa.sha1");
const P256: &[u8] = include_bytes!("keys/p256.pem");
const P256_SEC1: &[u8] = include_bytes!("keys/p256.sec1.pem");
const P256_PUBLIC: &[u8] = include_bytes!("keys/p256.public.der");
const P256_SHA512: &[u8] = include_bytes!("keys/p256.sha512");
const P384: &[u8] = include_bytes!("keys/p384.pem");
const P384_PUBLIC: &[u8] = include_bytes!("keys/p384.public.der");
const P384_SHA1: &[u8] = include_bytes!("keys/p384.sha1");
const ED25519: &[u8] = include_bytes!("keys/ed25519.der");
const ED25519_PUBLIC: &[u8] = include_bytes!("keys/ed25519.public.der");

/// Arguments of `verify_signature` with a key as DER.
fn signed(hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    let key = field(2, key);
    [
        field(1, hash.as_bytes()),
        key,
        field(3, signature),
        field(4, text),
    ]
    .concat()
}

/// Arguments of `sign` with a key in this field.
fn to_sign(hash: &str, (tag, key): (u8, &[u8])) -> Vec<u8> {
    [field(1, hash.as_bytes()), field(tag, key), field(3, TEXT)].concat()
}

#[test]
fn signatures_are_verified_by_the_type_of_the_key() {
    both(
        "verify_signature",
        "rsa=0 \"\\x08\\x01\"\n\
         rsa pem=0 \"\\x08\\x01\"\n\
         rsa sha1=0 \"\\x08\\x01\"\n\
         p256=0 \"\\x08\\x01\"\n\
         p384=0 \"\\x08\\x01\"\n\
         other text=0 \"\\x12&Failed to verify digest. Error code: 0\"\n\
         other hash=0 \"\\x12&Failed to verify digest. Error code: 0\"",
        |host| {
            let pem = [
                field(1, b"sha256"),
                field(5, RSA_PUBLIC_PEM),
                field(3, RSA_SHA256),
                field(4, TEXT),
            ];
            let verify = |label, arguments: Vec<u8>| call(label, "verify_signature", &arguments);
            let body = [
                verify("rsa", signed("sha256", RSA_PUBLIC, RSA_SHA256, TEXT)),
                verify("rsa pem", pem.concat()),
                verify("rsa sha1", signed("SHA1", RSA_PUBLIC, RSA_SHA1, TEXT)),
                verify("p256", signed("sha512", P256_PUBLIC, P256_SHA512, TEXT)),
                verify("p384", signed("sha1", P384_PUBLIC, P384_SHA1, TEXT)),
                verify(
                    "other text",
                    signed("sha256", RSA_PUBLIC, RSA_SHA256, b"text"),
                ),
                verify("other hash", signed("sha512", RSA_PUBLIC, RSA_SHA256, TEXT)),
            ];
            requested(host, &body.concat())
        },
    );
}

#[test]
fn what_cannot_be_verified_says_why() {
    both(
        "verify_signature",
        "hash=0 \"\\x12\\x15md5 is not supported.\"\n\
         key=0 \"\\x12#Failed to initialize digest verify.\"\n\
         pem=0 \"\\x12#Failed to initialize digest verify.\"\n\
         ed25519=0 \"\\x12#Failed to initialize digest verify.\"\n\
         two keys=2\n\
         no key=2\n\
         no message=2",
        |host| {
            let pem = [field(1, b"sha256"), field(5, b"-----BEGIN PUBLIC KEY-----")];
            let verify = |label, arguments: Vec<u8>| call(label, "verify_signature", &arguments);
            let rsa = signed("sha256", RSA_PUBLIC, RSA_SHA256, TEXT);
            let body = [
                verify("hash", signed("md5", RSA_PUBLIC, RSA_SHA256, TEXT)),
                verify("key", signed("sha256", b"no key", RSA_SHA256, TEXT)),
                verify("pem", pem.concat()),
                verify("ed25519", signed("sha256", ED25519_PUBLIC, &[7; 64], TEXT)),
                verify("two keys", [rsa, field(5, RSA_PUBLIC_PEM)].concat()),
                verify("no key", signed("sha256", b"", RSA_SHA256, TEXT)),
                verify("no message", b"\x0a\x7f".to_vec()),
            ];
            requested(host, &body.concat())
        },
    );
}

#[test]
fn rsa_signatures_are_the_same_everywhere() {
    both("sign", "der=1\npem=1\npkcs1=1", |host| {
        let expected = [b"\x08\x01\x12\x80\x02".as_slice(), RSA_SHA256].concat();
        let body = [
            ("der", (2, RSA)),
            ("pem", (4, RSA_PEM)),
            ("pkcs1", (4, RSA_PKCS1)),
        ]
        .map(|(label, key)| call(label, "sign", &to_sign("sha256", key)));
        let reports = requested(host, &body.concat());
        let shown: String = expected.iter().map(|byte| shown(*byte)).collect();
        reports
            .lines()
            .map(|line| {
                let (label, value) = line.split_once('=').expect("a report has a label");
                format!("{label}={}", u8::from(value == format!("0 \"{shown}\"")))
            })
            .collect::<Vec<_>>()
            .join("\n")
    });
}

/// A byte as guests report it.
fn shown(byte: u8) -> String {
    match byte {
        b'\\' => "\\\\".to_owned(),
        32..=126 => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

#[test]
fn ecdsa_keys_sign_and_what_cannot_be_signed_says_why() {
    both(
        "sign",
        "p256=0\np256 sec1=0\np384=0\n\
         hash=0 \"\\x1a\\x15md5 is not supported.\"\n\
         key=0 \"\\x1a=Invalid key type: private key required for signing operation.\"\n\
         public=0 \"\\x1a=Invalid key type: private key required for signing operation.\"\n\
         ed25519=0 \"\\x1a8Invalid private key: key data is corrupted or malformed.\"\n\
         two keys=2\nno key=2\nno message=2",
        |host| {
            let sign = |label, arguments: Vec<u8>| call(label, "sign", &arguments);
            let body = [
                sign("p256", to_sign("sha256", (4, P256))),
                sign("p256 sec1", to_sign("sha512", (4, P256_SEC1))),
                sign("p384", to_sign("sha1", (4, P384))),
                sign("hash", to_sign("md5", (2, RSA))),
                sign("key", to_sign("sha256", (2, b"no key"))),
                sign("public", to_sign("sha256", (4, RSA_PUBLIC_PEM))),
                sign("ed25519", to_sign("sha256", (2, ED25519))),
                sign(
                    "two keys",
                    [to_sign("sha256", (2, RSA)), field(4, RSA_PEM)].concat(),
                ),
                sign("no key", to_sign("sha256", (2, b""))),
                sign("no message", b"\x0a\x7f".to_vec()),
            ];
            let reports = requested(host, &body.concat());
            // A signature by an elliptic curve is another each time; its first bytes say it is one.
            let is_signature =
                |line: &str| line.starts_with('p') && line.contains("0 \"\\x08\\x01\\x12");
            let short = reports.lines().map(|line| match line.split_once(" \"") {
                Some((status, _)) if is_signature(line) => status,
                _ => line,
            });
            short.collect::<Vec<_>>().join("\n")
        },
    );
}
