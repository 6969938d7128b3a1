//! Engines: what they offer to snapshots, and what happens where that is missing.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use tollgate_runtime::{Engine, EngineOptions, LoadError, Module};

use crate::snapshot::instance;
use crate::support::{Plugin, Services, plugin_config, start_module, vm_config, wat};

/// Configuring fills three MiB; a request says whether they are whole, and spoils them.
const FILLED: &str = r#"
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (memory.grow (i32.const 60)))
    (memory.fill (i32.const 0x100000) (i32.const 7) (i32.const 0x300000))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $at i32) (local $sum i64)
    (local.set $at (i32.const 0x100000))
    (loop $add
      (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $add (i32.lt_u (local.get $at) (i32.const 0x400000))))
    (call $say (i64.eq (local.get $sum)
      (i64.mul (i64.const 0x0707070707070707) (i64.const 0x60000))))
    (memory.fill (i32.const 0xff000) (i32.const 1) (i32.const 0x301000))
    (i32.const 0))
"#;

fn plugin(options: EngineOptions, body: &str) -> Plugin {
    let engine = Engine::new(options).unwrap();
    let module = Module::new(&engine, &::wat::parse_str(wat(body)).unwrap()).unwrap();
    start_module(&module, vm_config(), plugin_config(), Arc::default()).unwrap()
}

/// Uses a place in the pool again and again.
fn check_instances(options: EngineOptions) {
    let mut plugin = plugin(options, FILLED);
    let snapshot = plugin.vm.snapshot().unwrap();
    for _ in 0..4 {
        let mut first = instance(&snapshot, plugin.root);
        let mut second = instance(&snapshot, plugin.root);
        assert_eq!(first.request(&[]), ["1"]);
        assert_eq!(second.request(&[]), ["1"]);
    }
}

#[test]
fn instances_begin_whole_with_what_the_machine_has() {
    check_instances(EngineOptions::default());
}

#[test]
fn instances_begin_whole_where_the_kernel_cannot_scan_pages() {
    let options = EngineOptions {
        pagemap_scan: false,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options.clone()).unwrap();
    assert!(!engine.capabilities().pagemap_scan);
    check_instances(options);
}

#[test]
fn instances_begin_whole_without_a_pool() {
    let options = EngineOptions {
        stream_instances: 0,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options.clone()).unwrap();
    let capabilities = engine.capabilities();
    assert_eq!(capabilities.pool_instances, None);
    assert!(capabilities.to_string().starts_with("instance pool: none"));
    let with_pool = Engine::new(EngineOptions::default())
        .unwrap()
        .capabilities();
    assert_eq!(capabilities.pagemap_scan, with_pool.pagemap_scan);
    check_instances(options);
}

#[test]
fn a_pool_that_no_address_space_has_is_made_smaller() {
    let options = EngineOptions {
        stream_instances: 1 << 20,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options).unwrap();
    let instances = engine.capabilities().pool_instances;
    assert!(instances.is_some_and(|instances| instances < 1 << 20));
}

#[test]
fn a_full_pool_refuses_an_instance_and_has_room_again() {
    let options = EngineOptions {
        stream_instances: 2,
        ..EngineOptions::default()
    };
    let mut plugin = plugin(options, "");
    let snapshot = plugin.vm.snapshot().unwrap();
    let first = instance(&snapshot, plugin.root);
    let _second = instance(&snapshot, plugin.root);
    let refused = snapshot.instantiate(Rc::new(Services::default()));
    let refusal = refused.map(drop).unwrap_err();
    assert!(
        matches!(refusal, LoadError::TooManyInstances(_)),
        "{refusal}"
    );
    drop(first);
    instance(&snapshot, plugin.root);
}

#[test]
fn what_does_not_fit_into_the_pool_is_instantiated_without() {
    let table = "(table 200000 funcref)";
    let mut plugin = plugin(EngineOptions::default(), &format!("{table}{FILLED}"));
    let snapshot = plugin.vm.snapshot().unwrap();
    assert_eq!(instance(&snapshot, plugin.root).request(&[]), ["1"]);
}

/// A directory of its own, gone with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("tollgate-runtime-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn files(&self) -> usize {
        fn count(path: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(path).unwrap();
            let sizes = entries.map(|entry| match entry.unwrap().path() {
                path if path.is_dir() => count(&path),
                _ => 1,
            });
            sizes.sum()
        }
        count(&self.0)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[test]
fn compiled_modules_are_kept_in_the_cache_directory() {
    let directory = Directory::new("cache");
    let options = EngineOptions {
        cache_dir: Some(directory.0.clone()),
        ..EngineOptions::default()
    };
    check_instances(options.clone());
    let files = directory.files();
    assert!(files >= 2, "the module and its snapshot, not {files}");
    check_instances(options);
    let relative = EngineOptions {
        cache_dir: Some(PathBuf::from("cache")),
        ..EngineOptions::default()
    };
    let refusal = Engine::new(relative).unwrap_err().to_string();
    assert!(refusal.contains("cache directory cache"), "{refusal}");
}

#[test]
fn a_stack_that_a_thread_does_not_have_is_refused() {
    for stack_bytes in [0, 4 * 1024 * 1024] {
        let options = EngineOptions {
            stack_bytes,
            ..EngineOptions::default()
        };
        assert!(Engine::new(options).is_err());
    }
}
