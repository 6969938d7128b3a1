//! Support: writes each test twice, once an engine.

/// Runs each body natively, with a constructor of [`TestHost`](tollgate_testing::TestHost), and on
/// the built example. `$host` makes a host of a configuration.
#[macro_export]
macro_rules! on_both_engines {
    ($make:ident::<$filter:ty>, $package:literal / $example:literal;
     $( fn $name:ident($host:ident) $body:block )+) => {
        mod native {
            use super::*;
            $( #[test] fn $name() {
                let $host = |config: serde_json::Value| TestHost::$make::<$filter>(config);
                $body
            } )+
        }
        mod wasm {
            use super::*;
            $( #[test] fn $name() {
                let $host = |config: serde_json::Value| {
                    TestHost::wasm(tollgate_testing::Artifact::example($package, $example), config)
                };
                $body
            } )+
        }
    };
}
