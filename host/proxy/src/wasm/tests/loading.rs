use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use tollgate_config::{DataSource, FailurePolicy};

use super::{guest, plugin, registry, runtime};
use crate::callout::tests::on_worker;

const NOTHING: &str = "";

#[test]
fn the_same_configuration_twice_is_one_plugin() {
    on_worker(async {
        let registry = registry(&runtime());
        let config = plugin(guest(NOTHING), FailurePolicy::FailClosed);
        let (first, second) = (
            registry.add(&config).unwrap(),
            registry.add(&config).unwrap(),
        );
        assert!(Rc::ptr_eq(&first, &second));
    });
}

#[test]
fn plugins_with_the_same_vm_key_share_a_vm() {
    on_worker(async {
        let registry = registry(&runtime());
        let first = plugin(guest(NOTHING), FailurePolicy::FailClosed);
        let mut second = first.clone();
        second.root_id = "other".to_owned();
        let (first, second) = (
            registry.add(&first).unwrap(),
            registry.add(&second).unwrap(),
        );
        assert_eq!(first.context_count(), 2);
        assert_eq!(second.context_count(), 2);
    });
}

#[test]
fn another_vm_id_is_another_vm() {
    on_worker(async {
        let registry = registry(&runtime());
        let first = plugin(guest(NOTHING), FailurePolicy::FailClosed);
        let mut second = first.clone();
        second.vm_config.vm_id = "other".to_owned();
        let (first, second) = (
            registry.add(&first).unwrap(),
            registry.add(&second).unwrap(),
        );
        assert_eq!((first.context_count(), second.context_count()), (1, 1));
    });
}

#[test]
fn a_module_that_was_prepared_is_compiled_once() {
    on_worker(async {
        let runtime = runtime();
        let registry = registry(&runtime);
        // The engine is made for the first plugin.
        let first = plugin(guest(NOTHING), FailurePolicy::FailClosed);
        registry.add(&first).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("guest.wasm");
        let text = "(func (export \"proxy_on_tick\") (param i32))";
        std::fs::write(&file, guest(text)).unwrap();
        runtime.prepare_now(vec![guest(text)]);
        let mut second = plugin(Bytes::new(), FailurePolicy::FailClosed);
        second.vm_config.code = DataSource::File(file.clone());
        let number = runtime.module(&second).unwrap().number;
        assert_eq!(number, 2);
        // Nobody keeps what is not asked for.
        std::fs::write(&file, guest("")).unwrap();
        runtime.forget_sources();
        assert_eq!(runtime.module(&second).unwrap().number, 1);
    });
}

#[test]
fn a_file_that_is_missing_is_named() {
    on_worker(async {
        let mut config = plugin(Bytes::new(), FailurePolicy::FailOpen);
        config.vm_config.code = DataSource::File(PathBuf::from("no/such/guest.wasm"));
        let error = registry(&runtime()).add(&config).unwrap_err().to_string();
        assert!(
            error.starts_with("plugin `guest`: cannot read no/such/guest.wasm: "),
            "{error}"
        );
    });
}

#[test]
fn an_empty_module_is_refused() {
    on_worker(async {
        let config = plugin(Bytes::new(), FailurePolicy::FailOpen);
        let error = registry(&runtime()).add(&config).unwrap_err().to_string();
        assert_eq!(error, "plugin `guest`: the module is empty");
    });
}

#[test]
fn a_plugin_that_refuses_its_configuration_is_refused_whatever_its_policy() {
    on_worker(async {
        let refuse = r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (i32.const 0))"#;
        let config = plugin(guest(refuse), FailurePolicy::FailOpen);
        let error = registry(&runtime()).add(&config).unwrap_err().to_string();
        assert!(
            error.contains("proxy_on_configure returned false"),
            "{error}"
        );
    });
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    on_worker(async {
        let config = plugin(Bytes::from_static(b"not wasm"), FailurePolicy::FailClosed);
        assert!(registry(&runtime()).add(&config).is_err());
    });
}

#[test]
fn sent_headers_are_kept_for_those_who_may_read_them() {
    on_worker(async {
        let registry = registry(&runtime());
        let reads = |code: Bytes| {
            let config = plugin(code, FailurePolicy::FailClosed);
            registry.add(&config).unwrap().reads_sent_headers()
        };
        let on_request = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (i32.const 0))"#;
        let on_log = r#"(func (export "proxy_on_log") (param i32))"#;
        let asks = r#"(module
            (import "env" "proxy_get_property" (func (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 64))
            (func (export "proxy_abi_version_0_2_1")))"#;
        assert!(!reads(guest(on_request)));
        assert!(reads(guest(on_log)));
        assert!(reads(wat::parse_str(asks).unwrap().into()));
    });
}
