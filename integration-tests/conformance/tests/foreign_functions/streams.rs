//! `compress`, `uncompress` and `clear_route_cache`.

use crate::{RESULT, both, call, call_with, observed, requested};

/// `hello hello hello hello` as zlib writes it.
const HELLO: &[u8] = &[
    0x78, 0x9c, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0x01, 0x68, 0x03, 0x08, 0xb1,
];

#[test]
fn what_is_compressed_can_be_uncompressed() {
    both(
        "compress",
        "text=0 \"hello hello hello hello\"\nnothing=0 \"\"\nsize=0",
        |host| {
            let quiet = |text: &str| {
                format!(
                    r#"(drop (call $proxy_call_foreign_function @"compress" @"{text}"
                         (i32.const 0x100) (i32.const 0x104)))"#
                )
            };
            let body = [
                quiet("hello hello hello hello"),
                call_with("text", "uncompress", RESULT),
                quiet(""),
                call_with("nothing", "uncompress", RESULT),
                r#"(call $report @"size" (i32.load (i32.const 0x104)))"#.to_owned(),
            ];
            requested(host, &body.concat())
        },
    );
}

#[test]
fn only_whole_zlib_streams_are_uncompressed() {
    both(
        "uncompress",
        "whole=0 \"hello hello hello hello\"\ntail=0 \"hello hello hello hello\"\ncut=3\nempty=3\n\
         broken=3\ntext=3",
        |host| {
            let mut broken = HELLO.to_vec();
            let last = broken.len() - 1;
            broken[last] ^= 1;
            let body = [
                call("whole", "uncompress", HELLO),
                call("tail", "uncompress", &[HELLO, b"tail"].concat()),
                call("cut", "uncompress", &HELLO[..12]),
                call("empty", "uncompress", b""),
                call("broken", "uncompress", &broken),
                call("text", "uncompress", b"hello"),
            ];
            requested(host, &body.concat())
        },
    );
}

#[test]
fn the_route_cache_can_be_cleared_wherever() {
    both(
        "clear_route_cache",
        "configuring=0 \"\"\nheaders=0 \"\"\narguments=0 \"\"",
        |host| {
            let request = [
                crate::REQUEST.to_owned(),
                call("headers", "clear_route_cache", b""),
                call("arguments", "clear_route_cache", b"anything"),
            ];
            let configure = call("configuring", "clear_route_cache", b"");
            observed(host, &configure, &request.concat())
        },
    );
}
