//! Envoy and Tollgate side by side.

use std::env;
use std::fmt::Debug;
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::artifact::envoy_config_dir;
use crate::proxy::Proxy;
use crate::server::Kind;

/// Chooses one proxy while one is being worked on; without it both must answer.
const CHOICE: &str = "TOLLGATE_TEST_PROXIES";

/// Both proxies, started from one file.
#[derive(Debug)]
pub struct Pair {
    proxies: Vec<Proxy>,
    /// Scenarios of one pair run one after the other: they share origins and logs.
    turn: Mutex<()>,
}

impl Pair {
    /// Starts both proxies from a file of `envoy-config/`.
    #[must_use]
    pub fn start(file: &str) -> Self {
        let path = envoy_config_dir().join(file);
        let proxies = chosen()
            .into_iter()
            .map(|kind| Proxy::start(kind, &path))
            .collect();
        Self {
            proxies,
            turn: Mutex::new(()),
        }
    }

    /// Runs a scenario on Envoy and on Tollgate, and returns what both gave.
    ///
    /// # Panics
    ///
    /// When the proxies differ.
    #[track_caller]
    pub fn compare<T: Debug + PartialEq>(&self, scenario: impl Fn(&Proxy) -> T) -> T {
        let mut outcomes = self.each(scenario).into_iter();
        let (_, expected) = outcomes.next().expect("at least one proxy runs");
        for (kind, outcome) in outcomes {
            assert!(
                outcome == expected,
                "Envoy and {kind:?} differ\nEnvoy: {expected:#?}\n{kind:?}: {outcome:#?}"
            );
        }
        expected
    }

    /// Runs a scenario on both proxies whose outcomes are not the same for a reason that the test
    /// gives.
    pub fn each<T>(&self, scenario: impl Fn(&Proxy) -> T) -> Vec<(Kind, T)> {
        let _turn = self.turn.lock();
        self.proxies
            .iter()
            .map(|proxy| {
                proxy.begin();
                (proxy.kind(), scenario(proxy))
            })
            .collect()
    }
}

/// A pair that many scenarios share; the first to use it starts it.
#[derive(Debug)]
pub struct SharedPair {
    file: &'static str,
    pair: OnceLock<Option<Pair>>,
}

impl SharedPair {
    /// A pair for a file of `envoy-config/`.
    #[must_use]
    pub const fn new(file: &'static str) -> Self {
        Self {
            file,
            pair: OnceLock::new(),
        }
    }
}

impl Deref for SharedPair {
    type Target = Pair;

    fn deref(&self) -> &Pair {
        let pair = self.pair.get_or_init(|| {
            // The panic's own message is printed where it happens.
            panic::catch_unwind(AssertUnwindSafe(|| Pair::start(self.file))).ok()
        });
        pair.as_ref()
            .unwrap_or_else(|| panic!("no proxies for {}, see the first test", self.file))
    }
}

/// The proxies that take part.
/// The proxies that tests run on: both, unless one is chosen.
#[must_use]
pub fn chosen() -> Vec<Kind> {
    match env::var(CHOICE).as_deref() {
        Err(_) => vec![Kind::Envoy, Kind::Tollgate],
        Ok("envoy") => vec![Kind::Envoy],
        Ok("tollgate") => vec![Kind::Tollgate],
        Ok(other) => panic!("{CHOICE} is {other:?}; it can be `envoy` or `tollgate`"),
    }
}
