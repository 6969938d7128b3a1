//! The reader of configurations: any text gives a configuration or reasons with their lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_config::{LoadOptions, parse};

fuzz_target!(|text: &str| {
    // Each text is read once, in a way that its length chooses: reading is what costs here.
    let file_name = match text.len() % 4 {
        0 => "envoy.json",
        _ => "envoy.yaml",
    };
    let options = LoadOptions {
        ignore_unsupported: text.len().is_multiple_of(2),
    };
    if let Err(errors) = parse(text, file_name, &options) {
        let message = errors.to_string();
        assert!(message.contains(file_name), "no file in {message:?}");
    }
});
