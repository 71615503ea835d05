//! An inventory: what is accepted agrees with itself, and is written as it was read.
#![no_main]

use kk::bundle::{Inventory, InventoryDiff, layout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut inventory) = serde_json::from_slice::<Inventory>(bytes) else { return };
    if inventory.check().is_err() {
        inventory.sort();
        if inventory.check().is_err() {
            return;
        }
    }
    let json = inventory.to_json().expect("an inventory that was read can be written");
    let again: Inventory = serde_json::from_slice(&json).expect("an inventory that was written can be read");
    assert_eq!(again, inventory);
    assert!(InventoryDiff::between(&inventory, &inventory.whole()).is_empty());
    layout::index(&inventory);
    kk::sbom::document(&inventory, None).expect("every inventory has a bill of materials");
});
