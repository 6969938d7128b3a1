//! `RootContext`: one plugin in a VM.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::{Declarations, GrpcCallouts, HttpContext};
use crate::PluginConfig;
use crate::foreign::Expressions;
use crate::host::HttpCallResponse;

/// How a callout ended, for `proxy_get_status`.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalloutStatus {
    pub(crate) code: u32,
    /// Emptied after the callback; the code stays.
    pub(crate) message: Cow<'static, str>,
}

/// The state of a root context.
#[derive(Debug)]
pub(crate) struct RootContext {
    pub(crate) plugin: Arc<PluginConfig>,
    /// Whether the plugin's configuration may be read now.
    pub(crate) is_configuring: bool,
    /// Whether `proxy_on_done` returned false and `proxy_done` has not been called.
    pub(crate) awaits_done: bool,
    /// The callout's response while its callback runs.
    pub(crate) response: Option<HttpCallResponse>,
    pub(crate) grpc: GrpcCallouts,
    /// The addresses of a DNS lookup while its callback runs.
    pub(crate) call_data: Option<Bytes>,
    pub(crate) status: CalloutStatus,
    pub(crate) declarations: Declarations,
    pub(crate) expressions: Arc<Expressions>,
    /// The stream that an access logger logs while its callback runs.
    pub(crate) logged: Option<Box<HttpContext>>,
}

impl RootContext {
    pub(crate) fn new(plugin: PluginConfig) -> Self {
        Self::of(Arc::new(plugin))
    }

    fn of(plugin: Arc<PluginConfig>) -> Self {
        Self {
            plugin,
            is_configuring: false,
            awaits_done: false,
            response: None,
            grpc: GrpcCallouts::default(),
            call_data: None,
            status: CalloutStatus::default(),
            declarations: Declarations::default(),
            expressions: Arc::default(),
            logged: None,
        }
    }
}

/// What a snapshot keeps of a root. Callouts under way stay with the VM that started them.
#[derive(Debug)]
pub(crate) struct RootImage {
    plugin: Arc<PluginConfig>,
    status: CalloutStatus,
    declarations: Declarations,
    expressions: Arc<Expressions>,
}

impl From<&RootContext> for RootImage {
    fn from(root: &RootContext) -> Self {
        Self {
            plugin: Arc::clone(&root.plugin),
            status: root.status.clone(),
            declarations: root.declarations.clone(),
            expressions: Arc::clone(&root.expressions),
        }
    }
}

impl From<&RootImage> for RootContext {
    fn from(image: &RootImage) -> Self {
        Self {
            status: image.status.clone(),
            declarations: image.declarations.clone(),
            expressions: Arc::clone(&image.expressions),
            ..Self::of(Arc::clone(&image.plugin))
        }
    }
}
