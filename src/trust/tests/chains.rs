use super::super::{Endorsement, LONGEST_CHAIN, Refusal, SigningKey, accept};
use super::{MESSAGE, key, signed, trust, verdict};

fn word(old: &SigningKey, new: &SigningKey) -> Endorsement {
    Endorsement::sign(old, new.public()).unwrap()
}

#[test]
fn a_new_key_is_accepted_on_the_old_ones_word() {
    let (old, new, stranger) = (key("old"), key("new"), key("stranger"));
    let mut file = signed(&new);
    assert!(verdict(&file.to_bytes(), &[old.public().clone()]).starts_with("refused"));
    file.endorsements = vec![word(&stranger, &new), word(&old, &new)];
    assert_eq!(verdict(&file.to_bytes(), &[old.public().clone()]), "accepted: new");
    // Whoever trusts the new key only needs nobody's word; the old one is not trusted by way of the new.
    assert_eq!(verdict(&file.to_bytes(), &[new.public().clone()]), "accepted: new");
    let mut file = signed(&old);
    file.endorsements = vec![word(&old, &new)];
    assert!(verdict(&file.to_bytes(), &[new.public().clone()]).starts_with("refused"));
}

#[test]
fn a_word_that_was_accepted_before_need_not_be_carried() {
    let (old, new) = (key("old"), key("new"));
    let accepted = accept(&signed(&new), MESSAGE, &trust(&[old.public().clone()], &[word(&old, &new)])).unwrap();
    assert_eq!(accepted.chain, [word(&old, &new)]);
    assert!(
        accept(&signed(&new), MESSAGE, &trust(&[], &[word(&old, &new)])).is_err(),
        "the old key is trusted no more"
    );
}

#[test]
fn the_word_of_a_stranger_or_for_another_key_does_not_count() {
    let (old, new, stranger) = (key("old"), key("new"), key("stranger"));
    let mut file = signed(&new);
    file.endorsements = vec![word(&stranger, &new), word(&old, &stranger)];
    let said = verdict(&file.to_bytes(), &[old.public().clone()]);
    // The old key vouches for the stranger, and the stranger for the new key: that is a chain.
    assert_eq!(said, "accepted: new");
    file.endorsements = vec![word(&stranger, &new), word(&old, &key("another"))];
    assert!(verdict(&file.to_bytes(), &[old.public().clone()]).contains("not a trusted key"));
    file.endorsements = vec![word(&stranger, &new)];
    assert!(verdict(&file.to_bytes(), &[old.public().clone()]).contains("not a trusted key"));
    file.endorsements = vec![word(&new, &new), word(&new, &old)];
    assert!(verdict(&file.to_bytes(), &[old.public().clone()]).contains("not a trusted key"));
}

#[test]
fn a_word_for_another_key_with_the_signers_line_is_forged() {
    let (old, new, another) = (key("old"), key("new"), key("another"));
    // The old key's signature over another line, with the new key's line after it.
    let text = word(&old, &another).text().replace(&another.public().line(), &new.public().line());
    let file = format!("{}{text}", String::from_utf8(signed(&new).to_bytes()).unwrap());
    let said = verdict(file.as_bytes(), &[old.public().clone()]);
    assert!(said.contains("is forged"), "{said}");
    // A changed name is another line.
    let text = word(&old, &new).text().replace(" new\n", " old\n");
    let file = format!("{}{text}", String::from_utf8(signed(&new).to_bytes()).unwrap());
    let said = verdict(file.as_bytes(), &[old.public().clone()]);
    assert!(said.contains("is forged"), "{said}");
}

#[test]
fn a_signature_for_bundles_is_no_endorsement() {
    let (old, new) = (key("old"), key("new"));
    let line = format!("{}\n", new.public().line());
    let bundle = old.sign(super::super::Namespace::Bundle, line.as_bytes()).unwrap();
    let file = format!("{}{}{line}", String::from_utf8(signed(&new).to_bytes()).unwrap(), bundle.armored());
    let said = verdict(file.as_bytes(), &[old.public().clone()]);
    assert!(said.contains("made for \"kk-bundle\", not for kk-key"), "{said}");
}

#[test]
fn chains_are_followed_so_far_and_no_further() {
    let keys: Vec<SigningKey> = (0..=LONGEST_CHAIN + 1).map(|number| key(&format!("key {number}"))).collect();
    let words: Vec<Endorsement> = keys.windows(2).rev().map(|pair| word(&pair[0], &pair[1])).collect();
    let trusted = [keys[0].public().clone()];
    let accepted = accept(&signed(&keys[LONGEST_CHAIN]), MESSAGE, &trust(&trusted, &words)).unwrap();
    assert_eq!(accepted.chain.len(), LONGEST_CHAIN);
    let names: Vec<String> = accepted.vouchers().iter().map(|key| key.comment().to_owned()).collect();
    assert_eq!(names, (0..LONGEST_CHAIN).map(|number| format!("key {number}")).collect::<Vec<_>>());
    assert!(accept(&signed(&keys[LONGEST_CHAIN + 1]), MESSAGE, &trust(&trusted, &words)).is_err());
}

#[test]
fn a_revoked_key_neither_signs_nor_vouches() {
    let (old, stolen, next) = (key("old"), key("stolen"), key("next"));
    let mut file = signed(&next);
    file.endorsements = vec![word(&old, &stolen), word(&stolen, &next)];
    let mut trust = trust(&[old.public().clone()], &[]);
    assert_eq!(accept(&file, MESSAGE, &trust).unwrap().chain.len(), 2);
    trust.revoked = vec![stolen.public().clone()];
    assert!(matches!(accept(&file, MESSAGE, &trust), Err(Refusal::Unknown { .. })));
    let mut file = signed(&stolen);
    file.endorsements = vec![word(&old, &stolen)];
    assert!(matches!(accept(&file, MESSAGE, &trust), Err(Refusal::Revoked { .. })));
    // A key that is listed in both places is revoked.
    trust.trusted.push(stolen.public().clone());
    assert!(accept(&file, MESSAGE, &trust).is_err());
}
