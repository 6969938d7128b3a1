//! Limiter: refuses a guest more memory than it may have.

use wasmtime::ResourceLimiter;

use crate::Limits;

/// Caps memory and tables, and remembers a refusal to explain the trap that usually follows.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    pub(crate) has_refused: bool,
}

impl Limiter {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            has_refused: false,
        }
    }

    fn decide(&mut self, allowed: bool) -> bool {
        self.has_refused |= !allowed;
        allowed
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = maximum.unwrap_or(usize::MAX).min(self.memory_bytes);
        Ok(self.decide(desired <= limit))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = maximum.unwrap_or(usize::MAX).min(self.table_elements);
        Ok(self.decide(desired <= limit))
    }
}
