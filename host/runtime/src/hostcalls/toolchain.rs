//! Functions that C and C++ toolchains import.

use wasmtime::Caller;

use super::Linking;
use crate::hostcalls::closed;
use crate::imports::{ENV_MODULE, env};
use crate::vm::VmState;

pub(super) fn link(linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    linking.linker.func_wrap(
        ENV_MODULE,
        env::PTHREAD_EQUAL.name,
        |caller: Caller<'_, VmState>, a: u32, b: u32| {
            if caller.data().gate.permits(&env::PTHREAD_EQUAL) {
                Ok(u32::from(a == b))
            } else {
                closed(caller, &env::PTHREAD_EQUAL, &[a.into(), b.into()])
            }
        },
    )?;
    linking.linker.func_wrap(
        ENV_MODULE,
        env::NOTIFY_MEMORY_GROWTH.name,
        |caller: Caller<'_, VmState>, memory: u32| {
            if caller.data().gate.permits(&env::NOTIFY_MEMORY_GROWTH) {
                Ok(())
            } else {
                closed(caller, &env::NOTIFY_MEMORY_GROWTH, &[memory.into()]).map(drop)
            }
        },
    )?;
    Ok(())
}
