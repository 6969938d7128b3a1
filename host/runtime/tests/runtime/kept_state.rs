//! What filters keep in their memory from one stream to the next.

use tollgate_runtime::{
    ContextId, Engine, Isolation, KeptState, Module, Snapshot, StateCheck, Vm, VmConfig,
};

use crate::support::{
    FakeStream, Plugin, Services, engine, on_request_headers, plugin_config, start_module,
    vm_config, wat,
};

fn plugin(engine: &Engine, body: &str) -> Plugin {
    let module = Module::new(engine, &::wat::parse_str(wat(body)).unwrap()).unwrap();
    let config = VmConfig {
        keeps_finished: true,
        ..vm_config()
    };
    start_module(&module, config, plugin_config(), std::sync::Arc::default()).unwrap()
}

/// Runs one stream from its beginning to its end.
fn stream(vm: &mut Vm, root: ContextId) {
    let host = std::rc::Rc::new(FakeStream::with_request(&[("x-key", "a")]));
    let id = vm.create_http_context(root, host);
    vm.on_request_headers(id, true).unwrap();
    vm.on_log(id).unwrap();
    vm.delete_http_context(id).unwrap();
}

/// A plugin that is watched.
struct Watched {
    plugin: Plugin,
    snapshot: Option<Snapshot>,
    isolation: Isolation,
    check: Option<StateCheck>,
}

impl Watched {
    fn start(isolation: Isolation, body: &str) -> Self {
        let mut plugin = plugin(&engine(), body);
        let is_stream = isolation == Isolation::Stream;
        Self {
            snapshot: is_stream.then(|| plugin.vm.snapshot().unwrap()),
            plugin,
            isolation,
            check: None,
        }
    }

    /// Runs a stream and looks at it.
    fn stream(&mut self) -> Option<KeptState> {
        let root = self.plugin.root;
        let Some(snapshot) = &self.snapshot else {
            stream(&mut self.plugin.vm, root);
            return self.look(None);
        };
        let services = std::rc::Rc::new(Services::default());
        let mut instance = snapshot.instantiate(services).unwrap();
        stream(&mut instance, root);
        self.look(Some(instance))
    }

    fn tick(&mut self) -> Option<KeptState> {
        self.plugin.vm.on_tick(self.plugin.root).unwrap();
        let found = self.look(None);
        if let Some(snapshot) = &mut self.snapshot {
            let changes = self.plugin.vm.changes_since(snapshot).unwrap();
            *snapshot = snapshot.with_changes(changes);
        }
        found
    }

    fn look(&mut self, instance: Option<Vm>) -> Option<KeptState> {
        let mut instance = instance;
        let vm = instance.as_mut().unwrap_or(&mut self.plugin.vm);
        let finished = vm.take_finished()?;
        let module = self.plugin.vm.module().clone();
        let check = self.check.get_or_insert_with(|| {
            StateCheck::new(&module, self.isolation, &finished)
                .unwrap()
                .unwrap()
        });
        check.check(&finished).unwrap()
    }
}

/// Counts up at 0x400.
const COUNT: &str =
    "(i32.store (i32.const 0x400) (i32.add (i32.load (i32.const 0x400)) (i32.const 1)))";
const SAY_COUNT: &str = "(call $say (i32.load (i32.const 0x400)))";

fn found_at_the_second_stream(body: &str) {
    for isolation in [Isolation::Worker, Isolation::Stream] {
        let mut watched = Watched::start(isolation, body);
        assert_eq!(watched.stream(), None, "{isolation:?}");
        let found = watched.stream();
        assert!(
            matches!(found, Some(KeptState::Stream(_))),
            "{isolation:?}: {found:?}"
        );
        assert_eq!(watched.stream(), None, "once is enough");
    }
}

fn never_found(body: &str) {
    for isolation in [Isolation::Worker, Isolation::Stream] {
        let mut watched = Watched::start(isolation, body);
        for round in 0..5 {
            assert_eq!(watched.stream(), None, "{isolation:?}, {round}");
            assert_eq!(watched.tick(), None, "{isolation:?}, {round}");
        }
    }
}

#[test]
fn a_count_that_is_logged_is_found() {
    found_at_the_second_stream(&on_request_headers(&format!("{COUNT} {SAY_COUNT}")));
}

#[test]
fn what_is_asked_for_only_once_is_found() {
    found_at_the_second_stream(&on_request_headers(&format!(
        r#"(if (i32.eqz (i32.load (i32.const 0x400))) (then
             (drop (call $proxy_get_header_map_value (i32.const 0) @"x-key" (i32.const 0x100) (i32.const 0x104)))))
           {COUNT}"#
    )));
}

#[test]
fn a_count_that_a_tick_reports_is_found() {
    let tick = format!(r#"(func (export "proxy_on_tick") (param i32) {SAY_COUNT})"#);
    let body = format!("{} {tick}", on_request_headers(COUNT));
    for isolation in [Isolation::Worker, Isolation::Stream] {
        let mut watched = Watched::start(isolation, &body);
        assert_eq!(watched.tick(), None);
        assert_eq!(watched.stream(), None);
        let found = watched.tick();
        assert!(
            matches!(found, Some(KeptState::RootCallback(_))),
            "{isolation:?}: {found:?}"
        );
    }
}

#[test]
fn memory_that_grows_is_found() {
    let body = on_request_headers("(drop (memory.grow (i32.const 1)))");
    let mut watched = Watched::start(Isolation::Worker, &body);
    let found = (0..20).find_map(|_| watched.stream());
    assert!(matches!(found, Some(KeptState::Growth { .. })), "{found:?}");
}

#[test]
fn what_has_no_effect_is_not() {
    never_found(&on_request_headers(COUNT));
}

#[test]
fn a_metric_that_is_defined_when_it_is_first_needed_is_not() {
    never_found(&on_request_headers(
        r#"(if (i32.eqz (i32.load (i32.const 0x400))) (then
             (drop (call $proxy_define_metric (i32.const 0) @"hits" (i32.const 0x400)))))
           (drop (call $increment (i32.load (i32.const 0x400)) (i64.const 1)))"#,
    ));
}

#[test]
fn what_ticks_change_is_not() {
    never_found(&format!(
        r#"{} (func (export "proxy_on_tick") (param i32) {COUNT} {SAY_COUNT})"#,
        on_request_headers(SAY_COUNT)
    ));
}

#[test]
fn what_the_world_tells_otherwise_is_not() {
    let body = on_request_headers(
        "(drop (call $proxy_get_current_time_nanoseconds (i32.const 0x110)))
         (call $say (i32.wrap_i64 (i64.load (i32.const 0x110))))",
    );
    for isolation in [Isolation::Worker, Isolation::Stream] {
        let mut watched = Watched::start(isolation, &body);
        for now in 0..5 {
            watched.plugin.services.now.set(now);
            assert_eq!(watched.stream(), None, "{isolation:?}");
        }
    }
}

#[test]
fn a_stream_in_whose_time_a_root_has_changed_proves_nothing() {
    let body = format!(
        r#"{} (func (export "proxy_on_tick") (param i32) {COUNT})
           (func (export "proxy_on_log") (param i32) {SAY_COUNT})"#,
        on_request_headers(SAY_COUNT)
    );
    let mut watched = Watched::start(Isolation::Worker, &body);
    assert_eq!(watched.stream(), None);
    let (id, _) = watched.plugin.stream(&[]);
    watched.plugin.vm.on_request_headers(id, true).unwrap();
    assert_eq!(watched.tick(), None);
    watched.plugin.vm.on_log(id).unwrap();
    watched.plugin.vm.delete_http_context(id).unwrap();
    assert_eq!(watched.look(None), None);
    assert_eq!(watched.stream(), None);
}
