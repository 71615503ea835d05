//! Bytes as lines that can be typed, with every mistake told by its line.
//!
//! ```text
//! 1  05ANB 0TSZK 2Q7EV 8H1MD  R4
//! 2  …
//! ```
//!
//! or in one run, for scanners: `KK1.05ANB0TSZK2Q7EV8H1MDR4.…`

use std::fmt;

use super::symbols::{self, CHECK, DATA, Wrong};

/// What a text in one run begins with.
const RUN: &str = "KK1.";

/// A text is not looked at beyond this many bytes.
const LONGEST_TEXT: usize = 64 << 10;

/// A note has at most this many lines: a number is one of the 32 letters.
const MOST_LINES: usize = 31;

/// Letters in a group.
const GROUP: usize = 5;

/// Why a text holds no note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// No line of it looks like one of a note.
    Nothing,
    /// It is larger than any text with a note in it.
    TooLarge,
    /// Every line that is wrong.
    Lines(Vec<LineProblem>),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineProblem {
    /// From 1.
    pub line: usize,
    pub problem: String,
}

impl fmt::Display for LineProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {} {}", self.line, self.problem)
    }
}

impl fmt::Display for NoteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => {
                formatter.write_str("there is no receipt in it: its lines begin with their numbers, 1, 2, 3 …")
            }
            Self::TooLarge => formatter.write_str("it is too large for a receipt"),
            Self::Lines(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                formatter.write_str(&told.join("; "))
            }
        }
    }
}

impl std::error::Error for NoteError {}

/// The lines of a note, each with its check letters.
fn words(bytes: &[u8]) -> Vec<String> {
    let values = symbols::split(bytes);
    let line = |(index, data): (usize, &[u8])| {
        let check = symbols::check(index as u8 + 1, data);
        data.iter().chain(&check).map(|value| symbols::letter(*value)).collect()
    };
    values.chunks(DATA).enumerate().map(line).collect()
}

/// For people: numbered lines in groups.
pub(super) fn lines(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (index, word) in words(bytes).iter().enumerate() {
        text += &format!("{:>2} ", index + 1);
        let (data, check) = word.split_at(word.len() - CHECK);
        for (at, letter) in data.chars().enumerate() {
            if at % GROUP == 0 {
                text.push(' ');
            }
            text.push(letter);
        }
        text += &format!("  {check}\n");
    }
    text
}

/// For scanners: one run.
pub(super) fn compact(bytes: &[u8]) -> String {
    format!("{RUN}{}", words(bytes).join("."))
}

/// The bytes of a note that stands in a text.
pub(super) fn read(text: &str) -> Result<Vec<u8>, NoteError> {
    if text.len() > LONGEST_TEXT {
        return Err(NoteError::TooLarge);
    }
    let found = found_lines(text)?;
    let mut problems = Vec::new();
    let mut values = Vec::new();
    let last = found.iter().map(|(number, _)| *number).max().unwrap_or_default();
    for number in 1..=last {
        let of_number: Vec<&str> =
            found.iter().filter(|(one, _)| *one == number).map(|(_, rest)| rest.as_str()).collect();
        let problem = match of_number.as_slice() {
            [] => "is missing".to_owned(),
            [one, others @ ..] if others.iter().all(|other| other == one) => {
                match one_line(number, one, number == last) {
                    Ok(data) => {
                        values.extend(data);
                        continue;
                    }
                    Err(problem) => problem,
                }
            }
            _ => "is there twice, and differs".to_owned(),
        };
        problems.push(LineProblem { line: number, problem });
    }
    if problems.is_empty() {
        let wrong =
            || NoteError::Lines(vec![LineProblem { line: last, problem: "is not the end of a receipt".into() }]);
        return symbols::join(&values).ok_or_else(wrong);
    }
    Err(NoteError::Lines(problems))
}

/// Numbers and letters of everything that may be a line of the note.
fn found_lines(text: &str) -> Result<Vec<(usize, String)>, NoteError> {
    let trimmed = text.trim();
    let is_run = trimmed.get(..RUN.len()).is_some_and(|start| start.eq_ignore_ascii_case(RUN));
    let found: Vec<(usize, String)> = match is_run {
        true => {
            let run = trimmed.get(RUN.len()..).unwrap_or_default();
            run.split('.').enumerate().map(|(index, word)| (index + 1, letters(word))).collect()
        }
        false => trimmed.lines().filter_map(numbered).collect(),
    };
    let in_range = |(number, _): &(usize, String)| (1..=MOST_LINES).contains(number);
    match found.is_empty() || !found.iter().all(in_range) {
        true => Err(NoteError::Nothing),
        false => Ok(found),
    }
}

/// A line that begins with its number; others are what stands around the note.
fn numbered(line: &str) -> Option<(usize, String)> {
    let (number, rest) = line.trim().split_once(char::is_whitespace)?;
    let number = number.trim_end_matches(['.', ':', ')']).parse().ok()?;
    Some((number, letters(rest)))
}

/// Without what groups them.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && !"-_".contains(*letter)).collect()
}

/// The data of a line, if it is as it was written.
fn one_line(number: usize, letters: &str, is_last: bool) -> Result<Vec<u8>, String> {
    let mut values = Vec::new();
    for letter in letters.chars() {
        let value =
            symbols::value(letter).ok_or_else(|| format!("has {letter:?} in it, which is no letter of a receipt"))?;
        values.push(value);
    }
    let count = values.len();
    let full = DATA + CHECK;
    let plausible = if is_last { (CHECK + 1..=full).contains(&count) } else { count == full };
    if !plausible {
        return Err(format!("has {count} letters, where {full} are expected"));
    }
    let check: Vec<u8> = values.split_off(count - CHECK);
    let check = <[u8; CHECK]>::try_from(check).map_err(|_| "has no check letters".to_owned())?;
    match symbols::examine(number as u8, &values, check) {
        Ok(()) => Ok(values),
        Err(Wrong::Number) => Err("stands in the place of another one".into()),
        Err(Wrong::Letter(at)) => Err(format!("is mistyped, most likely in group {}", at / GROUP + 1)),
        Err(Wrong::Check) => Err("is mistyped, most likely in its last group".into()),
        Err(Wrong::Several) => Err("is mistyped in several places".into()),
    }
}
