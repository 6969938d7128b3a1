//! `MemoryMark`: a VM's memory at one moment, to see what a request leaves behind in it.

use std::ops::Range;

use wasmparser::{DataKind, Operator, Parser, Payload};

use super::Vm;
use crate::snapshot::{Global, PAGE};

/// Bytes of stack that compilers reserve below its beginning when static data lies there too.
const STACK_BEHIND_DATA: usize = 64 * 1024;

/// A copy of a VM's memory, made by [`Vm::mark_memory`].
#[derive(Debug)]
pub struct MemoryMark {
    memory: Vec<u8>,
    /// Where the guest's stack lies.
    stack: Range<usize>,
}

impl Vm {
    /// Remembers the guest's memory as it is. It is copied: this is for development.
    ///
    /// ```
    /// # use tollgate_runtime::Vm;
    /// fn left_behind(vm: &mut Vm, run_stream: impl FnOnce(&mut Vm)) -> usize {
    ///     let before = vm.mark_memory();
    ///     run_stream(vm);
    ///     vm.pages_changed_since(&before)
    /// }
    /// ```
    pub fn mark_memory(&mut self) -> MemoryMark {
        let stack_pointer = self.globals().first().and_then(|(_, value)| match value {
            Global::I32(address) => usize::try_from(*address).ok(),
            Global::I64(_) | Global::F32(_) | Global::F64(_) | Global::V128(_) => None,
        });
        let data = lowest_data(self.module.bytes());
        MemoryMark {
            memory: self.memory().to_vec(),
            stack: stack(stack_pointer.unwrap_or_default(), data),
        }
    }

    /// Returns how many pages of 4 KiB differ from a mark, those of the guest's stack left out.
    ///
    /// After a stream it is a hint at what the filter keeps in its memory, which
    /// [`Isolation::Stream`](crate::Isolation::Stream) would lose: a filter that keeps nothing
    /// leaves freed blocks and its allocator's notes, the same few pages each time; one that
    /// collects changes more and more, or grows.
    pub fn pages_changed_since(&mut self, mark: &MemoryMark) -> usize {
        let memory = self.memory();
        let before = mark.memory.chunks(PAGE).map(Some);
        let before = before.chain(std::iter::repeat(None));
        let pages = memory.chunks(PAGE).zip(before).enumerate();
        pages
            .filter(|(index, (page, before))| {
                let (start, end) = (index * PAGE, (index + 1) * PAGE);
                let is_stack = mark.stack.start <= start && end <= mark.stack.end;
                !is_stack && *before != Some(*page)
            })
            .count()
    }
}

/// Returns where the stack lies that begins, growing down, at `top`: the first mutable global of
/// whatever LLVM compiles. Static data lies above it, or else below.
const fn stack(top: usize, lowest_data: usize) -> Range<usize> {
    if lowest_data >= top {
        0..top
    } else {
        top.saturating_sub(STACK_BEHIND_DATA)..top
    }
}

/// Returns the address of the first static data.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of all sections and instructions two matter"
)]
fn lowest_data(bytes: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    let segments = payloads
        .filter_map(|payload| match payload {
            Payload::DataSection(section) => Some(section.into_iter().map_while(Result::ok)),
            _ => None,
        })
        .flatten();
    let addresses = segments.filter_map(|segment| {
        let DataKind::Active { offset_expr, .. } = segment.kind else {
            return None;
        };
        match offset_expr.get_operators_reader().read().ok()? {
            Operator::I32Const { value } => usize::try_from(value).ok(),
            _ => None,
        }
    });
    addresses.min().unwrap_or(usize::MAX)
}
