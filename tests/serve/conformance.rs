//! The conformance test of the distribution specification itself, against a served bundle.

use std::path::PathBuf;
use std::process::Command;

use kk::bundle::Spelling;

use crate::process::Serving;
use crate::world::World;

/// The program reads its settings from the environment; what is pushed or deleted cannot hold for a read-only registry.
#[test]
#[ignore = "needs the conformance program, which scripts/conformance builds and names in KK_CONFORMANCE"]
fn the_specifications_own_test_holds() {
    let program = PathBuf::from(std::env::var_os("KK_CONFORMANCE").expect("KK_CONFORMANCE names the program"));
    let report = std::env::var_os("KK_CONFORMANCE_REPORT").map(PathBuf::from);
    let mut world = World::new();
    let bill = world.attach();
    let report = report.unwrap_or_else(|| world.path("report"));
    std::fs::create_dir_all(&report).unwrap();
    let image = &world.images[0];
    let listed = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(" ");
    let manifests = listed(
        &mut [image.digest, bill]
            .iter()
            .chain(image.platforms.iter().map(|one| &one.manifest))
            .map(ToString::to_string),
    );
    let blobs = listed(&mut image.platforms.iter().flat_map(|one| &one.blobs).map(ToString::to_string));
    for spelling in Spelling::ALL {
        let serving = Serving::of(&world.bundle(spelling));
        let output = Command::new(&program)
            .env("OCI_REGISTRY", &serving.address)
            .env("OCI_TLS", "disabled")
            .env("OCI_VERSION", "1.1")
            .env("OCI_REPO1", "docker.io/library/nginx")
            .env("OCI_RESULTS_DIR", &report)
            .env("OCI_API_PUSH", "false")
            .env("OCI_API_BLOBS_DELETE", "false")
            .env("OCI_API_MANIFESTS_DELETE", "false")
            .env("OCI_API_TAGS_DELETE", "false")
            .env("OCI_API_BLOBS_DIGEST_HEADER", "true")
            .env("OCI_API_MANIFESTS_DIGEST_HEADER", "false")
            .env("OCI_RO_DATA_TAGS", "1.29 bill")
            .env("OCI_RO_DATA_MANIFESTS", &manifests)
            .env("OCI_RO_DATA_BLOBS", &blobs)
            .env("OCI_RO_DATA_REFERRERS", image.digest.to_string())
            .output()
            .unwrap();
        // The program ends badly after its report when nothing may be pushed (it lists tests that it did not make), so it
        // is the report that counts.
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("OCI Conformance Result: Pass"), "{told}{}", String::from_utf8_lossy(&output.stderr));
        let count = |status: &str| -> usize {
            let line = told.lines().find(|line| line.trim_start().starts_with(&format!("{status}...")));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{status}? {told}"))
        };
        println!("{spelling:?}: {} passed, {} failed", count("Pass"), count("FAIL") + count("Error"));
        assert!(count("Pass") >= 30 && count("FAIL") + count("Error") == 0, "{told}");
        std::fs::write(report.join(format!("conformance-{spelling:?}.txt")), told).unwrap();
    }
}
