//! WASI preview 1 as programs need it: arguments, environment, output, clocks, random numbers, the
//! end. There are no files, and standard input is empty.

use std::time::Duration;

use tollgate_abi::wasi::{CLOCK_MONOTONIC, CLOCK_REALTIME, EBADF, EINVAL, ESUCCESS};
use wasmtime::{Caller, Linker};

use super::memory::{Answer, read, u32_at, u64_at, write};
use super::{Exit, Output, State};

/// Sizes of a subscription and of an event.
const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;

/// More than any program asks for at once; what is beyond is a short write or an error.
const MOST: u32 = 1024;

/// The flag of a subscription whose time is a point, not a duration.
const ABSOLUTE: u8 = 1;

type Wasi<'a> = Caller<'a, State>;

fn errno(answer: Answer<()>) -> i32 {
    answer.err().unwrap_or(ESUCCESS)
}

pub(super) fn link(linker: &mut Linker<State>, module: &str) -> Result<(), wasmtime::Error> {
    link_start(linker, module)?;
    link_files(linker, module)?;
    link_time(linker, module)?;
    linker.func_wrap(
        module,
        "random_get",
        |mut caller: Wasi<'_>, out: u32, size: u32| errno(random(&mut caller, out, size)),
    )?;
    linker.func_wrap(
        module,
        "proc_exit",
        |_caller: Wasi<'_>, code: i32| -> Result<(), wasmtime::Error> {
            Err(wasmtime::Error::new(Exit(code)))
        },
    )?;
    Ok(())
}

fn link_start(linker: &mut Linker<State>, module: &str) -> Result<(), wasmtime::Error> {
    linker.func_wrap(
        module,
        "args_sizes_get",
        |mut caller: Wasi<'_>, count: u32, size: u32| {
            let texts = caller.data().arguments.clone();
            errno(sizes(&mut caller, &texts, (count, size)))
        },
    )?;
    linker.func_wrap(
        module,
        "args_get",
        |mut caller: Wasi<'_>, table: u32, block: u32| {
            let texts = caller.data().arguments.clone();
            errno(write_texts(&mut caller, &texts, (table, block)))
        },
    )?;
    linker.func_wrap(
        module,
        "environ_sizes_get",
        |mut caller: Wasi<'_>, count: u32, size: u32| {
            let texts = caller.data().environment.clone();
            errno(sizes(&mut caller, &texts, (count, size)))
        },
    )?;
    linker.func_wrap(
        module,
        "environ_get",
        |mut caller: Wasi<'_>, table: u32, block: u32| {
            let texts = caller.data().environment.clone();
            errno(write_texts(&mut caller, &texts, (table, block)))
        },
    )?;
    Ok(())
}

fn link_files(linker: &mut Linker<State>, module: &str) -> Result<(), wasmtime::Error> {
    linker.func_wrap(
        module,
        "fd_write",
        |mut caller: Wasi<'_>, fd: u32, parts: u32, count: u32, written: u32| {
            errno(write_output(&mut caller, fd, (parts, count), written))
        },
    )?;
    linker.func_wrap(
        module,
        "fd_read",
        |mut caller: Wasi<'_>, fd: u32, _parts: u32, _count: u32, result: u32| {
            if fd != 0 {
                return EBADF;
            }
            errno(write(&mut caller, result, &[0; 4]))
        },
    )?;
    linker.func_wrap(
        module,
        "fd_fdstat_get",
        |mut caller: Wasi<'_>, fd: u32, result: u32| {
            if fd > 2 {
                return EBADF;
            }
            // Of no known type, so that nobody takes it for a terminal; with every right.
            let mut stat = [0; 24];
            if let Some(rights) = stat.get_mut(8..) {
                rights.fill(0xff);
            }
            errno(write(&mut caller, result, &stat))
        },
    )?;
    linker.func_wrap(
        module,
        "fd_prestat_get",
        |_caller: Wasi<'_>, _fd: u32, _result: u32| EBADF,
    )?;
    linker.func_wrap(module, "fd_close", |_caller: Wasi<'_>, _fd: u32| ESUCCESS)?;
    Ok(())
}

fn link_time(linker: &mut Linker<State>, module: &str) -> Result<(), wasmtime::Error> {
    linker.func_wrap(
        module,
        "clock_time_get",
        |mut caller: Wasi<'_>, clock: u32, _precision: u64, result: u32| {
            let now = now(&caller, clock);
            errno(now.and_then(|now| write(&mut caller, result, &now.to_le_bytes())))
        },
    )?;
    linker.func_wrap(
        module,
        "clock_res_get",
        |mut caller: Wasi<'_>, _clock: u32, result: u32| {
            errno(write(&mut caller, result, &1_u64.to_le_bytes()))
        },
    )?;
    linker.func_wrap(module, "sched_yield", |_caller: Wasi<'_>| ESUCCESS)?;
    linker.func_wrap(
        module,
        "poll_oneoff",
        |mut caller: Wasi<'_>, subscriptions: u32, events: u32, count: u32, result: u32| {
            errno(poll(&mut caller, (subscriptions, count), events, result))
        },
    )?;
    Ok(())
}

fn length(len: usize) -> Answer<u32> {
    u32::try_from(len).map_err(|_| EINVAL)
}

fn sizes(caller: &mut Wasi<'_>, texts: &[Vec<u8>], (count, size): (u32, u32)) -> Answer<()> {
    let bytes = length(texts.iter().map(Vec::len).sum())?;
    write(caller, count, &length(texts.len())?.to_le_bytes())?;
    write(caller, size, &bytes.to_le_bytes())
}

fn write_texts(caller: &mut Wasi<'_>, texts: &[Vec<u8>], (table, block): (u32, u32)) -> Answer<()> {
    let (mut addresses, mut all) = (Vec::new(), Vec::new());
    for text in texts {
        let address = block.checked_add(length(all.len())?).ok_or(EINVAL)?;
        addresses.extend_from_slice(&address.to_le_bytes());
        all.extend_from_slice(text);
    }
    write(caller, block, &all)?;
    write(caller, table, &addresses)
}

fn write_output(
    caller: &mut Wasi<'_>,
    fd: u32,
    (parts, count): (u32, u32),
    written: u32,
) -> Answer<()> {
    let output = match fd {
        1 => Output::Standard,
        2 => Output::Error,
        _ => return Err(EBADF),
    };
    let mut total = 0_usize;
    for part in read(caller, parts, count.min(MOST) * 8)?.chunks_exact(8) {
        let bytes = read(caller, u32_at(part, 0)?, u32_at(part, 4)?)?;
        caller.data().host.write(output, &bytes);
        total = total.saturating_add(bytes.len());
    }
    write(caller, written, &length(total)?.to_le_bytes())
}

fn random(caller: &mut Wasi<'_>, out: u32, size: u32) -> Answer<()> {
    // Reading first makes sure that the memory is there, before anything is made for it.
    let mut bytes = read(caller, out, size)?;
    caller.data().host.fill_random(&mut bytes);
    write(caller, out, &bytes)
}

fn now(caller: &Wasi<'_>, clock: u32) -> Answer<u64> {
    match clock {
        CLOCK_REALTIME => Ok(caller.data().host.realtime_nanos()),
        CLOCK_MONOTONIC => Ok(caller.data().host.monotonic_nanos()),
        _ => Err(EINVAL),
    }
}

/// Waits for the first clock; nothing else can be waited for.
fn poll(
    caller: &mut Wasi<'_>,
    (subscriptions, count): (u32, u32),
    events: u32,
    result: u32,
) -> Answer<()> {
    if count == 0 || count > MOST {
        return Err(EINVAL);
    }
    let records = read(caller, subscriptions, count * SUBSCRIPTION)?;
    let mut first: Option<(u64, &[u8])> = None;
    for record in records.chunks_exact(48) {
        let clock = u32_at(record, 16)?;
        let is_clock = record.get(8) == Some(&0);
        let is_absolute = record.get(40).is_some_and(|flags| flags & ABSOLUTE != 0);
        let time = u64_at(record, 24)?;
        let wait = match (is_clock, is_absolute) {
            (false, _) => continue,
            (true, true) => time.saturating_sub(now(caller, clock)?),
            (true, false) => time,
        };
        if first.is_none_or(|(shortest, _)| wait < shortest) {
            first = Some((wait, record));
        }
    }
    let (wait, record) = first.ok_or(EINVAL)?;
    caller.data().host.sleep(Duration::from_nanos(wait));
    let mut event = record.get(..8).unwrap_or_default().to_vec();
    event.resize(usize::try_from(EVENT).unwrap_or(0), 0);
    write(caller, events, &event)?;
    write(caller, result, &1_u32.to_le_bytes())
}
