//! `LimitSettings`: what plugins may use; what is not set has the runtime's default.

use std::time::Duration;

use super::fields::Fields;
use super::value;

/// Least memory of a plugin: one page.
const MIN_MEMORY_BYTES: usize = 64 << 10;
/// Most memory that a plugin can address.
const MAX_MEMORY_BYTES: usize = 4 << 30;
/// Below this no plugin starts.
const MIN_STACK_BYTES: usize = 16 << 10;
/// A worker's thread has no more for its plugins.
const MAX_STACK_BYTES: usize = 1 << 20;

/// What plugins may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LimitSettings {
    /// Longest time for a module's start functions.
    pub start_deadline: Option<Duration>,
    /// Longest time for creating, starting and configuring a plugin, each.
    pub configure_deadline: Option<Duration>,
    /// Longest time for a callback of a stream.
    pub stream_deadline: Option<Duration>,
    /// Longest time for a tick or another callback of a root.
    pub tick_deadline: Option<Duration>,
    /// Most bytes of memory of an instance.
    pub memory_bytes: Option<usize>,
    /// Most elements of a table.
    pub table_elements: Option<usize>,
    /// Most bytes of stack; the same for all plugins.
    pub stack_bytes: Option<usize>,
    /// Most headers of a map that a plugin writes or sends.
    pub header_count: Option<usize>,
    /// Most bytes of such a map.
    pub header_bytes: Option<usize>,
    /// Most bytes of a body that a plugin writes or sends, and of a callout's answer.
    pub body_bytes: Option<usize>,
    /// Most HTTP and gRPC callouts of a VM that wait for an answer.
    pub callouts: Option<usize>,
    /// Most items of a queue.
    pub queue_items: Option<usize>,
    /// Most bytes of all queues of a VM id.
    pub queue_bytes: Option<usize>,
    /// Most bytes of a VM id's shared data.
    pub shared_data_bytes: Option<usize>,
    /// Most keys of a VM id's shared data.
    pub shared_data_keys: Option<usize>,
    /// Most metrics that an instance may define.
    pub metrics: Option<usize>,
    /// Most gRPC calls and streams of a plugin whose tokens are in use.
    pub grpc_callouts: Option<usize>,
    /// Most lines a second that a plugin writes to the log.
    pub log_lines_per_second: Option<usize>,
}

impl LimitSettings {
    /// Returns these limits, with those of `others` where nothing is set.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            start_deadline: self.start_deadline.or(others.start_deadline),
            configure_deadline: self.configure_deadline.or(others.configure_deadline),
            stream_deadline: self.stream_deadline.or(others.stream_deadline),
            tick_deadline: self.tick_deadline.or(others.tick_deadline),
            memory_bytes: self.memory_bytes.or(others.memory_bytes),
            table_elements: self.table_elements.or(others.table_elements),
            stack_bytes: self.stack_bytes.or(others.stack_bytes),
            header_count: self.header_count.or(others.header_count),
            header_bytes: self.header_bytes.or(others.header_bytes),
            body_bytes: self.body_bytes.or(others.body_bytes),
            callouts: self.callouts.or(others.callouts),
            queue_items: self.queue_items.or(others.queue_items),
            queue_bytes: self.queue_bytes.or(others.queue_bytes),
            shared_data_bytes: self.shared_data_bytes.or(others.shared_data_bytes),
            shared_data_keys: self.shared_data_keys.or(others.shared_data_keys),
            metrics: self.metrics.or(others.metrics),
            grpc_callouts: self.grpc_callouts.or(others.grpc_callouts),
            log_lines_per_second: self.log_lines_per_second.or(others.log_lines_per_second),
        }
    }
}

/// Reads the limits of all plugins.
pub(super) fn read_all(fields: &mut Fields<'_>) -> LimitSettings {
    let own = read_common(fields);
    LimitSettings {
        stack_bytes: fields.value("stack_bytes", |data| {
            within(value::bytes(data)?, MIN_STACK_BYTES, MAX_STACK_BYTES)
        }),
        queue_items: fields.value("queue_items", value::count),
        queue_bytes: fields.value("queue_bytes", value::bytes),
        shared_data_bytes: fields.value("shared_data_bytes", value::bytes),
        shared_data_keys: fields.value("shared_data_keys", value::count),
        ..own
    }
}

/// Reads the limits of one plugin.
pub(super) fn read_own(fields: &mut Fields<'_>) -> LimitSettings {
    let own = read_common(fields);
    fields.refuse(
        "stack_bytes",
        "all plugins have the same; set it in `limits`",
    );
    for name in [
        "queue_items",
        "queue_bytes",
        "shared_data_bytes",
        "shared_data_keys",
    ] {
        fields.refuse(
            name,
            "plugins of several names may share a VM id; set it in `limits`",
        );
    }
    own
}

fn read_common(fields: &mut Fields<'_>) -> LimitSettings {
    LimitSettings {
        start_deadline: fields.value("start_deadline", value::period),
        configure_deadline: fields.value("configure_deadline", value::period),
        stream_deadline: fields.value("stream_deadline", value::period),
        tick_deadline: fields.value("tick_deadline", value::period),
        memory_bytes: fields.value("memory_bytes", |data| {
            within(value::bytes(data)?, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES)
        }),
        table_elements: fields.value("table_elements", value::count),
        header_count: fields.value("header_count", value::count),
        header_bytes: fields.value("header_bytes", value::bytes),
        body_bytes: fields.value("body_bytes", value::bytes),
        callouts: fields.value("callouts", value::count),
        metrics: fields.value("metrics", value::count),
        grpc_callouts: fields.value("grpc_callouts", value::count),
        log_lines_per_second: fields.value("log_lines_per_second", value::count),
        ..LimitSettings::default()
    }
}

fn within(bytes: usize, least: usize, most: usize) -> Result<usize, String> {
    if (least..=most).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(format!("{bytes} is not between {least} and {most} bytes"))
    }
}
