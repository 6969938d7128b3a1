//! Hostcalls of a program: the log and the time; all others are refused.

use tollgate_abi::wasi::ENOSYS;
use tollgate_abi::{LogLevel, Status};
use wasmtime::{Caller, FuncType, Linker, Val, ValType};

use super::memory::{read, write};
use super::{Output, State};
use crate::imports::{ENV_MODULE, env};

pub(super) fn link(linker: &mut Linker<State>) -> Result<(), wasmtime::Error> {
    linker.func_wrap(
        ENV_MODULE,
        env::WRITE_LOG.name,
        |mut caller: Caller<'_, State>, level: u32, message: u32, size: u32| {
            let Ok(message) = read(&mut caller, message, size) else {
                return Status::InvalidMemoryAccess.to_u32();
            };
            let Ok(level) = LogLevel::try_from(level) else {
                return Status::BadArgument.to_u32();
            };
            let text = message.escape_ascii();
            let line = format!("[{}] {text}\n", level.name());
            caller.data().host.write(Output::Error, line.as_bytes());
            Status::Ok.to_u32()
        },
    )?;
    linker.func_wrap(
        ENV_MODULE,
        env::GET_CURRENT_TIME.name,
        |mut caller: Caller<'_, State>, result: u32| {
            let now = caller.data().host.realtime_nanos();
            match write(&mut caller, result, &now.to_le_bytes()) {
                Ok(()) => Status::Ok.to_u32(),
                Err(_) => Status::InvalidMemoryAccess.to_u32(),
            }
        },
    )?;
    Ok(())
}

/// Links a function that does nothing and says so, where it can: in the words of its family.
pub(super) fn refuse(
    linker: &mut Linker<State>,
    (family, name): (&str, &str),
    ty: FuncType,
) -> Result<(), wasmtime::Error> {
    let number = if family == ENV_MODULE {
        Status::Unimplemented.to_u32().cast_signed()
    } else {
        ENOSYS
    };
    let answers: Vec<Val> = ty.results().filter_map(|ty| answer(&ty, number)).collect();
    linker.func_new(family, name, ty, move |_caller, _params, results| {
        for (result, answer) in results.iter_mut().zip(&answers) {
            *result = *answer;
        }
        Ok(())
    })?;
    Ok(())
}

fn answer(ty: &ValType, number: i32) -> Option<Val> {
    if matches!(ty, ValType::I32) {
        Some(Val::I32(number))
    } else {
        Val::default_for_ty(ty)
    }
}
