//! The letters of a note: Crockford's base 32 (<https://www.crockford.com/base32.html>), each line with two check
//! letters.
//!
//! A line is a word of a Reed-Solomon code over GF(32) with distance 3: up to two wrong letters in a line are always
//! found, and so are letters that changed places; one wrong letter is found with its place. The line's number is part of
//! the word, so that lines which changed places are found as well.

/// No I, L, O or U: three are read as digits, and the last one makes words.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters of data in a line: four groups of five.
pub(super) const DATA: usize = 20;

/// Check letters at a line's end.
pub(super) const CHECK: usize = 2;

/// Where in a word the line's number stands; the check letters are before it, the data after it.
const NUMBER_AT: usize = CHECK;

/// x⁵ + x² + 1, with x a generator of the field.
const POLYNOMIAL: u8 = 0b10_0101;

/// Powers of x.
const POWERS: [u8; 31] = {
    let mut powers = [1u8; 31];
    let mut at = 1;
    while at < 31 {
        let doubled = powers[at - 1] << 1;
        powers[at] = if doubled & 0b10_0000 != 0 { doubled ^ POLYNOMIAL } else { doubled };
        at += 1;
    }
    powers
};

/// The value of a letter; small ones and look-alikes count.
pub(super) fn value(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => b'0',
        'I' | 'L' => b'1',
        letter => u8::try_from(letter).ok()?,
    };
    ALPHABET.iter().position(|known| *known == letter).map(|at| at as u8)
}

/// The letter of a value below 32.
pub(super) fn letter(value: u8) -> char {
    char::from(ALPHABET[usize::from(value % 32)])
}

/// Bytes as values of five bits, the last one filled up with zeros.
pub(super) fn split(bytes: &[u8]) -> Vec<u8> {
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    (0..(bytes.len() * 8).div_ceil(5))
        .map(|index| (0..5).fold(0, |value, one| value << 1 | bit(index * 5 + one)))
        .collect()
}

/// The bytes of such values; `None` where the bits left over are not zeros.
pub(super) fn join(values: &[u8]) -> Option<Vec<u8>> {
    let bit = |at: usize| values.get(at / 5).map_or(0, |value| value >> (4 - at % 5) & 1);
    let length = values.len() * 5 / 8;
    let clean = (length * 8..values.len() * 5).all(|at| bit(at) == 0);
    let byte = |index: usize| (0..8).fold(0, |byte, one| byte << 1 | bit(index * 8 + one));
    clean.then(|| (0..length).map(byte).collect())
}

fn log(value: u8) -> Option<usize> {
    POWERS.iter().position(|power| *power == value)
}

/// `value` times the `power`th power of x.
fn times(value: u8, power: usize) -> u8 {
    log(value).map_or(0, |log| POWERS[(log + power) % 31])
}

/// The word at x and at x², both nought where it is whole.
fn syndromes(word: impl Iterator<Item = u8>) -> (u8, u8) {
    word.enumerate().fold((0, 0), |(one, two), (at, value)| (one ^ times(value, at), two ^ times(value, 2 * at)))
}

/// The check letters of a line.
pub(super) fn check(number: u8, data: &[u8]) -> [u8; CHECK] {
    let (one, two) = syndromes([0, 0, number].into_iter().chain(data.iter().copied()));
    // first + second·x = one and first + second·x² = two; x + x² is a power of x, by which is divided.
    let divisor = log(POWERS[1] ^ POWERS[2]).unwrap_or_default();
    let second = times(one ^ two, 31 - divisor);
    [one ^ times(second, 1), second]
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The line's number, or it stands in another one's place.
    Number,
    /// Most likely this letter of the data, from 0.
    Letter(usize),
    /// Most likely one of the check letters.
    Check,
    /// More than one letter.
    Several,
}

/// Whether a line's letters are as they were written.
pub(super) fn examine(number: u8, data: &[u8], check: [u8; CHECK]) -> Result<(), Wrong> {
    let (one, two) = syndromes(check.into_iter().chain([number]).chain(data.iter().copied()));
    let place = match (one, two) {
        (0, 0) => return Ok(()),
        (0, _) | (_, 0) => return Err(Wrong::Several),
        (one, two) => log(two).zip(log(one)).map(|(two, one)| (two + 31 - one) % 31),
    };
    Err(match place {
        Some(NUMBER_AT) => Wrong::Number,
        Some(place) if place < NUMBER_AT => Wrong::Check,
        Some(place) if place - NUMBER_AT - 1 < data.len() => Wrong::Letter(place - NUMBER_AT - 1),
        _ => Wrong::Several,
    })
}
