//! Statics of a module: it has one thread, so they need no lock. Natively each test's thread has
//! its own.

/// Declares statics that belong to a module.
macro_rules! module_static {
    ($( $(#[$meta:meta])* static $name:ident: $type:ty = $value:expr; )+) => {
        $(
            $(#[$meta])*
            #[cfg(target_arch = "wasm32")]
            static $name: $crate::memory::ModuleStatic<$type> =
                $crate::memory::ModuleStatic::new($value);
        )+
        #[cfg(not(target_arch = "wasm32"))]
        thread_local! { $( $(#[$meta])* static $name: $type = const { $value }; )+ }
    };
}

pub(crate) use module_static;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::memory::ModuleStatic;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use std::thread::LocalKey as ModuleStatic;
