//! Settings as an operator writes them.

use std::path::PathBuf;
use std::time::Duration;

use super::{BreakerSettings, CompileCache, Isolation, Settings};
use crate::{LoadOptions, parse};

fn settings(text: &str) -> Settings {
    Settings::parse(text, "tollgate.yaml").unwrap()
}

fn refusal(text: &str) -> String {
    let errors = Settings::parse(text, "tollgate.yaml").unwrap_err();
    errors.to_string()
}

#[test]
fn nothing_at_all_is_the_defaults() {
    for text in ["", "# nothing\n", "{}\n", "plugins:\nlimits:\n"] {
        assert_eq!(settings(text), Settings::default(), "{text:?}");
    }
    let reload = Settings::default().reload;
    assert!(reload.watch);
    assert_eq!(reload.debounce, Duration::from_millis(100));
    assert_eq!(Settings::default().diagnosis.last_hostcalls, 32);
}

#[test]
fn the_cache_of_compiled_modules_is_a_directory_or_off() {
    let read = |text| settings(text).compile_cache;
    let directory = |path: &str| CompileCache::Directory(path.into());
    assert_eq!(read("compile_cache:"), CompileCache::Unset);
    assert_eq!(read("compile_cache: off"), CompileCache::Off);
    assert_eq!(read("compile_cache: false"), CompileCache::Off);
    assert_eq!(read("compile_cache: ./off"), directory("./off"));
    assert_eq!(read("compile_cache: /var/cache"), directory("/var/cache"));
    assert_eq!(
        refusal("compile_cache: 7"),
        "tollgate.yaml:1 compile_cache: expected a path or `off`, not `7`"
    );
}

#[test]
fn every_setting_is_read() {
    let read = settings(include_str!("../../tests/settings/full.yaml"));
    assert_eq!(read.isolation, Some(Isolation::Worker));
    let limits = &read.limits;
    assert_eq!(limits.start_deadline, Some(Duration::from_secs(3)));
    assert_eq!(limits.configure_deadline, Some(Duration::from_secs(120)));
    assert_eq!(limits.stream_deadline, Some(Duration::from_millis(50)));
    assert_eq!(limits.tick_deadline, Some(Duration::from_micros(1500)));
    assert_eq!(limits.memory_bytes, Some(64 << 20));
    assert_eq!(limits.table_elements, Some(10_000));
    assert_eq!(limits.stack_bytes, Some(512 << 10));
    assert_eq!(limits.header_count, Some(100));
    assert_eq!(limits.header_bytes, Some(65_536));
    assert_eq!(limits.body_bytes, Some(3_000_000_000));
    assert_eq!(limits.callouts, Some(7));
    assert_eq!(limits.queue_items, Some(8));
    assert_eq!(limits.queue_bytes, Some(9));
    assert_eq!(limits.shared_data_bytes, Some(10));
    assert_eq!(limits.shared_data_keys, Some(11));
    assert_eq!(limits.metrics, Some(12));
    assert_eq!(limits.grpc_callouts, Some(13));
    assert_eq!(limits.log_lines_per_second, Some(14));
    let auth = &read.plugins["auth"];
    assert_eq!(auth.isolation, Some(Isolation::Stream));
    assert_eq!(auth.limits.callouts, Some(1));
    let breaker = auth.breaker.unwrap();
    assert_eq!((breaker.faults, breaker.rate), (3, 0.25));
    assert_eq!(breaker.window, Duration::from_secs(5));
    assert_eq!(breaker.open_for, Duration::from_millis(250));
    assert!(!read.reload.watch);
    assert_eq!(read.reload.debounce, Duration::ZERO);
    assert_eq!(read.reload.drain_timeout, Duration::from_secs(60));
    assert_eq!(read.reload.rollback.window, Duration::from_secs(20));
    assert_eq!(read.reload.rollback.faults, 6);
    assert_eq!(read.reload.rollback.rate, 0.2);
    assert_eq!(read.diagnosis.coredumps, Some(PathBuf::from("cores")));
    assert_eq!(read.diagnosis.bundles, Some(PathBuf::from("bundles")));
    assert_eq!(read.diagnosis.last_hostcalls, 8);
    assert_eq!(read.diagnosis.warn_on_kept_state, Some(true));
}

#[test]
fn a_plugins_own_settings_come_before_those_of_all() {
    let read = settings(
        "isolation: worker
limits: {callouts: 5, metrics: 6}
breaker: {faults: 9}
plugins: {auth: {isolation: stream, limits: {callouts: 1}}}",
    );
    assert_eq!(read.isolation_of("auth"), Some(Isolation::Stream));
    assert_eq!(read.isolation_of("other"), Some(Isolation::Worker));
    assert_eq!(Settings::default().isolation_of("auth"), None);
    let limits = read.limits_of("auth");
    assert_eq!((limits.callouts, limits.metrics), (Some(1), Some(6)));
    assert_eq!(read.limits_of("other"), read.limits);
    assert_eq!(read.breaker_of("auth").faults, 9);
    assert_eq!(
        Settings::default().breaker_of("auth"),
        BreakerSettings::default()
    );
}

#[test]
fn what_has_no_meaning_is_named_with_its_place() {
    for (text, error) in [
        (
            "isolaton: stream",
            "1 isolaton: no such setting; did you mean `isolation`?",
        ),
        (
            "isolation: request",
            "1 isolation: wanted is `worker` or `stream`, not `request`",
        ),
        (
            "isolation: [stream]",
            "1 isolation: wanted is `worker` or `stream`, not a list",
        ),
        (
            "\nlimits: 3",
            "2 limits: expected a map of fields, not a number",
        ),
        (
            "limits:\n  stream_deadline: 50",
            "2 limits.stream_deadline: expected a duration such as `50ms`, `1.5s` or `2m`, not `50`",
        ),
        (
            "limits: {tick_deadline: 0s}",
            "1 limits.tick_deadline: must be longer than nothing",
        ),
        (
            "limits: {tick_deadline: 9000h}",
            "1 limits.tick_deadline: `9000h` is longer than a year",
        ),
        (
            "limits: {memory_bytes: 1KiB}",
            "1 limits.memory_bytes: 1024 is not between 65536 and 4294967296 bytes",
        ),
        (
            "limits: {header_bytes: 1kb}",
            "1 limits.header_bytes: expected a number of bytes such as `65536`, `64KiB` or `16MiB`, \
             not `1kb`",
        ),
        (
            "limits: {callouts: -1}",
            "1 limits.callouts: expected a whole number, not negative, not `-1`",
        ),
    ] {
        assert_eq!(refusal(text), format!("tollgate.yaml:{error}"), "{text}");
    }
}

#[test]
fn what_is_below_a_plugin_is_named_with_its_path() {
    for (text, error) in [
        (
            "plugins: {a: {limits: {stack_bytes: 64KiB}}}",
            "1 plugins[\"a\"].limits.stack_bytes: all plugins have the same; set it in `limits`",
        ),
        (
            "plugins:\n  a:\n    limits: {queue_items: 1}",
            "3 plugins[\"a\"].limits.queue_items: plugins of several names may share a VM id; set it \
             in `limits`",
        ),
        (
            "plugins: {a: {breaker: {rate: 1.5}}}",
            "1 plugins[\"a\"].breaker.rate: expected a share between 0 and 1, not `1.5`",
        ),
        (
            "plugins: [a]",
            "1 plugins: expected a map of fields, not a list",
        ),
        (
            "reload: {watch: 1}",
            "1 reload.watch: expected true or false, not `1`",
        ),
        (
            "diagnosis: {bundles: ''}",
            "1 diagnosis.bundles: expected a path, not ``",
        ),
    ] {
        assert_eq!(refusal(text), format!("tollgate.yaml:{error}"), "{text}");
    }
}

#[test]
fn all_mistakes_are_named_at_once() {
    let all = refusal("isolation: no-such\nreload: {rollback: {fault: 1}}\nisolation: worker\n");
    assert_eq!(all.lines().count(), 2, "{all}");
    assert!(all.contains(":2 reload.rollback.fault: no such setting; did you mean `faults`?"));
    assert!(all.contains(":3: key `isolation` appears twice"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let errors = Settings::load("/no/such/tollgate.yaml".as_ref()).unwrap_err();
    let text = errors.to_string();
    assert!(text.starts_with("/no/such/tollgate.yaml: "), "{text}");
}

#[test]
fn json_is_read_too() {
    let read = Settings::parse(
        "{\"plugins\": {\"a\": {\"breaker\": {\"rate\": 0.5}}}}",
        "x.json",
    );
    assert_eq!(read.unwrap().breaker_of("a").rate, 0.5);
}

#[test]
fn a_plugin_that_is_not_there_is_a_mistake() {
    let envoy = include_str!("../../../../envoy-config/api-key-auth.yaml");
    // The module need not be built for this.
    let envoy = envoy.replace("filename: target/", "inline_string: target/");
    let loaded = parse(&envoy, "envoy.yaml", &LoadOptions::default()).unwrap();
    let bootstraps = [loaded.bootstrap];
    let named = bootstraps[0].plugins().next().unwrap().name.clone();
    let check = |name: &str| {
        let settings = settings(&format!("\nplugins:\n  {name}: {{}}\n"));
        settings.check_names("tollgate.yaml", &bootstraps)
    };
    assert_eq!(check(&named), Ok(()));
    assert_eq!(
        check(&format!("{named}x")).unwrap_err().to_string(),
        format!(
            "tollgate.yaml:3 plugins[\"{named}x\"]: no plugin has this name; did you mean `{named}`?"
        )
    );
    let other = check("zzz").unwrap_err().to_string();
    assert!(
        other.ends_with(&format!("no plugin has this name; there are: {named}")),
        "{other}"
    );
}
