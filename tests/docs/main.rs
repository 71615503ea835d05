//! The documentation agrees with the code.
//!
//! - [`reference`]: the pages of `docs/reference/` are made from the code; `KK_WRITE_DOCS=1 cargo test --test docs`
//!   writes them anew.
//! - [`commands`]: every command that a page shows is one that exists, and is run somewhere.
//! - [`samples`]: every file that a page shows loads.
//! - [`links`]: every file and heading that a page leads to is there.

mod commands;
mod links;
mod pages;
mod reference;
mod samples;
