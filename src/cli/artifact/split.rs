//! `kk artifact split`

use std::path::PathBuf;

use crate::cli::{ArtifactFlag, Context, OutputFormat};
use crate::jobs::{JobError, split};
use crate::{quantity, ui};

/// Cut a bundle into parts for small media
///
/// Every command reads the parts where they lie, in any order and from several folders: name any of them, or the folders,
/// with -a. Each part carries its own checksums, so that one which a medium has damaged is named by its number, and is
/// the only one to be copied again. The same bundle and size always give the same parts.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub bundle: ArtifactFlag,
    /// Parts stay below this size: bytes, or a number with K, M or G (4G fits FAT32)
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = quantity::parse_bytes)]
    pub size: u64,
    /// Write these parts alone: 3, or 1-3,5
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', value_parser = numbers)]
    pub only: Vec<Numbers>,
    /// Folder to write to; the bundle's own unless named
    #[arg(short = 'o', long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// Numbers from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers(u32, u32);

fn numbers(text: &str) -> Result<Numbers, String> {
    let number = |text: &str| text.trim().parse::<u32>().ok().filter(|number| (1..=999).contains(number));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Numbers(first, last)),
        _ => Err("write numbers of parts as 3 or 1-3, from 1 to 999".into()),
    }
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.format)?;
    let options = split::Options {
        bundle: args.bundle.artifact,
        size: args.size,
        only: args.only.iter().flat_map(|Numbers(first, last)| *first..=*last).collect(),
        output: args.output,
    };
    let summary = split::run(&options, &context.events)?;
    if context.json() {
        return ui::print_json(&summary);
    }
    let mut text = String::new();
    for part in &summary.parts {
        text += &format!("{}  {}\n", part.path.display(), quantity::bytes(part.size));
    }
    let (parts, seconds) = (summary.parts.len(), quantity::seconds(summary.seconds));
    ui::print_line(&format!("{text}{parts} of {} parts, in {seconds}\ndigest {}", summary.count, summary.digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::parts::cut::DEFAULT_SIZE;

    #[test]
    fn the_default_size_fits_fat32() {
        assert_eq!(quantity::parse_bytes("4G"), Ok(DEFAULT_SIZE));
    }

    #[test]
    fn numbers_are_one_or_a_range() {
        assert_eq!(numbers("3"), Ok(Numbers(3, 3)));
        assert_eq!(numbers("1-3"), Ok(Numbers(1, 3)));
        for text in ["", "0", "3-1", "1-", "x", "-1", "1000", "1-9999999999"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }
}
