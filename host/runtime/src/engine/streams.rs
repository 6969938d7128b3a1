//! The engine of stream instances: a pool of memories that are made ready again in place.
//!
//! It is apart from the engine of modules, so that a VM that lives for long takes no place in the
//! pool, and where no plugin has stream isolation there is none. A snapshot is a module of its own,
//! so nothing is compiled for both.

use tollgate_abi::AbiVersion;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, Linker, PoolingAllocationConfig};

use super::linkers;
use crate::vm::VmState;

/// Most elements of a table of an instance in the pool.
const TABLE_ELEMENTS: usize = 100_000;
/// All that can be addressed: addresses are reserved anyway, and limits are each VM's own.
const MEMORY_BYTES: usize = 1 << 32;
/// Memories whose pages stay in place after use.
const WARM_SLOTS: u32 = 256;
/// Most bytes of changed pages that are written back in place, where the kernel tells which they
/// are.
const KEPT_WITH_SCAN: usize = 16 * 1024 * 1024;
/// Otherwise so many bytes are written back, changed or not: Rust's stack and static data.
const KEPT_WITHOUT_SCAN: usize = 1280 * 1024;

/// The engine of stream instances.
pub(crate) struct Streams {
    pub(crate) engine: wasmtime::Engine,
    linkers: Vec<(AbiVersion, Linker<VmState>)>,
    pub(super) pool: Pool,
}

/// A pool of instances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub(super) instances: u32,
    pub(super) scans_pages: bool,
}

impl Streams {
    /// Returns an engine with the pool that is wanted or, where addresses are short, with a smaller
    /// one; `None` when there is no pool to be had.
    pub(super) fn new(settings: &Config, wanted: Pool) -> Option<Self> {
        let scans_pages =
            wanted.scans_pages && PoolingAllocationConfig::is_pagemap_scan_available();
        let sizes = std::iter::successors(Some(wanted.instances), |size| Some(size / 4));
        sizes.take_while(|size| *size > 0).find_map(|instances| {
            let pool = Pool {
                instances,
                scans_pages,
            };
            Self::with_pool(settings, pool).ok()
        })
    }

    fn with_pool(settings: &Config, pool: Pool) -> Result<Self, wasmtime::Error> {
        let mut settings = settings.clone();
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool.config()));
        let engine = wasmtime::Engine::new(&settings)?;
        let linkers = linkers(&engine)?;
        Ok(Self {
            engine,
            linkers,
            pool,
        })
    }

    pub(crate) fn linker(&self, abi: AbiVersion) -> Option<&Linker<VmState>> {
        super::linker(&self.linkers, abi)
    }
}

impl Pool {
    fn config(self) -> PoolingAllocationConfig {
        let kept = if self.scans_pages {
            KEPT_WITH_SCAN
        } else {
            KEPT_WITHOUT_SCAN
        };
        let mut config = PoolingAllocationConfig::new();
        config
            .total_core_instances(self.instances)
            .total_memories(self.instances)
            .total_tables(self.instances)
            .max_memory_size(MEMORY_BYTES)
            .table_elements(TABLE_ELEMENTS)
            .max_unused_warm_slots(WARM_SLOTS)
            .linear_memory_keep_resident(kept)
            .table_keep_resident(TABLE_ELEMENTS * size_of::<usize>())
            .pagemap_scan(if self.scans_pages {
                Enabled::Yes
            } else {
                Enabled::No
            });
        config
    }
}
