//! What happens to the guest: events in any order, on contexts that exist or not.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use tollgate_runtime::abi::PeerType;
use tollgate_runtime::{
    ContextId, Direction, Engine, EngineOptions, Fault, Limits, Module, PluginConfig, SharedState,
    Vm, VmConfig,
};

use super::guest;
use super::services::Services;
use super::stream::Stream;
use crate::Source;

/// Most events of an input: enough for every order that matters.
const MAX_EVENTS: usize = 64;
const MAX_CONTEXTS: usize = 8;

/// The guest once for each ABI version, compiled once.
static GUESTS: LazyLock<Vec<Module>> = LazyLock::new(|| {
    let engine = Engine::new(EngineOptions::default()).expect("this machine runs wasm");
    let module = |version| {
        let wasm = wat::parse_str(guest::text(version)).expect("the guest is legal text");
        Module::new(&engine, &wasm).expect("the guest is what a host loads")
    };
    ["0.2.1", "0.2.0", "0.1.0"].map(module).into()
});

/// Runs one input.
///
/// # Panics
///
/// When the runtime breaks a promise. Faults of the guest are what it promises.
pub fn run(bytes: &[u8]) {
    let source = Rc::new(Source::new(bytes));
    let module = &GUESTS[usize::from(source.below(3))];
    let services = Rc::new(Services::new(Rc::clone(&source)));
    services.is_quiet.set(source.flag());
    let config = VmConfig {
        vm_id: "vm".to_owned(),
        configuration: source.some_bytes().into(),
        environment: vec![("NAME".to_owned(), "value".to_owned())],
        allowed_capabilities: capabilities(&source),
        limits: Limits {
            memory_bytes: 4 << 20,
            metrics: 100,
            ..Limits::default()
        },
        is_recorded: source.flag(),
        keeps_finished: source.flag(),
    };
    let shared = Arc::new(SharedState::default());
    let vm = Vm::new(module, config, shared, Rc::<Services>::clone(&services));
    services.is_quiet.set(false);
    if let Ok(vm) = vm {
        World {
            vm,
            services,
            source,
            roots: Vec::new(),
            streams: Vec::new(),
            connections: Vec::new(),
        }
        .live();
    }
}

/// Sometimes only few things are allowed.
fn capabilities(source: &Source) -> Option<BTreeSet<String>> {
    let names: &[&str] = match source.below(8) {
        0 => &[
            "proxy_log",
            "random_get",
            "proxy_on_vm_start",
            "proxy_on_request_headers",
        ],
        1 => &["random_get", "proxy_on_log", "proxy_get_header_map_value"],
        _ => return None,
    };
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// The guest's VM and what the embedder keeps beside it.
pub(super) struct World {
    pub(super) vm: Vm,
    pub(super) services: Rc<Services>,
    pub(super) source: Rc<Source>,
    roots: Vec<ContextId>,
    streams: Vec<(ContextId, Rc<Stream>)>,
    connections: Vec<(ContextId, Rc<Stream>)>,
}

impl World {
    fn live(mut self) {
        self.start_plugin();
        for _ in 0..MAX_EVENTS {
            if self.source.is_empty() {
                break;
            }
            let was_failed = self.vm.is_failed();
            let result = self.happen();
            assert!(!was_failed || result.is_err(), "a failed VM was entered");
            let known = self.roots.len() + self.streams.len() + self.connections.len();
            assert!(
                self.vm.context_count() <= known,
                "contexts without an owner"
            );
        }
    }

    fn happen(&mut self) -> Result<(), Fault> {
        match self.source.below(32) {
            0 => self.start_plugin(),
            1 => self.create_stream(),
            2 => self.create_connection(),
            3..16 => return self.happen_to_stream(),
            16..24 => return self.happen_to_connection(),
            24 => return self.vm.on_tick(self.root()),
            25..29 => return self.end_callout(),
            29 => drop(self.vm.shut_down(self.root())?),
            _ => return self.happen_to_stream(),
        }
        self.still_entered()
    }

    fn start_plugin(&mut self) {
        if self.roots.len() >= MAX_CONTEXTS {
            return;
        }
        let plugin = PluginConfig {
            name: "plugin".to_owned(),
            root_id: "root".to_owned(),
            configuration: self.source.some_bytes().into(),
            allow_on_headers_stop_iteration: self.source.flag(),
        };
        if let Ok(root) = self.vm.start_plugin(plugin) {
            self.roots.push(root);
        }
    }

    fn create_stream(&mut self) {
        if self.streams.len() >= MAX_CONTEXTS {
            return;
        }
        let stream = Rc::new(Stream::new(Rc::clone(&self.source)));
        let root = self.root();
        let id = self
            .vm
            .create_http_context(root, Rc::<Stream>::clone(&stream));
        self.streams.push((id, stream));
    }

    /// A plugin that was started, or a number that may be none.
    pub(super) fn root(&self) -> ContextId {
        let number = self.source.byte();
        let known = self
            .roots
            .get(usize::from(number) % self.roots.len().max(1));
        known.copied().unwrap_or(ContextId(u32::from(number)))
    }

    fn create_connection(&mut self) {
        if self.connections.len() >= MAX_CONTEXTS {
            return;
        }
        let stream = Rc::new(Stream::new(Rc::clone(&self.source)));
        let root = self.root();
        let id = self
            .vm
            .create_tcp_context(root, Rc::<Stream>::clone(&stream));
        self.connections.push((id, stream));
    }

    /// A stream of a list, or a context of any kind under a number that may be none.
    fn choose(&self, list: &[(ContextId, Rc<Stream>)]) -> (ContextId, Option<Rc<Stream>>) {
        let number = self.source.byte();
        let known = list.get(usize::from(number) % (list.len() + 1));
        known.map_or((ContextId(u32::from(number)), None), |(id, stream)| {
            (*id, Some(Rc::clone(stream)))
        })
    }

    fn happen_to_stream(&mut self) -> Result<(), Fault> {
        let (id, stream) = self.choose(&self.streams);
        let ends = self.source.flag();
        let grow = |direction| {
            if let Some(stream) = &stream {
                stream.grow_body(direction);
            }
        };
        match self.source.below(11) {
            0 | 1 => drop(self.vm.on_request_headers(id, ends)?),
            2 => {
                grow(Direction::Request);
                let _ = self.vm.on_request_body(id, ends)?;
            }
            3 => drop(self.vm.on_request_trailers(id)?),
            4 | 5 => drop(self.vm.on_response_headers(id, ends)?),
            6 => {
                grow(Direction::Response);
                let _ = self.vm.on_response_body(id, ends)?;
            }
            7 => drop(self.vm.on_response_trailers(id)?),
            8 => self.vm.on_log(id)?,
            9 => {
                self.streams.retain(|(known, _)| *known != id);
                self.connections.retain(|(known, _)| *known != id);
                self.vm.delete_http_context(id)?;
            }
            _ => grow(Direction::Request),
        }
        self.still_entered()
    }

    fn happen_to_connection(&mut self) -> Result<(), Fault> {
        let (id, stream) = self.choose(&self.connections);
        let ends = self.source.flag();
        let by = match ends {
            true => PeerType::Local,
            false => PeerType::Remote,
        };
        let grow = |direction| {
            if let Some(stream) = &stream {
                stream.grow_body(direction);
            }
        };
        match self.source.below(6) {
            0 => drop(self.vm.on_new_connection(id)?),
            1 => {
                grow(Direction::Request);
                let _ = self.vm.on_downstream_data(id, ends)?;
            }
            2 => {
                grow(Direction::Response);
                let _ = self.vm.on_upstream_data(id, ends)?;
            }
            3 => self.vm.on_downstream_connection_close(id, by)?,
            4 => self.vm.on_upstream_connection_close(id, by)?,
            _ => {
                self.streams.retain(|(known, _)| *known != id);
                self.connections.retain(|(known, _)| *known != id);
                self.vm.delete_tcp_context(id)?;
            }
        }
        self.still_entered()
    }

    /// An event that does not enter a failed VM, as all do.
    pub(super) fn still_entered(&mut self) -> Result<(), Fault> {
        self.vm.on_tick(ContextId(u32::MAX))
    }
}
