//! Delta bundles: what they leave out is read from who holds it, and believed no more than they are.

use std::fs;
use std::io::Read;
use std::sync::Arc;

use tempfile::TempDir;

use super::super::inventory::Base;
use super::super::store::{Put, Store};
use super::super::{Bundle, Content, Holder, Spelling, Verified, VerifyDepth, layout, sample};
use super::{prove, write_sample};
use crate::event::silent;

/// The whole sample, and a delta of it without the layer and without kubeadm.
fn whole_and_delta(folder: &TempDir, spelling: Spelling) -> (Bundle<Verified>, Bundle<Verified>) {
    let sample = sample::sample();
    let (path, _) = write_sample(&sample, folder, spelling);
    let whole = prove(&path, VerifyDepth::Blake3).unwrap();
    let mut delta = sample::sample();
    delta.inventory.base = Some(Base { name: "sample".into(), digest: whole.inventory().whole_digest().unwrap() });
    for blob in &mut delta.inventory.blobs {
        blob.absent = blob.media_type.ends_with("+gzip");
    }
    delta.inventory.components.iter_mut().filter(|one| one.name == "kubeadm").for_each(|one| one.entry.absent = true);
    let other = TempDir::new_in(folder.path()).unwrap();
    let (path, _) = write_sample(&delta, &other, spelling);
    let delta = prove(&path, VerifyDepth::Blake3).unwrap();
    // Kept until the folder itself goes.
    let _ = other.keep();
    (whole, delta)
}

fn read(bundle: &Bundle<Verified>, path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bundle.open_entry(path).map_err(std::io::Error::other)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn fill(store: &Store, bundle: &Bundle<Verified>) {
    for member in bundle.entries() {
        if let Some(content) = member.content() {
            let mut reader = bundle.open_entry(&member.path).unwrap();
            assert_eq!(store.put(&content, &member.path, &mut reader).unwrap(), Put::Written);
        }
    }
}

#[test]
fn what_a_delta_leaves_out_is_read_from_its_base_or_from_a_store() {
    for spelling in Spelling::ALL {
        let folder = TempDir::new().unwrap();
        let (whole, delta) = whole_and_delta(&folder, spelling);
        assert_eq!(delta.not_held(&silent()), delta.inventory().absent());
        assert_eq!(delta.inventory().absent().len(), 2);
        assert_eq!(delta.inventory().whole(), *whole.inventory());
        assert!(
            read(&delta, "files/kubeadm/v1.34.2/amd64/kubeadm").unwrap_err().to_string().contains("nothing at hand")
        );
        assert!(read(&delta, "no/such").unwrap_err().to_string().contains("holds no no/such"));

        let store = Store::make(&folder.path().join("store")).unwrap();
        fill(&store, &whole);
        let holders: [Arc<dyn Holder>; 2] = [Arc::new(whole.clone()), Arc::new(store)];
        for holder in holders {
            let backed = delta.clone().backed_by([holder]);
            assert!(backed.not_held(&silent()).is_empty());
            for member in layout::body(&whole.inventory().clone()) {
                let expected = read(&whole, &member.path).unwrap();
                assert_eq!(read(&backed, &member.path).unwrap(), expected, "{}", member.path);
                let mut end = Vec::new();
                let from = expected.len() / 2;
                backed.open_entry_at(&member.path, from as u64).unwrap().read_to_end(&mut end).unwrap();
                assert_eq!(end, expected[from..], "{} from {from}", member.path);
            }
        }
    }
}

#[test]
fn a_store_that_has_other_bytes_is_not_believed() {
    let folder = TempDir::new().unwrap();
    let (whole, delta) = whole_and_delta(&folder, Spelling::TarGz);
    let store = Store::make(&folder.path().join("store")).unwrap();
    fill(&store, &whole);
    let absent = delta.inventory().absent();
    let path = store.root().join("blobs/sha256").join(absent[0].sha256.hex());
    let mut bytes = fs::read(&path).unwrap();
    bytes[3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let backed = delta.backed_by([Arc::new(store.clone()) as Arc<dyn Holder>]);
    assert_eq!(backed.not_held(&silent()), [absent[0].clone()]);
    let mut reader = backed.open_blob(&absent[0].sha256).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is not what it was"), "{error}");
    // And it is mended by the next import.
    let mut good = whole.open_blob(&absent[0].sha256).unwrap();
    assert_eq!(store.put(&absent[0], "layer", &mut good).unwrap(), Put::Written);
    assert!(store.holds(&absent[0]));
}

#[test]
fn nothing_gets_into_a_store_under_a_name_that_is_not_its_own() {
    let folder = TempDir::new().unwrap();
    let store = Store::make(&folder.path().join("store")).unwrap();
    let (good, evil) = (b"good layer".to_vec(), b"evil layer".to_vec());
    let of = |bytes: &[u8]| {
        let mut hasher = crate::digest::Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    };
    // An inventory that gives the evil bytes' BLAKE3 digest beside the good ones' SHA-256 digest.
    let lie = Content { sha256: of(&good).sha256, blake3: of(&evil).blake3, size: 10 };
    assert!(store.put(&lie, "layer", &mut evil.as_slice()).is_err());
    assert!(!store.has(&lie));
}

#[test]
fn skopeo_reads_a_store_and_prune_leaves_what_others_need() {
    let folder = TempDir::new().unwrap();
    let (whole, _) = whole_and_delta(&folder, Spelling::TarGz);
    let store = Store::make(&folder.path().join("store")).unwrap();
    fill(&store, &whole);
    let kept = store.keep(whole.inventory()).unwrap();
    let image = "registry.k8s.io/pause:3.10.1";
    let source = format!("oci:{}:{image}", store.root().display());
    let inspect = || std::process::Command::new("skopeo").args(["inspect", "--raw", &source]).output().unwrap();
    let output = inspect();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let digest = whole.inventory().image(image).unwrap().digest;
    assert_eq!(crate::digest::Digest::of(&output.stdout), digest);

    // Another bundle that shares the image and nothing else.
    let mut other = whole.inventory().clone();
    other.name = "other".into();
    other.components.clear();
    other.files.clear();
    store.keep(&other).unwrap();
    let pruned = store.prune(&[kept]).unwrap();
    assert_eq!((pruned.bundles, pruned.contents), (1, 4));
    assert!(other.contents().iter().all(|content| store.holds(content)));
    assert!(inspect().status.success());
    assert_eq!(store.kept().unwrap().len(), 1);
}
