//! Guest: the only place from which guest functions are called.

use std::time::Duration;

use smallvec::SmallVec;
use wasmtime::{Store, WasmCoreDump, WasmParams, WasmResults};

use super::callback::Callback;
use super::state::VM_CONTEXT;
use super::{VmState, fault};
use crate::imports::Window;
use crate::pages::WrittenPages;
use crate::{ContextId, Engine, Fault, Limits};

/// How long a call may run, in ticks of the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    pub(crate) start: u64,
    pub(crate) configure: u64,
    pub(crate) stream: u64,
    pub(crate) tick: u64,
}

impl Deadlines {
    pub(crate) fn new(engine: &Engine, limits: &Limits) -> Self {
        let ticks = |deadline: Duration| engine.ticks(deadline);
        Self {
            start: ticks(limits.start_deadline),
            configure: ticks(limits.configure_deadline),
            stream: ticks(limits.stream_deadline),
            tick: ticks(limits.tick_deadline),
        }
    }
}

/// More than any guest can burn: fuel only counts here, deadlines are what stops.
const FUEL: u64 = u64::MAX;

/// Parameters of a callback as they are recorded.
pub(crate) trait Words: Copy {
    fn words(self) -> SmallVec<[u32; 5]>;
}

impl Words for () {
    fn words(self) -> SmallVec<[u32; 5]> {
        SmallVec::new()
    }
}

impl Words for u32 {
    fn words(self) -> SmallVec<[u32; 5]> {
        SmallVec::from_slice(&[self])
    }
}

impl Words for (u32, u32) {
    fn words(self) -> SmallVec<[u32; 5]> {
        SmallVec::from_slice(&[self.0, self.1])
    }
}

impl Words for (u32, u32, u32) {
    fn words(self) -> SmallVec<[u32; 5]> {
        SmallVec::from_slice(&[self.0, self.1, self.2])
    }
}

impl Words for (u32, u32, u32, u32, u32) {
    fn words(self) -> SmallVec<[u32; 5]> {
        SmallVec::from_slice(&[self.0, self.1, self.2, self.3, self.4])
    }
}

/// One call into the guest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) callback: &'static str,
    pub(crate) context: ContextId,
    pub(crate) ticks: u64,
}

/// What all guests of the same compiled module have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) deadlines: Deadlines,
    pub(crate) counts_fuel: bool,
    /// What added to an offset in the compiled bytes gives the one in the module as it was given.
    pub(crate) code_shift: isize,
}

impl Settings {
    pub(crate) fn new(engine: &Engine, limits: &Limits, code_shift: isize) -> Self {
        Self {
            deadlines: Deadlines::new(engine, limits),
            counts_fuel: engine.counts_fuel(),
            code_shift,
        }
    }
}

/// A guest with its state. After a fault it is never entered again.
pub(crate) struct Guest {
    pub(crate) store: Store<VmState>,
    pub(crate) deadlines: Deadlines,
    failure: Option<Fault>,
    core: Option<WasmCoreDump>,
    pub(super) code_shift: isize,
    /// Which pages of its memory it has written, where somebody tells.
    pub(super) pages: Option<WrittenPages>,
}

impl Guest {
    pub(crate) fn new(
        engine: &wasmtime::Engine,
        settings: Settings,
        state: VmState,
    ) -> Result<Self, wasmtime::Error> {
        let mut store = Store::try_new(engine, state)?;
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(settings.deadlines.start);
        if settings.counts_fuel {
            store.set_fuel(FUEL)?;
        }
        Ok(Self {
            store,
            deadlines: settings.deadlines,
            failure: None,
            core: None,
            code_shift: settings.code_shift,
            pages: None,
        })
    }

    /// Begins to count instructions anew.
    pub(super) fn refuel(&mut self) {
        // It fails if instructions are not counted.
        self.store.set_fuel(FUEL).ok();
    }

    pub(crate) fn state(&self) -> &VmState {
        self.store.data()
    }

    pub(crate) fn state_mut(&mut self) -> &mut VmState {
        self.store.data_mut()
    }

    /// How many instructions the guest has executed, if the engine counts them.
    pub(crate) fn fuel_consumed(&self) -> Option<u64> {
        let left = self.store.get_fuel().ok()?;
        Some(FUEL - left)
    }

    pub(crate) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Takes the core dump that a fault has left.
    pub(crate) fn coredump(&mut self) -> Option<Vec<u8>> {
        let core = self.core.take()?;
        Some(core.serialize(&mut self.store, "guest"))
    }

    /// Returns a fault when the guest must not be entered any more.
    pub(crate) fn check(&self, callback: &'static str) -> Result<(), Fault> {
        match &self.failure {
            None => Ok(()),
            Some(first) => Err(fault::after_failure(first, callback)),
        }
    }

    /// Calls a guest function with the given context as the current one.
    pub(crate) fn call<P: WasmParams + Words, R: WasmResults>(
        &mut self,
        entry: Entry,
        function: &Callback<P, R>,
        params: P,
    ) -> Result<R, Fault> {
        let state = self.store.data_mut();
        if let Some(recorder) = &mut state.recorder {
            let window = state.gate.window();
            recorder.begin((entry, window), &params.words(), &state.contexts);
        }
        self.enter(entry, |store| function.call(store, params))
    }

    /// Enters the guest with the given context as the current one.
    #[inline]
    pub(crate) fn enter<R>(
        &mut self,
        entry: Entry,
        call: impl FnOnce(&mut Store<VmState>) -> Result<R, wasmtime::Error>,
    ) -> Result<R, Fault> {
        self.check(entry.callback)?;
        if let Some(pages) = &mut self.pages {
            pages.expect_writes();
        }
        self.store.set_epoch_deadline(entry.ticks);
        let state = self.store.data_mut();
        state.current = entry.context;
        state.effective = VM_CONTEXT;
        state.has_replied = false;
        state.limiter.refused = None;
        state.history.begin();
        let result = call(&mut self.store);
        if let Some(pages) = &mut self.pages {
            pages.end_writes();
        }
        let state = self.store.data_mut();
        let acting = match &result {
            Ok(_) => VM_CONTEXT,
            Err(_) => state.acting(),
        };
        state.current = VM_CONTEXT;
        state.effective = VM_CONTEXT;
        if let Some(limit) = state.limiter.refused {
            state.services.limit_hit(limit);
        }
        result.map_err(|error| self.fail(entry, acting, error))
    }

    /// Calls a start function in its window.
    pub(crate) fn call_start<P: WasmParams + Words, R: WasmResults>(
        &mut self,
        callback: &'static str,
        function: &Callback<P, R>,
        params: P,
    ) -> Result<R, Fault> {
        let before = self.state_mut().gate.enter(Window::Start);
        let entry = Entry {
            callback,
            context: VM_CONTEXT,
            ticks: self.deadlines.start,
        };
        let result = self.call(entry, function, params);
        self.state_mut().gate.enter(before);
        result
    }

    /// Ends the VM: what the guest asked for is dropped, for its embedder now answers instead.
    #[cold]
    fn fail(&mut self, entry: Entry, acting: ContextId, error: wasmtime::Error) -> Fault {
        let state = self.store.data_mut();
        state.effects.clear();
        let plugin = state.plugin_name(entry.context).to_owned();
        let kind = fault::kind(&error, state.limiter.refused.is_some());
        if let Some(limit) = fault::limit(&error) {
            state.services.limit_hit(limit);
        }
        let fault = Fault {
            plugin,
            callback: entry.callback,
            context: entry.context,
            kind,
            message: fault::message(&error),
            details: Box::new(fault::details(self, acting, &error)),
        };
        self.failure = Some(fault.clone());
        self.core = error.downcast().ok();
        fault
    }
}
