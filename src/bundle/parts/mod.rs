//! A bundle on small media: cut into parts that are read where they lie, in any order, without joining them.
//!
//! - [`header`]: what a part says about itself; [`cut`]: where a bundle is cut, and the names of its parts.
//! - [`find`](mod@find): the bundles that files and folders hold; [`medium`]: the parts of one read as one file.
//! - [`write`](mod@write): makes a part, [`join`](mod@join) makes one file of them again.
//!
//! A part's digests say which part a medium has damaged. What a bundle holds is proven as ever, by its inventory.

pub mod cut;
pub mod damage;
pub mod find;
pub mod header;
pub mod join;
pub mod medium;
pub mod write;

pub use cut::{Cut, CutError};
pub use damage::{Incomplete, size_text};
pub use find::{FindError, Found, PartSet, Source, find};
pub use header::{PartHeader, Set};
pub use join::{JoinError, join};
pub use medium::PartsMedium;
pub use write::{PartWriteError, write};
