//! What a plugin is given when it starts.

use crate::support::PLUGINS;

#[test]
fn a_string_value_arrives_as_its_text() {
    let response = PLUGINS.compare(|proxy| proxy.get(10_010, "/").send());
    assert_eq!(
        response.text(),
        "vm for the VM\nplugin {\\\"rules\\\": [\\\"a\\\", 1]}\nsizes agree true\nreadable later Ok(None)\n"
    );
}

#[test]
fn a_bytes_value_arrives_as_its_bytes() {
    let response = PLUGINS.compare(|proxy| proxy.get(10_011, "/").send());
    assert_eq!(
        response.text(),
        "vm \nplugin \\x00\\x01\\x02\\xff\nsizes agree true\nreadable later Ok(None)\n"
    );
}

#[test]
fn a_struct_arrives_as_binary_protobuf() {
    let response = PLUGINS.compare(|proxy| proxy.get(10_012, "/").send());
    assert_eq!(
        response.text(),
        "vm \nplugin \\n\\x12\\n\\x05limit\\x12\\t\\x11\\x00\\x00\\x00\\x00\\x00\\x00\\x14@\n\
         sizes agree true\nreadable later Ok(None)\n"
    );
}

#[test]
fn no_configuration_is_an_empty_one() {
    let response = PLUGINS.compare(|proxy| proxy.get(10_013, "/").send());
    assert_eq!(
        response.text(),
        "vm \nplugin \nsizes agree true\nreadable later Ok(None)\n"
    );
}
