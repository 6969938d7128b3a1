//! WASI preview 1, as far as a host without files, sockets and processes has it.

use crate::hostcalls::Linking;

pub(crate) fn link(_linking: &mut Linking<'_>) -> Result<(), wasmtime::Error> {
    Ok(())
}
