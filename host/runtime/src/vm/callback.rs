//! `Callback`: a guest function that is looked up in its instance when it is first called.

use std::fmt;
use std::marker::PhantomData;
use std::sync::OnceLock;

use wasmtime::{AsContextMut, Extern, ModuleExport, TypedFunc, WasmParams, WasmResults};

use super::VmState;

/// A function that a module exports with this type. A clone is that of another instance: most
/// instances of a snapshot live for one stream, which calls few of them.
pub(crate) struct Callback<P, R> {
    export: ModuleExport,
    function: OnceLock<TypedFunc<P, R>>,
    types: PhantomData<fn(P) -> R>,
}

impl<P, R> Callback<P, R> {
    pub(crate) const fn new(export: ModuleExport) -> Self {
        Self {
            export,
            function: OnceLock::new(),
            types: PhantomData,
        }
    }
}

impl<P, R> Clone for Callback<P, R> {
    fn clone(&self) -> Self {
        Self::new(self.export)
    }
}

impl<P, R> fmt::Debug for Callback<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

impl<P: WasmParams, R: WasmResults> Callback<P, R> {
    pub(crate) fn call(
        &self,
        mut store: impl AsContextMut<Data = VmState>,
        params: P,
    ) -> Result<R, wasmtime::Error> {
        match self.function.get() {
            Some(function) => function.call(store, params),
            None => {
                let function = self.find(&mut store)?;
                self.function.get_or_init(|| function).call(store, params)
            }
        }
    }

    #[cold]
    fn find(
        &self,
        mut store: impl AsContextMut<Data = VmState>,
    ) -> Result<TypedFunc<P, R>, wasmtime::Error> {
        let instance = store.as_context().data().instance;
        let export = instance.and_then(|it| it.get_module_export(&mut store, &self.export));
        match export {
            Some(Extern::Func(function)) => function.typed(&store),
            _ => wasmtime::bail!("the instance does not have the function"),
        }
    }
}
