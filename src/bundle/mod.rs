//! The file that crosses the gap: layout, write, read, verify.

pub mod inventory;

pub use inventory::Inventory;
