//! The guest: in every callback it looks whether the request asks for a crash there, and how.

/// The module's bytes.
pub(super) fn bytes() -> Vec<u8> {
    wat::parse_str(TEXT).expect("legal text")
}

/// `$note` keeps the first letters of the headers `x-at` and `x-how` in a property of the stream:
/// headers cannot be read later. `$at` crashes if the first is this letter, as the second says.
const TEXT: &str = r#"(module
    (import "env" "proxy_get_property"
        (func $property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_property"
        (func $set_property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_http_call"
        (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "request\00headers\00x-at")
    (data (i32.const 32) "request\00headers\00x-how")
    (data (i32.const 56) "crash")
    (data (i32.const 64) "origin")
    (data (i32.const 80) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\02\00\00\00\0a\00\00\00\04\00\00\00:method\00GET\00:path\00/a\00:authority\00test\00")
    (global $free (mut i32) (i32.const 4096))
    (global $way (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $free))
        ;; A ring: what a hostcall returns is read at once.
        (global.set $free (i32.add (i32.const 4096)
            (i32.and (i32.sub (i32.add (local.get $at) (local.get $size)) (i32.const 4096))
                (i32.const 0x3fff))))
        (local.get $at))
    (func $deeper (param $depth i32) (result i32)
        (i32.add (i32.const 1) (call $deeper (i32.add (local.get $depth) (i32.const 1)))))
    (func $crash (param $way i32)
        (if (i32.eq (local.get $way) (i32.const 108)) (then (loop $forever (br $forever))))
        (if (i32.eq (local.get $way) (i32.const 109)) (then
            (loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))))
        (if (i32.eq (local.get $way) (i32.const 115)) (then
            (drop (call $deeper (i32.const 0)))))
        (unreachable))
    ;; The first letter of a property, or 0.
    (func $letter (param $path i32) (param $size i32) (result i32)
        (if (call $property (local.get $path) (local.get $size) (i32.const 1024) (i32.const 1028))
            (then (return (i32.const 0))))
        (if (i32.eqz (i32.load (i32.const 1028))) (then (return (i32.const 0))))
        (i32.load8_u (i32.load (i32.const 1024))))
    (func $note
        (i32.store8 (i32.const 1040) (call $letter (i32.const 0) (i32.const 20)))
        (i32.store8 (i32.const 1041) (call $letter (i32.const 32) (i32.const 21)))
        (drop (call $set_property (i32.const 56) (i32.const 5) (i32.const 1040) (i32.const 2))))
    (func $at (param $here i32)
        (if (i32.eq (call $letter (i32.const 56) (i32.const 5)) (local.get $here)) (then
            (call $crash (i32.load8_u offset=1 (i32.load (i32.const 1024)))))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $note)
        (call $at (i32.const 114))
        (if (i32.eq (i32.load8_u (i32.const 1040)) (i32.const 97)) (then
            (global.set $way (i32.load8_u (i32.const 1041)))
            (drop (call $http_call (i32.const 64) (i32.const 6) (i32.const 80) (i32.const 65)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 5000) (i32.const 1032)))
            (return (i32.const 1))))
        (i32.const 0))
    (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (call $crash (global.get $way)))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (call $at (i32.const 98)) (i32.const 0))
    (func (export "proxy_on_request_trailers") (param i32 i32) (result i32)
        (call $at (i32.const 116)) (i32.const 0))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (call $at (i32.const 104)) (i32.const 0))
    (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
        (call $at (i32.const 100)) (i32.const 0))
    (func (export "proxy_on_response_trailers") (param i32 i32) (result i32)
        (call $at (i32.const 102)) (i32.const 0))
    (func (export "proxy_on_log") (param i32) (call $at (i32.const 108))))"#;
