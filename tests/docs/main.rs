//! The documentation agrees with the code.
//!
//! - [`reference`]: the pages of `docs/reference/` are made from the code; `KK_WRITE_DOCS=1 cargo test --test docs`
//!   writes them anew.
//! - [`commands`]: every command that a page shows is one that exists, and is run somewhere.
//! - [`links`]: every file and heading that a page leads to is there.

#[allow(dead_code)]
mod pages;
mod reference;
