//! A plugin's limits, from settings to the runtime.

use tollgate_config::LimitSettings;
use tollgate_runtime::{Limits, QueueLimits, SharedLimits, SharedState};

/// Returns the runtime's limits, with what is set in place of its defaults.
pub(super) fn limits(settings: &LimitSettings) -> Limits {
    let default = Limits::default();
    Limits {
        memory_bytes: settings.memory_bytes.unwrap_or(default.memory_bytes),
        table_elements: settings.table_elements.unwrap_or(default.table_elements),
        metrics: settings.metrics.unwrap_or(default.metrics),
        grpc_callouts: settings.grpc_callouts.unwrap_or(default.grpc_callouts),
        callouts: settings.callouts.unwrap_or(default.callouts),
        header_count: settings.header_count.unwrap_or(default.header_count),
        header_bytes: settings.header_bytes.unwrap_or(default.header_bytes),
        body_bytes: settings.body_bytes.unwrap_or(default.body_bytes),
        log_lines_per_second: settings
            .log_lines_per_second
            .unwrap_or(default.log_lines_per_second),
        start_deadline: settings.start_deadline.unwrap_or(default.start_deadline),
        configure_deadline: settings
            .configure_deadline
            .unwrap_or(default.configure_deadline),
        stream_deadline: settings.stream_deadline.unwrap_or(default.stream_deadline),
        tick_deadline: settings.tick_deadline.unwrap_or(default.tick_deadline),
    }
}

/// Returns an empty shared state in which a VM id may store what is set, or the runtime's defaults.
pub(super) fn shared_state(settings: &LimitSettings) -> SharedState {
    let (data, queues) = (SharedLimits::default(), QueueLimits::default());
    SharedState::with_limits(
        SharedLimits {
            keys: settings.shared_data_keys.unwrap_or(data.keys),
            bytes: settings.shared_data_bytes.unwrap_or(data.bytes),
        },
        QueueLimits {
            items: settings.queue_items.unwrap_or(queues.items),
            bytes: settings.queue_bytes.unwrap_or(queues.bytes),
            ..queues
        },
    )
}
