//! Reads the rows of a table from a SQLite file ("Database File Format" of SQLite's documentation; the numbers in
//! brackets are its sections). Nothing is written, no index is used, and a journal is not looked at.

use crate::sbom::package::DatabaseError;

use super::pages::Pages;

/// The largest row that is read; headers of packages with ten thousands of files have a few MiB.
const LARGEST_ROW: u64 = 32 << 20;

/// More columns than any table that matters here has.
const MOST_COLUMNS: usize = 64;

/// A SQLite file.
pub(super) struct Database<'a> {
    file: &'a dyn Pages,
    page_size: usize,
    /// Bytes of a page that hold content.
    usable: usize,
    pages: u64,
}

/// A value of a row. Numbers other than integers do not occur.
#[derive(Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Bytes(&'a [u8]),
}

fn damaged(what: &'static str) -> DatabaseError {
    DatabaseError::Shape { what }
}

/// Why a tree of pages is refused.
const OUT_OF_PLACE: DatabaseError = DatabaseError::Shape { what: "its pages lie in a circle, or outside the file" };

impl<'a> Database<'a> {
    /// Reads the file's header (1.3).
    pub(super) fn open(file: &'a dyn Pages) -> Result<Self, DatabaseError> {
        let mut header = [0u8; 100];
        file.fill(&mut header, 0)?;
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(damaged("it is not a file of SQLite"));
        }
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65536,
            size => usize::from(size),
        };
        let usable = page_size.saturating_sub(usize::from(header[20]));
        if !page_size.is_power_of_two() || usable < 480 {
            return Err(damaged("its pages have an impossible size"));
        }
        let pages = file.size()? / page_size as u64;
        Ok(Self { file, page_size, usable, pages })
    }

    /// The root page of a table, from the schema (2.6).
    pub(super) fn table(&self, name: &str) -> Result<Option<u32>, DatabaseError> {
        let mut root = None;
        self.rows(1, &mut |row| {
            if let [Value::Bytes(b"table"), Value::Bytes(own), _, Value::Integer(page), ..] = row
                && *own == name.as_bytes()
            {
                root = u32::try_from(*page).ok();
            }
            Ok(())
        })?;
        Ok(root)
    }

    /// Calls `each` with every row of the table whose tree begins at this page, in order (1.6).
    pub(super) fn rows(
        &self,
        root: u32,
        each: &mut dyn FnMut(&[Value<'_>]) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let mut page = vec![0; self.page_size];
        let mut row = Vec::new();
        let mut left = self.pages;
        // Rows do not overlap, so all of them together are no longer than the file.
        let mut bytes_left = self.pages.saturating_mul(self.page_size as u64);
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            // Every page of a tree is met once; in a circle some would be met for ever.
            left = left.checked_sub(1).ok_or(OUT_OF_PLACE)?;
            self.page(number, &mut page)?;
            let start = if number == 1 { 100 } else { 0 };
            let cells = usize::from(u16_at(&page, start + 3)?);
            match page.get(start) {
                Some(0x0d) => {
                    for cell in 0..cells {
                        let at = usize::from(u16_at(&page, start + 8 + 2 * cell)?);
                        self.cell(&page, at, &mut row)?;
                        bytes_left = bytes_left.checked_sub(row.len() as u64).ok_or(OUT_OF_PLACE)?;
                        each(&columns(&row)?)?;
                    }
                }
                Some(0x05) => {
                    waiting.push(u32_at(&page, start + 8)?);
                    for cell in (0..cells).rev() {
                        let at = usize::from(u16_at(&page, start + 12 + 2 * cell)?);
                        waiting.push(u32_at(&page, at)?);
                    }
                    if waiting.len() as u64 > self.pages {
                        return Err(OUT_OF_PLACE);
                    }
                }
                _ => return Err(damaged("a page of its table is of another kind")),
            }
        }
        Ok(())
    }

    /// The row of a leaf's cell: what lies in the page, and in the pages that it overflows to.
    fn cell(&self, page: &[u8], at: usize, row: &mut Vec<u8>) -> Result<(), DatabaseError> {
        let cut = || damaged("a row does not lie in its page");
        let mut rest = page.get(at..self.usable).ok_or_else(cut)?;
        let length = varint(&mut rest).ok_or_else(cut)?;
        let _row_id = varint(&mut rest).ok_or_else(cut)?;
        if length > LARGEST_ROW {
            return Err(damaged("a row is too large"));
        }
        let length = length as usize;
        let local = self.local(length);
        row.clear();
        row.extend_from_slice(rest.get(..local).ok_or_else(cut)?);
        if local == length {
            return Ok(());
        }
        let mut next = u32_at(rest, local)?;
        let mut overflow = vec![0; self.page_size];
        // As `length` is bounded, so is the chain.
        while row.len() < length {
            self.page(next, &mut overflow)?;
            next = u32_at(&overflow, 0)?;
            let count = (length - row.len()).min(self.usable - 4);
            row.extend_from_slice(overflow.get(4..4 + count).ok_or_else(cut)?);
        }
        Ok(())
    }

    /// How many bytes of a row lie in its leaf (1.6, "Cell Format").
    fn local(&self, length: usize) -> usize {
        let most = self.usable - 35;
        if length <= most {
            return length;
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        if fitting <= most { fitting } else { least }
    }

    fn page(&self, number: u32, page: &mut [u8]) -> Result<(), DatabaseError> {
        let before = u64::from(number).checked_sub(1).filter(|before| *before < self.pages).ok_or(OUT_OF_PLACE)?;
        Ok(self.file.fill(page, before * self.page_size as u64)?)
    }
}

/// The values of a row (2.1).
fn columns(row: &[u8]) -> Result<Vec<Value<'_>>, DatabaseError> {
    let cut = || damaged("a row is shorter than it says");
    let mut header = row;
    let length = varint(&mut header).and_then(|length| usize::try_from(length).ok()).ok_or_else(cut)?;
    let of_length = row.len() - header.len();
    let mut header = row.get(of_length..length).ok_or_else(cut)?;
    let mut body = row.get(length..).ok_or_else(cut)?;
    let mut values = Vec::new();
    while !header.is_empty() {
        if values.len() == MOST_COLUMNS {
            return Err(damaged("a row has too many columns"));
        }
        let kind = varint(&mut header).ok_or_else(cut)?;
        let bytes = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind as usize,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(damaged("a value is of a kind that does not exist")),
            _ => usize::try_from((kind - 12) / 2).map_err(|_| cut())?,
        };
        let (value, rest) = body.split_at_checked(bytes).ok_or_else(cut)?;
        body = rest;
        values.push(match kind {
            0 | 7 => Value::Null,
            8 | 9 => Value::Integer((kind - 8) as i64),
            1..=6 => {
                let negative = value.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1i64 } else { 0 };
                Value::Integer(value.iter().fold(start, |number, byte| number << 8 | i64::from(*byte)))
            }
            _ => Value::Bytes(value),
        });
    }
    Ok(values)
}

/// A number of one to nine bytes (1.6, "varint"); moves on behind it.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for position in 0..9 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if position == 8 {
            return Some(value << 8 | u64::from(*byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, DatabaseError> {
    let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok());
    two.map(u16::from_be_bytes).ok_or(damaged("a page points outside itself"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, DatabaseError> {
    let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    four.map(u32::from_be_bytes).ok_or(damaged("a page points outside itself"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_lengths() {
        let mut bytes = &b"\x05\x81\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..];
        assert_eq!((varint(&mut bytes), varint(&mut bytes), varint(&mut bytes)), (Some(5), Some(128), Some(u64::MAX)));
        assert_eq!(varint(&mut bytes), None);
        assert_eq!(columns(b"\x03\x01\x09\xfe").unwrap(), [Value::Integer(-2), Value::Integer(1)]);
        assert!(columns(b"\x02\x05").is_err());
    }
}
