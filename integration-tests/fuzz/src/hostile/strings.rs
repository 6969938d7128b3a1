//! Bytes that mean something to a host, where the guest's arguments can point at them.

/// Where a piece of text begins: its number times this.
pub(super) const SLOT: usize = 64;

/// Most pieces that an argument can name.
pub(super) const SLOTS: usize = 64;

/// What lies in the slots, in order.
pub(super) fn all() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = PLAIN.iter().map(|text| text.to_vec()).collect();
    all.extend(maps().map(|map| tollgate_abi::pairs::encode(map.iter().copied())));
    assert!(all.len() <= SLOTS, "an argument names too few slots");
    assert!(
        all.iter().all(|text| text.len() <= SLOT),
        "a slot is too small"
    );
    all
}

const PLAIN: &[&[u8]] = &[
    b"x-a",
    b":path",
    b":status",
    b":authority",
    b"host",
    b"content-length",
    b"/new?a=1",
    b"\xff\x00 bytes",
    b"origin",
    b"nowhere",
    b"request\0path",
    b"request\0headers\0x-a\0",
    b"filter_state\0a",
    b"metadata\0filter_metadata\0a",
    b"plugin_name",
    b"plugin_root_id",
    b"plugin_vm_id",
    b"queue",
    b"vm",
    b"key",
    b"metric_{a}=b",
    b"compress",
    b"uncompress",
    b"expr_create",
    b"expr_evaluate",
    b"expr_delete",
    b"set_envoy_filter_state",
    b"declare_property",
    b"clear_route_cache",
    b"verify_signature",
    b"sign",
    // A GrpcService with the cluster `c`.
    b"\x0a\x03\x0a\x01c",
    // Arguments of declare_property and set_envoy_filter_state.
    b"\x0a\x01a\x18\x01",
    b"\x0a\x01p\x12\x01v",
    b"request.path == '/' && size(request.headers) > 0",
    b"[1, 2].map(x, x * x)",
    b"pkg.Service",
    b"Method",
    b"\x78\x9c\x03\x00\x00\x00\x00\x01",
    b"\x01\x00\x00\x00\x00\x00\x00\x00",
    b"",
    b"set_envoy_filter_state\0",
];

fn maps() -> impl Iterator<Item = &'static [(&'static [u8], &'static [u8])]> {
    let maps: [&[(&[u8], &[u8])]; 4] = [
        &[
            (b":method", b"GET"),
            (b":path", b"/"),
            (b":authority", b"a"),
        ],
        &[(b"x-a", b"1"), (b"x-b", b"")],
        &[(b":status", b"200")],
        &[(b"", b""), (b"\0", b"\r\n")],
    ];
    maps.into_iter()
}
