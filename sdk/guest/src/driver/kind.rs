//! Kinds of plugins: what the driver does alike for HTTP filters, TCP filters and services.

use std::future::Future;
use std::marker::PhantomData;
use std::mem::needs_drop;
use std::rc::Rc;

use super::root::Root;
use super::stream::Stream;
use super::tunnel::Tunnel;
use super::{Event, insert, on_delete, on_event};
use crate::exchange::Exchange;
use crate::filter::{Hook, Hooks, HttpFilter};
use crate::foreign::ForeignCall;
use crate::plugin::{Plugin, PluginCx};
use crate::queue::Queue;
use crate::service::Service;
use crate::stream_filter::StreamFilter;

/// A plugin with what its root context must know of it.
pub(crate) trait Kind: Sized + 'static {
    type Plugin: Plugin;
    const HOOKS: Hooks;

    /// Makes a context for a stream, if there are streams.
    fn create_stream(root: Rc<Root<Self>>, id: u32);

    /// Reacts to an event of a stream for which the root stands, or of one that begins; there may be
    /// none.
    fn on_stream(_root: &Rc<Root<Self>>, _id: u32, _event: Event) -> u32 {
        0
    }

    fn queue_ready(plugin: &Self::Plugin, queue: Queue, cx: &PluginCx) -> impl Future<Output = ()>;

    fn foreign_function(plugin: &Self::Plugin, call: &ForeignCall, cx: &PluginCx);

    fn stop(plugin: &Self::Plugin, cx: &PluginCx) -> impl Future<Output = ()>;

    /// `proxy_on_log` of the root context, which access loggers have.
    fn log(plugin: &Self::Plugin, root: u32);
}

/// An HTTP filter.
pub(crate) struct Http<F>(PhantomData<F>);

/// A TCP filter.
pub(crate) struct Tcp<F>(PhantomData<F>);

/// A plugin without streams.
pub(crate) struct Rootwide<S>(PhantomData<S>);

/// Hands the handlers that all kinds have to the trait of one of them.
macro_rules! root_handlers {
    ($trait:ident) => {
        type Plugin = P;
        const HOOKS: Hooks = <P as $trait>::HOOKS;

        fn queue_ready(plugin: &P, queue: Queue, cx: &PluginCx) -> impl Future<Output = ()> {
            $trait::queue_ready(plugin, queue, cx)
        }

        fn foreign_function(plugin: &P, call: &ForeignCall, cx: &PluginCx) {
            $trait::foreign_function(plugin, call, cx);
        }

        fn stop(plugin: &P, cx: &PluginCx) -> impl Future<Output = ()> {
            $trait::stop(plugin, cx)
        }
    };
}

impl<P: HttpFilter> Http<P> {
    /// Whether nothing of a stream outlives the handler of its request's headers.
    const IS_BRIEF: bool = P::HOOKS.are_brief() && !needs_drop::<P::State>();
}

impl<P: HttpFilter> Kind for Http<P> {
    root_handlers!(HttpFilter);

    fn create_stream(root: Rc<Root<Self>>, id: u32) {
        if Self::IS_BRIEF {
            insert(id, root);
        } else {
            insert(id, Rc::new(Stream::new(id, root)));
        }
    }

    fn on_stream(root: &Rc<Root<Self>>, id: u32, event: Event) -> u32 {
        if Self::IS_BRIEF {
            return root.on_brief_stream(id, event);
        }
        let Event::Request(part) = event else {
            return 0;
        };
        Self::create_stream(Rc::clone(root), id);
        let answer = on_event(id, Event::RequestHeaders(part));
        if answer == 0 {
            on_delete(id);
        }
        answer
    }

    fn log(_plugin: &P, _root: u32) {}
}

impl<P: StreamFilter> Kind for Tcp<P> {
    root_handlers!(StreamFilter);

    fn create_stream(root: Rc<Root<Self>>, id: u32) {
        insert(id, Rc::new(Tunnel::new(id, root)));
    }

    fn log(_plugin: &P, _root: u32) {}
}

impl<P: Service> Kind for Rootwide<P> {
    root_handlers!(Service);

    fn create_stream(_root: Rc<Root<Self>>, _id: u32) {}

    fn log(plugin: &P, root: u32) {
        if P::HOOKS.log != Hook::Absent {
            plugin.log(&Exchange::ended(root));
        }
    }
}
