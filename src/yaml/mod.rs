//! Reads the YAML files that users write, and says where and why one is wrong.
//!
//! A file goes through four gates, and the errors of all that can be reached come at once: its syntax, the schema of
//! its kind (unknown keys, wrong types, missing keys), and what only the kind itself knows (a role naming a host that
//! is not there). Every error carries file, line and column, and no error ever shows the text around it: that may be
//! a password.

mod annotate;
mod conform;
mod diagnostic;
mod document;
mod node;
mod parse;
mod path;
mod scalar;
mod write;

pub use annotate::annotated;
pub use diagnostic::{Diagnostic, Diagnostics, LoadError};
pub use document::{Source, parse, read};
pub use node::Position;
pub use path::{Path, Problem, Segment};
pub use write::to_string;

pub(crate) use path::nearest;
