//! One machine over SSH: how it is reached, what it is, and the primitives that steps are made of.

pub mod facts;
pub mod idle;
pub mod local;
pub mod machine;
pub mod part;
mod quote;
pub mod relay;
pub mod shown;
pub mod ssh;
pub mod step;

pub use facts::{Clearing, Facts};
pub use machine::{Machine, MachineError, Output, Script, Wire};
pub use part::Part;
pub use quote::{Word, quote};
pub use step::Step;
