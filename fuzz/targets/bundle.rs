//! A whole bundle, in each spelling.
#![no_main]

mod memory;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| memory::read(bytes));
