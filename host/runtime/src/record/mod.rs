//! Recording: what a guest is told, kept so that a fault can be brought about again.
//!
//! The one decision to know: it is done where hostcalls are dispatched. A guest learns of the world
//! by its callbacks' parameters and by what hostcalls write to its memory, and by nothing else; so
//! these are the recording, and a replay needs no proxy, no clock and no other side. Results are
//! kept by the parameter that they were written through, not by address, so that a rebuilt module,
//! whose addresses differ, can be replayed too. It costs nothing where it is not asked for:
//! recorded hostcalls are closed at the gate, and only closed ones look.

mod bundle;
mod finished;
mod kept_state;
mod player;
mod recorder;
mod recording;
mod replay;
mod step;

pub use bundle::{BundleError, CrashBundle};
pub use finished::Finished;
pub use kept_state::{KeptState, StateCheck};
pub(crate) use player::{Player, play};
pub(crate) use recorder::{RecordedStart, Recorder, begin_hostcall, end_hostcall};
pub(crate) use recording::PluginPart;
pub use recording::Recording;
pub use replay::{Divergence, Replay, ReplayOutcome};
pub(crate) use step::{Callback, is_compared, is_recorded};
