//! The file that crosses the gap: layout, write, read, verify.
//!
//! - [`inventory`]: what is in a bundle, by digest; [`check`]: whether an inventory agrees with itself.
//! - [`layout`]: which entries follow from an inventory, and in which order; [`spelling`]: tar, tar.gz or tar.zst.
//! - [`write`](mod@write): makes a bundle in one pass. [`read`]: opens one, [`verify`]: proves it, [`entry`]: reads from it,
//!   [`sign`](mod@sign): puts a signature in.
//! - [`content`]: what a delta bundle leaves out, and who holds it; [`store`]: all that a site was given.
//! - [`parts`]: a bundle on small media; [`medium`]: what a bundle is read from.
//! - [`diff`]: what changed between two inventories.
//!
//! A bundle is hostile until it is verified: [`Bundle<Unverified>`] shows its inventory and nothing else.

mod blame;
pub mod check;
pub mod content;
mod depth;
pub mod diff;
pub mod entry;
pub mod fault;
mod frame;
mod front;
mod header;
pub mod inventory;
pub mod layout;
pub mod medium;
pub mod parts;
pub mod read;
pub mod salvage;
#[cfg(test)]
mod sample;
pub mod sign;
pub mod spelling;
pub mod squeezed;
pub mod store;
#[cfg(test)]
mod tests;
pub mod verify;
pub mod write;

pub use content::{Content, Holder};
pub use depth::VerifyDepth;
pub use diff::InventoryDiff;
pub use entry::{EntryReader, PartReader};
pub use front::read_bounded;
pub use inventory::Inventory;
pub use layout::Member;
pub use read::{Bundle, ContentReader, EntryError, OpenError, SignatureCheck, Unverified, Verified};
pub use sign::{SignError, sign};
pub use spelling::Spelling;
pub use verify::VerifyError;
pub use write::{WriteError, Written, write, write_signed};
