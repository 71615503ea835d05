use proptest::prelude::*;

use super::super::{Endorsement, MOST_ENDORSEMENTS, Namespace, SignatureFile};
use super::{MESSAGE, key, signed, verdict};

#[test]
fn every_changed_byte_of_a_signature_is_found() {
    let key = key("release");
    let trusted = [key.public().clone()];
    let bytes = signed(&key).to_bytes();
    assert_eq!(verdict(&bytes, &trusted), "accepted: release");
    for at in 0..bytes.len() {
        for bit in [0, 5] {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let said = verdict(&changed, &trusted);
            assert!(!said.starts_with("accepted"), "bit {bit} of byte {at}: {said}");
        }
    }
}

#[test]
fn every_cut_of_a_signature_is_found() {
    let (old, new) = (key("old"), key("new"));
    let mut file = signed(&new);
    file.endorsements.push(Endorsement::sign(&old, new.public()).unwrap());
    let bytes = file.to_bytes();
    let trusted = [old.public().clone()];
    assert_eq!(verdict(&bytes, &trusted), "accepted: new");
    for length in 0..bytes.len() {
        let said = verdict(&bytes[..length], &trusted);
        assert!(!said.starts_with("accepted"), "{length} bytes: {said}");
    }
}

#[test]
fn a_signature_of_something_else_is_refused() {
    let key = key("release");
    let trusted = [key.public().clone()];
    let of = |message: &[u8]| {
        let signature = key.sign(Namespace::Bundle, message).unwrap();
        SignatureFile { signature, endorsements: Vec::new() }.to_bytes()
    };
    assert!(verdict(&of(MESSAGE), &trusted).starts_with("accepted"));
    let said = verdict(&of(b"another bundle"), &trusted);
    assert!(said.contains("it was made over something else"), "{said}");
}

#[test]
fn a_strangers_key_under_a_known_name_is_refused() {
    let (own, stranger) = (key("release"), key("release"));
    let said = verdict(&signed(&stranger).to_bytes(), &[own.public().clone()]);
    assert!(said.contains("not a trusted key"), "{said}");
    assert!(verdict(&signed(&own).to_bytes(), &[]).contains("not a trusted key"));
}

#[test]
fn the_trusted_key_in_the_place_of_the_signer_is_refused() {
    // The stranger's signature, with the trusted key written into it.
    let (own, stranger) = (key("own"), key("stranger"));
    let theirs = stranger.sign(Namespace::Bundle, MESSAGE).unwrap();
    let swapped = super::super::Signature::of_bytes(theirs.bytes(), own.public(), Namespace::Bundle).unwrap();
    let file = SignatureFile { signature: swapped, endorsements: Vec::new() };
    let said = verdict(&file.to_bytes(), &[own.public().clone()]);
    assert!(said.contains("it was made over something else, or by another key"), "{said}");
}

#[test]
fn junk_around_a_signature_is_refused() {
    let key = key("release");
    let trusted = [key.public().clone()];
    let text = String::from_utf8(signed(&key).to_bytes()).unwrap();
    for changed in [
        String::new(),
        format!("\n{text}"),
        format!("{text}\n"),
        format!("{text}more"),
        format!("{text}{text}"),
        text.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        text.trim_end().to_owned(),
        text.replacen('\n', "\n\n", 1),
        "-----BEGIN SSH SIGNATURE-----\n".repeat(1000),
    ] {
        let said = verdict(changed.as_bytes(), &trusted);
        assert!(said.starts_with("unread"), "{said}: {changed}");
    }
    assert!(verdict(&[0xff; 100], &trusted).starts_with("unread"));
}

#[test]
fn more_endorsements_than_anybody_needs_are_refused() {
    let (old, new) = (key("old"), key("new"));
    let word = Endorsement::sign(&old, new.public()).unwrap();
    let mut file = signed(&new);
    file.endorsements = vec![word.clone(); MOST_ENDORSEMENTS];
    assert_eq!(verdict(&file.to_bytes(), &[old.public().clone()]), "accepted: new");
    file.endorsements.push(word);
    assert!(verdict(&file.to_bytes(), &[old.public().clone()]).starts_with("unread: it carries more than 16"));
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..2048), text in "[A-Za-z0-9+/=\n -]{0,400}") {
        let _ = SignatureFile::parse(&bytes);
        let _ = SignatureFile::parse_endorsements(&bytes);
        let armored = format!("-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n");
        let _ = SignatureFile::parse(armored.as_bytes());
        let _ = super::super::key_list(&text, Namespace::Bundle);
    }
}
