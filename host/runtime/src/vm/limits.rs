//! Limiter: refuses a guest more memory than it may have.

use wasmtime::ResourceLimiter;

use crate::Limits;

/// Caps memory and tables, and remembers a refusal to explain the trap that usually follows.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes: usize,
    table_elements: usize,
    /// What was refused in this call, by the name of the limit.
    pub(crate) refused: Option<&'static str>,
}

impl Limiter {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            refused: None,
        }
    }

    fn decide(&mut self, allowed: bool, limit: &'static str) -> bool {
        if !allowed {
            self.refused = Some(limit);
        }
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
        Ok(self.decide(desired <= limit, "memory_bytes"))
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let limit = maximum.unwrap_or(usize::MAX).min(self.table_elements);
        Ok(self.decide(desired <= limit, "table_elements"))
    }
}
