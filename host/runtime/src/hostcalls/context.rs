//! Contexts: acting as another one, and the end of a plugin.

use super::{Linking, Refusal, hostcall};
use crate::ContextId;
use crate::imports::env;
use crate::vm::{Effect, VM_CONTEXT};

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    hostcall!(linking, env::SET_EFFECTIVE_CONTEXT, |call, id: u32| {
        let state = call.state_mut();
        let id = ContextId(id);
        if id != VM_CONTEXT && !state.contexts.contains(id) {
            return Err(Refusal::bad_argument("no context of this VM has that id").into());
        }
        state.effective = id;
        Ok(())
    });
    hostcall!(linking, env::PROXY_DONE, |call| {
        let state = call.state_mut();
        let root = state.acting_root().map(|(id, _)| id);
        let context = root.and_then(|id| state.contexts.root_mut(id));
        let Some((id, context)) = root.zip(context).filter(|(_, root)| root.awaits_done) else {
            return Err(Refusal::not_found(
                "the plugin is not waiting: proxy_on_done has not returned false",
            )
            .into());
        };
        context.awaits_done = false;
        state.defer(Effect::DeleteRoot(id));
        Ok(())
    });
    Ok(())
}
