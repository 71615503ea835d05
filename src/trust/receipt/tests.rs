use proptest::prelude::*;

use super::symbols::{self, Wrong};
use super::{Delivered, Receipt, SignedReceipt, note, read};
use crate::digest::Digest;
use crate::trust::SigningKey;

fn receipt(site: &str) -> Receipt {
    Receipt { site: site.into(), digest: Digest::of(b"a bundle"), seconds: 1_795_000_000, result: Delivered::Installed }
}

fn signed(site: &str) -> (SignedReceipt, SigningKey) {
    let key = SigningKey::generate("site").unwrap();
    (receipt(site).sign(&key).unwrap(), key)
}

#[test]
fn a_receipt_survives_being_typed_and_scanned() {
    for site in ["a", "east-1", &"x".repeat(63)] {
        let (receipt, key) = signed(site);
        for text in [receipt.lines(), receipt.compact(), receipt.compact().to_lowercase()] {
            let found = read(&text).unwrap();
            assert_eq!(found, receipt);
            found.check(key.public()).unwrap();
        }
    }
    // Short enough to be typed, and for a QR code in its alphanumeric mode (ISO/IEC 18004, 7.4.5).
    let (receipt, _) = signed("east-1");
    assert_eq!(receipt.lines().lines().count(), 9);
    let run = receipt.compact();
    assert!(
        run.len() < 220 && run.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'.')
    );
}

#[test]
fn the_form_is_fixed() {
    let signed = SignedReceipt { receipt: receipt("east-1"), signature: [0x5a; 64] };
    insta::assert_snapshot!(signed.lines(), @r"
     1  0416N ZC6R3 6SHJA GTRMW  XQ
     2  CSA8A DXMXK B8VAS YHKTS  PY
     3  JX5TD S0DYP GTEDA B77DN  YA
     4  Y1K5C 5SQ8B 9HB9D 5MPJT  RS
     5  B9D5M PJTB9 D5MPJ TB9D5  68
     6  MPJTB 9D5MP JTB9D 5MPJT  PJ
     7  B9D5M PJTB9 D5MPJ TB9D5  P4
     8  MPJTB 9D5MP JTB9D 5MPJT  9K
     9  B9D5M PJTB9 D5MPG  2S
    ");
}

#[test]
fn typists_may_write_as_they_like() {
    let (receipt, _) = signed("east-1");
    let text = receipt.lines().replace('0', "o").replace('1', "l").to_lowercase();
    // The numbers themselves must be numbers.
    let text: String = text
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let (_, rest) = line.trim().split_once(' ').unwrap();
            format!("{}: {}\n", index + 1, rest.trim().replace(' ', "-"))
        })
        .collect();
    assert_eq!(read(&format!("the site called:\n\n{text}\nthat was all\n")).unwrap(), receipt);
    let mut shuffled: Vec<&str> = text.lines().collect();
    shuffled.reverse();
    assert_eq!(read(&shuffled.join("\n")).unwrap(), receipt);
}

#[test]
fn every_mistyped_letter_is_found_with_its_place() {
    let (receipt, _) = signed("east-1");
    let lines: Vec<String> = receipt.lines().lines().map(str::to_owned).collect();
    for (index, line) in lines.iter().enumerate() {
        for (at, letter) in line.char_indices().skip(4).filter(|(_, letter)| !letter.is_whitespace()) {
            for other in ["0", "7", "Z"].into_iter().filter(|other| *other != letter.to_string()) {
                let mut changed = lines.clone();
                changed[index].replace_range(at..=at, other);
                let error = read(&changed.join("\n")).unwrap_err().to_string();
                let group = line[4..at].split_whitespace().count() + usize::from(line[..at].ends_with(' '));
                let place = if at >= line.len() - 2 { "its last group".into() } else { format!("group {group}") };
                assert_eq!(error, format!("line {} is mistyped, most likely in {place}", index + 1));
            }
        }
    }
}

#[test]
fn every_wrong_line_is_named() {
    let (receipt, _) = signed("east-1");
    let text = receipt.lines();
    let lines: Vec<&str> = text.lines().collect();
    let said = |lines: Vec<String>| read(&lines.join("\n")).unwrap_err().to_string();
    let with = |index: usize, line: &str| {
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[index] = line.to_owned();
        changed
    };
    assert_eq!(said(with(3, "")), "line 4 is missing");
    let swapped = format!(" 2{}", &lines[4][2..]);
    assert_eq!(said(with(1, &swapped)), "line 2 stands in the place of another one");
    assert_eq!(said(with(1, &lines[1][..20])), "line 2 has 14 letters, where 22 are expected");
    assert_eq!(
        said(with(1, &lines[1].replace(&lines[1][10..11], "U"))),
        "line 2 has 'U' in it, which is no letter of a receipt"
    );
    let twice = format!(
        "{}\n{}",
        lines[2],
        lines[2].replace(&lines[2][10..11], if &lines[2][10..11] == "7" { "8" } else { "7" })
    );
    assert_eq!(said(with(2, &twice)), "line 3 is there twice, and differs");
    let mut cut: Vec<String> = with(0, "");
    cut.pop();
    assert!(said(cut).starts_with("line 1 is missing"));
    assert!(read(&lines[..8].join("\n")).is_err());
    assert!(read("").unwrap_err().to_string().starts_with("there is no receipt in it"));
    assert!(read(&"x".repeat(1 << 17)).unwrap_err().to_string().contains("too large"));
}

#[test]
fn another_sites_key_and_a_changed_receipt_are_refused() {
    let (receipt, key) = signed("east-1");
    receipt.check(key.public()).unwrap();
    assert!(receipt.check(SigningKey::generate("other").unwrap().public()).is_err());
    let mut changed = receipt.clone();
    changed.receipt.site = "east-2".into();
    assert!(changed.check(key.public()).is_err());
    let mut changed = receipt.clone();
    changed.receipt.result = Delivered::Imported;
    assert!(changed.check(key.public()).is_err());
    let bytes = receipt.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let refused = SignedReceipt::parse(&changed).map_or(true, |receipt| receipt.check(key.public()).is_err());
        assert!(refused, "byte {at}");
    }
    assert!(SignedReceipt::parse(&[2; 200]).unwrap_err().to_string().contains("version 2"));
}

#[test]
fn two_wrong_letters_and_letters_that_changed_places_are_found() {
    let data: Vec<u8> = (0..20).map(|at| (at * 7 + 3) % 32).collect();
    let check = symbols::check(5, &data);
    assert_eq!(symbols::examine(5, &data, check), Ok(()));
    assert_eq!(symbols::examine(6, &data, check), Err(Wrong::Number));
    for one in 0..20 {
        for other in one + 1..20 {
            let mut changed = data.clone();
            changed.swap(one, other);
            assert!(symbols::examine(5, &changed, check).is_err() || data[one] == data[other]);
            for value in 1..32 {
                let mut changed = data.clone();
                changed[one] ^= value;
                changed[other] ^= 33 - value.min(31);
                assert!(changed == data || symbols::examine(5, &changed, check).is_err());
            }
        }
    }
}

proptest! {
    #[test]
    fn bytes_survive(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        prop_assert_eq!(note::read(&note::lines(&bytes)).unwrap(), bytes.clone());
        prop_assert_eq!(note::read(&note::compact(&bytes)).unwrap(), bytes);
    }

    #[test]
    fn no_text_breaks_it(text in any::<String>(), lines in "([0-9]{1,3} [0-9A-Za-z -]{0,40}\n){0,40}", run in "KK1\\.[0-9A-Z.]{0,300}") {
        for text in [text, lines, run] {
            let _ = read(&text);
        }
    }
}
