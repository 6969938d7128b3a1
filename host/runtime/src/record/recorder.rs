//! Recorder: keeps the steps of a VM by the stream that they belong to.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::finished::{EndOf, FinishedQueue, FinishedSteps};
use super::recording::{Recording, RequestHead};
use super::step::{self, Callback, Kind, Step};
use crate::ContextId;
use crate::context::{Context, ContextTable};
use crate::host::StreamMap;
use crate::hostcalls::{Arguments, Hostcall};
use crate::imports::{Import, Window, env};
use crate::vm::{Entry, VM_CONTEXT};

/// Most bytes of one stream's steps, and of those of a start. A stream with more is not kept.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Callbacks that come before a plugin serves.
const START: [&str; 3] = [
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
];

/// Whose steps are being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Start,
    /// A stream, or the VM for a callback of a root that belongs to none.
    Tape(ContextId),
}

/// The steps of one stream.
#[derive(Debug, Default)]
struct Tape {
    head: RequestHead,
    steps: Vec<Step>,
    bytes: usize,
    is_cut: bool,
    /// How many callbacks of roots had begun before.
    root_callbacks: u64,
}

impl Tape {
    fn push(&mut self, step: Step) -> usize {
        self.bytes = self.bytes.saturating_add(step.size());
        if self.bytes > MAX_BYTES {
            self.is_cut = true;
            self.steps = Vec::new();
        }
        if !self.is_cut {
            self.steps.push(step);
        }
        self.steps.len().saturating_sub(1)
    }
}

/// Keeps what the guests of a VM are told.
#[derive(Debug)]
pub(crate) struct Recorder {
    start: Arc<Vec<Step>>,
    start_bytes: usize,
    tapes: HashMap<ContextId, Tape>,
    /// The streams that wait for answers to callouts, by kind and token.
    callers: HashMap<(Callout, u32), ContextId>,
    target: Target,
    /// Whether all that happens belongs to one stream, whose instance this is.
    is_instance: bool,
    /// Whether something has happened to the guest that is not in the steps of its start.
    has_changed: bool,
    /// How many callbacks of roots have begun that belong to no stream, in the VM of all instances.
    root_callbacks: Arc<AtomicU64>,
    /// What has ended, if that is kept.
    finished: Option<FinishedQueue>,
}

/// What an instance has from the recorder of its VM.
#[derive(Clone, Debug)]
pub(crate) struct RecordedStart {
    steps: Arc<Vec<Step>>,
    root_callbacks: Arc<AtomicU64>,
    keeps_finished: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Callout {
    Http,
    Grpc,
    Dns,
}

/// Where a hostcall is kept that has not returned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    target: Target,
    index: usize,
}

impl Recorder {
    /// Returns the recorder of a VM that is about to start.
    pub(crate) fn new(keeps_finished: bool) -> Self {
        Self {
            root_callbacks: Arc::default(),
            finished: keeps_finished.then(FinishedQueue::default),
            start: Arc::default(),
            start_bytes: 0,
            tapes: HashMap::new(),
            callers: HashMap::new(),
            target: Target::Start,
            is_instance: false,
            has_changed: false,
        }
    }

    /// Returns the recorder of a stream's instance of a VM that was started so, and that may have
    /// changed since.
    pub(crate) fn of_instance(start: RecordedStart, has_changed: bool) -> Self {
        Self {
            start: start.steps,
            root_callbacks: start.root_callbacks,
            target: Target::Tape(VM_CONTEXT),
            is_instance: true,
            has_changed,
            ..Self::new(start.keeps_finished)
        }
    }

    /// Returns whether all that happens belongs to one stream.
    pub(crate) const fn is_instance(&self) -> bool {
        self.is_instance
    }

    /// Returns what instances need.
    pub(crate) fn start(&self) -> RecordedStart {
        RecordedStart {
            steps: Arc::clone(&self.start),
            root_callbacks: Arc::clone(&self.root_callbacks),
            keeps_finished: self.finished.is_some(),
        }
    }

    /// A callback begins.
    pub(crate) fn begin(
        &mut self,
        (entry, window): (Entry, Window),
        params: &[u32],
        contexts: &ContextTable,
    ) {
        let before = self.target;
        self.target = self.target_of(entry, params, contexts);
        // Another stream, or the VM itself, was here before.
        self.has_changed |= before != Target::Start && before != self.target && !self.is_instance;
        if let Target::Tape(id) = self.target {
            if id == VM_CONTEXT && !self.is_instance {
                self.end_root_callback();
                self.root_callbacks.fetch_add(1, Ordering::Relaxed);
            }
            let root_callbacks = self.root_callbacks.load(Ordering::Relaxed);
            let tape = self.tapes.entry(id).or_insert_with(|| Tape {
                root_callbacks,
                ..Tape::default()
            });
            if tape.head.headers.is_empty() && entry.callback == "proxy_on_request_headers" {
                tape.head = head(contexts, entry.context);
            }
        }
        self.push(Kind::Callback(Callback {
            name: entry.callback.to_owned(),
            context: entry.context.0,
            params: params.to_vec(),
            ticks: entry.ticks,
            is_start: window == Window::Start,
        }));
    }

    fn target_of(&self, entry: Entry, params: &[u32], contexts: &ContextTable) -> Target {
        if self.is_instance {
            return Target::Tape(VM_CONTEXT);
        }
        match contexts.get(entry.context) {
            None => Target::Start,
            Some(Context::Http(_) | Context::Tcp(_)) => Target::Tape(entry.context),
            Some(Context::Root(_)) if START.contains(&entry.callback) => Target::Start,
            Some(Context::Root(_)) => {
                let key = callout_of(entry.callback).zip(params.get(1).copied());
                let caller = key.and_then(|key| self.callers.get(&key));
                let alive = caller.filter(|id| contexts.contains(**id));
                Target::Tape(alive.copied().unwrap_or(VM_CONTEXT))
            }
        }
    }

    fn push(&mut self, kind: Kind) -> Place {
        let step = Step { kind: Some(kind) };
        let target = self.target;
        let index = match target {
            Target::Start => {
                self.start_bytes = self.start_bytes.saturating_add(step.size());
                let start = Arc::make_mut(&mut self.start);
                if self.start_bytes <= MAX_BYTES {
                    start.push(step);
                }
                start.len().saturating_sub(1)
            }
            Target::Tape(id) => self.tapes.entry(id).or_default().push(step),
        };
        Place { target, index }
    }

    fn hostcall_mut(&mut self, place: Place) -> Option<&mut step::Hostcall> {
        let step = match place.target {
            Target::Start => Arc::make_mut(&mut self.start).get_mut(place.index),
            Target::Tape(id) => self.tapes.get_mut(&id)?.steps.get_mut(place.index),
        };
        match &mut step?.kind {
            Some(Kind::Hostcall(call)) => Some(call),
            Some(Kind::Callback(_)) | None => None,
        }
    }

    /// A hostcall has returned.
    fn end(&mut self, place: Place, import: &Import, status: u32, outputs: Vec<step::Output>) {
        let token = outputs.last().and_then(|output| {
            let bytes = <[u8; 4]>::try_from(output.bytes.as_slice()).ok()?;
            Some(u32::from_le_bytes(bytes))
        });
        if let (0, Some(kind), Some(token), Target::Tape(id)) =
            (status, callout_from(import), token, place.target)
            && id != VM_CONTEXT
        {
            self.callers.insert((kind, token), id);
        }
        let size = outputs.iter().map(|output| output.bytes.len() + 32).sum();
        if let Some(call) = self.hostcall_mut(place) {
            call.status = status;
            call.outputs = outputs;
        }
        match place.target {
            Target::Start => self.start_bytes = self.start_bytes.saturating_add(size),
            Target::Tape(id) => {
                if let Some(tape) = self.tapes.get_mut(&id) {
                    tape.bytes = tape.bytes.saturating_add(size);
                }
            }
        }
    }

    /// A stream is gone.
    pub(crate) fn forget(&mut self, id: ContextId) {
        if !self.is_instance {
            let streams = self.tapes.len();
            let tape = self.tapes.remove(&id);
            self.callers.retain(|_, caller| *caller != id);
            self.finish(EndOf::Stream, tape, streams);
        }
    }

    fn end_root_callback(&mut self) {
        let tape = self.tapes.remove(&VM_CONTEXT);
        self.finish(EndOf::RootCallback, tape, 0);
    }

    fn finish(&mut self, end_of: EndOf, tape: Option<Tape>, streams: usize) {
        let Some((finished, tape)) = self.finished.as_mut().zip(tape) else {
            return;
        };
        finished.most_streams = finished.most_streams.max(streams);
        let root_callbacks = self.root_callbacks.load(Ordering::Relaxed);
        finished.push(FinishedSteps {
            end_of,
            is_whole: !tape.is_cut,
            spans_root_callback: tape.root_callbacks != root_callbacks,
            steps: tape.steps,
        });
    }

    /// Takes what has ended since the last time, with how the VM started. Nothing runs in the VM,
    /// and if it is an instance, its stream is gone.
    pub(crate) fn take_finished(&mut self) -> Option<(Arc<Vec<Step>>, FinishedQueue)> {
        if self.is_instance {
            let tape = self.tapes.remove(&VM_CONTEXT);
            self.finish(EndOf::Stream, tape, 1);
        } else {
            self.end_root_callback();
        }
        let finished = self.finished.as_mut()?.take();
        finished.map(|finished| (Arc::clone(&self.start), finished))
    }

    /// Returns the steps that led to what happens now, unless there were too many or they were kept
    /// for something else.
    pub(crate) fn into_recording(mut self) -> Option<Recording> {
        if self.start_bytes > MAX_BYTES || self.finished.is_some() {
            return None;
        }
        let tape = match self.target {
            Target::Start => Tape::default(),
            Target::Tape(id) => self.tapes.remove(&id).unwrap_or_default(),
        };
        (!tape.is_cut).then(|| Recording {
            start: self.start,
            own: tape.steps,
            head: tape.head,
            has_changed: self.has_changed,
            ..Recording::default()
        })
    }
}

/// Keeps a hostcall before it is carried out: the guest's allocator may make others meanwhile.
#[cold]
pub(crate) fn begin_hostcall(
    call: &mut Hostcall<'_>,
    import: &'static Import,
    arguments: &[u64],
) -> Option<Place> {
    let (memory, state) = call.split();
    let recorder = state.recorder.as_mut()?;
    let asked = match recorder.finished {
        None => step::asked(import, arguments, memory),
        Some(_) => step::compared(import, arguments, memory),
    };
    Some(recorder.push(Kind::Hostcall(step::Hostcall {
        name: import.name.to_owned(),
        asked,
        arguments: Arguments::new(import, arguments, memory).to_string(),
        status: 0,
        outputs: Vec::new(),
    })))
}

/// Keeps what a hostcall told the guest.
#[cold]
pub(crate) fn end_hostcall(
    call: &mut Hostcall<'_>,
    import: &'static Import,
    arguments: &[u64],
    (place, status): (Place, u32),
) {
    let (memory, state) = call.split();
    let outputs = step::outputs(import, arguments, status == 0, memory);
    if let Some(recorder) = &mut state.recorder {
        recorder.end(place, import, status, outputs);
    }
}

fn callout_from(import: &Import) -> Option<Callout> {
    let kinds = [
        (&env::HTTP_CALL, Callout::Http),
        (&env::GRPC_CALL, Callout::Grpc),
        (&env::GRPC_STREAM, Callout::Grpc),
        (&env::RESOLVE_DNS, Callout::Dns),
    ];
    let found = kinds.iter().find(|(known, _)| known.index == import.index);
    found.map(|(_, kind)| *kind)
}

fn callout_of(callback: &str) -> Option<Callout> {
    match callback {
        "proxy_on_http_call_response" => Some(Callout::Http),
        "envoy_on_resolve_dns" => Some(Callout::Dns),
        _ if callback.starts_with("proxy_on_grpc_") => Some(Callout::Grpc),
        _ => None,
    }
}

fn head(contexts: &ContextTable, id: ContextId) -> RequestHead {
    let mut head = RequestHead::default();
    if let Some(http) = contexts.http(id)
        && http.host.has_map(StreamMap::RequestHeaders)
    {
        http.host
            .map_entries(StreamMap::RequestHeaders, &mut |name, value| {
                head.push(name, value);
            });
    }
    head
}
