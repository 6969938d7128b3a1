//! Shared queues.

use std::sync::Arc;

use tollgate_runtime::{
    ContextId, DequeueError, EnqueueError, QueueLimits, SharedQueues, SharedState, VmConfig,
};

use crate::support::{
    Plugin, compile, on_request_headers, plugin_config, start, start_module, wat,
};

/// A plugin that registers the queue `q`, keeps its token at 0x300, and reports what becomes ready.
fn listener(on_ready: &str) -> String {
    format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $say (call $proxy_register_shared_queue @"q" (i32.const 0x300)))
             (call $say (i32.load (i32.const 0x300)))
             (i32.const 1))
           (func (export "proxy_on_queue_ready") (param $root i32) (param $token i32)
             (call $say (local.get $root)) (call $say (local.get $token))
             {on_ready})"#
    )
}

const RESOLVE: &str = r#"(call $say (call $proxy_resolve_shared_queue (i32.const 0) (i32.const 0) @"q" (i32.const 0x300)))"#;
const DEQUEUE: &str = r"(call $check (call $proxy_dequeue_shared_queue (i32.load (i32.const 0x300))
    (i32.const 0x100) (i32.const 0x104)))";

fn enqueue(item: &str) -> String {
    format!(
        r#"(call $say (call $proxy_enqueue_shared_queue (i32.load (i32.const 0x300)) @"{item}"))"#
    )
}

fn register(name: &str) -> String {
    format!(
        r#"(call $say (call $proxy_register_shared_queue @"{name}" (i32.const 0x300)))
           (call $say (i32.load (i32.const 0x300)))"#
    )
}

fn says(parts: &[String]) -> Vec<String> {
    start(&on_request_headers(&parts.concat())).request(&[])
}

fn start_in(vm_id: &str, body: &str, shared: &Arc<SharedState>) -> Plugin {
    let vm = VmConfig {
        vm_id: vm_id.to_owned(),
        ..VmConfig::default()
    };
    let module = compile(&wat(body)).unwrap();
    start_module(&module, vm, plugin_config(), Arc::clone(shared)).unwrap()
}

#[test]
fn items_come_out_in_the_order_in_which_they_went_in() {
    let said = says(&[
        register("q"),
        enqueue("a"),
        enqueue(""),
        enqueue("b"),
        DEQUEUE.to_owned(),
        DEQUEUE.to_owned(),
        DEQUEUE.to_owned(),
        DEQUEUE.to_owned(),
    ]);
    assert_eq!(
        said,
        ["0", "1", "0", "0", "0", "0", "a", "0", "", "0", "b", "7"]
    );
}

#[test]
fn registering_again_returns_the_token_and_keeps_the_items() {
    let said = says(&[
        register("q"),
        enqueue("kept"),
        register("other"),
        register("q"),
        DEQUEUE.to_owned(),
    ]);
    assert_eq!(said, ["0", "1", "0", "0", "2", "0", "1", "0", "kept"]);
}

#[test]
fn what_is_not_registered_is_not_found() {
    let token = "(i32.store (i32.const 0x300) (i32.const 9))";
    let said = says(&[
        RESOLVE.to_owned(),
        token.to_owned(),
        enqueue("x"),
        DEQUEUE.to_owned(),
        r#"(call $say (call $proxy_resolve_shared_queue @"\ff" @"q" (i32.const 0x300)))"#
            .to_owned(),
    ]);
    assert_eq!(said, ["1", "1", "1", "1"]);
}

#[test]
fn bad_pointers_are_refused_and_lose_what_was_taken_out() {
    let bad = "(i32.const -1) (i32.const 9)";
    let body = [
        register("q"),
        enqueue("lost"),
        format!("(call $say (call $proxy_enqueue_shared_queue (i32.const 9) {bad}))"),
        format!("(call $say (call $proxy_register_shared_queue {bad} (i32.const 0x300)))"),
        format!(r#"(call $say (call $proxy_resolve_shared_queue {bad} @"q" (i32.const 0x300)))"#),
        format!(r#"(call $say (call $proxy_resolve_shared_queue @"vm" {bad} (i32.const 0x300)))"#),
        r#"(call $say (call $proxy_resolve_shared_queue @"vm" @"q" (i32.const -1)))"#.to_owned(),
        r#"(call $say (call $proxy_register_shared_queue @"made" (i32.const -1)))"#.to_owned(),
        "(call $say (call $proxy_dequeue_shared_queue (i32.const 1) (i32.const -1) (i32.const 0x104)))".to_owned(),
        DEQUEUE.to_owned(),
        r#"(call $say (call $proxy_resolve_shared_queue @"vm" @"made" (i32.const 0x300)))"#.to_owned(),
    ];
    assert_eq!(
        says(&body),
        ["0", "1", "0", "6", "6", "6", "6", "6", "6", "6", "7", "0"]
    );
}

#[test]
fn each_item_is_one_call_of_the_plugin_that_registered_the_queue_last() {
    let shared = Arc::new(SharedState::default());
    let mut first = start_in("vm", &listener(DEQUEUE), &shared);
    let mut last = start_in("vm", &listener(DEQUEUE), &shared);
    let sender = on_request_headers(&[RESOLVE.to_owned(), enqueue("a"), enqueue("b")].concat());
    let mut sender = start_in("vm", &sender, &shared);
    assert_eq!(sender.request(&[]), ["0", "0", "0"]);
    assert_eq!(first.services.queue_news.lock().len(), 0);
    let news = std::mem::take(&mut *last.services.queue_news.lock());
    assert_eq!(news, [(last.root, 1), (last.root, 1)]);
    last.said();
    for (root, token) in news {
        last.vm.on_queue_ready(root, token).unwrap();
    }
    assert_eq!(last.said(), ["1", "1", "0", "a", "1", "1", "0", "b"]);
    first.said();
    first.vm.on_queue_ready(ContextId(77), 1).unwrap();
    first.vm.shut_down(first.root).unwrap();
    first.vm.on_queue_ready(first.root, 1).unwrap();
    assert!(first.said().is_empty(), "who is gone hears nothing");
}

#[test]
fn a_queue_of_another_vm_id_is_reached_by_naming_it() {
    let shared = Arc::new(SharedState::default());
    let _owner = start_in("owner", &listener(""), &shared);
    let body = [
        RESOLVE.to_owned(),
        r#"(call $say (call $proxy_resolve_shared_queue @"owner" @"q" (i32.const 0x300)))"#
            .to_owned(),
        enqueue("x"),
        DEQUEUE.to_owned(),
    ];
    let mut other = start_in("other", &on_request_headers(&body.concat()), &shared);
    assert_eq!(other.request(&[]), ["1", "0", "0", "0", "x"]);
}

#[test]
fn queues_and_data_end_with_the_last_vm_of_their_id_or_its_lease() {
    let shared = Arc::new(SharedState::default());
    let store = on_request_headers(
        &[
            r#"(call $say (call $proxy_set_shared_data @"k" @"v" (i32.const 0)))"#.to_owned(),
            register("q"),
            enqueue("x"),
        ]
        .concat(),
    );
    let mut first = start_in("vm", &store, &shared);
    let second = start_in("vm", &store, &shared);
    first.request(&[]);
    drop(first);
    assert!(shared.data().get("vm", b"k").is_some());
    assert_eq!(shared.queues().resolve("vm", b"q"), Some(1));
    let lease = shared.lease("vm");
    drop(second);
    assert_eq!(shared.queues().dequeue(1).unwrap(), "x");
    drop(lease);
    assert!(shared.data().get("vm", b"k").is_none());
    assert_eq!(shared.queues().resolve("vm", b"q"), None);
    assert_eq!(shared.queues().dequeue(1), Err(DequeueError::Unknown));
}

#[test]
fn a_full_queue_refuses_what_is_new_and_keeps_what_it_has() {
    let queues = SharedQueues::with_limits(QueueLimits {
        queues: 2,
        items: 2,
        bytes: 3 * 64 + 10,
    });
    let first = queues.register("vm", b"first", None).unwrap();
    let second = queues.register("vm", b"second", None).unwrap();
    assert_eq!(queues.register("vm", b"third", None), None);
    assert_eq!(queues.register("vm", b"first", None), Some(first));
    assert!(queues.register("other", b"first", None).is_some());
    queues.enqueue(first, b"12345").unwrap();
    queues.enqueue(first, b"").unwrap();
    assert_eq!(
        queues.enqueue(first, b""),
        Err(EnqueueError::TooManyItems(2))
    );
    assert_eq!(
        queues.enqueue(second, b"123456"),
        Err(EnqueueError::TooManyBytes(202))
    );
    queues.enqueue(second, b"12345").unwrap();
    assert_eq!(queues.dequeue(first).unwrap(), "12345");
    queues.enqueue(second, b"12345").unwrap();
}
