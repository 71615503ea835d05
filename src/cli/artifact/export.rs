//! `kk artifact export`

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::{Context, OutputFormat, PassphraseFlag};
use crate::jobs::sign::Signing;
use crate::jobs::{JobError, export};
use crate::sbom::Depth;
use crate::{quantity, ui};

/// Pack what a manifest names into one file that crosses the gap
///
/// Resolves tags and versions to digests, which manifest.lock beside the manifest records; downloads images and
/// components side by side; checks every byte; and writes the bundle. A second run with the same lock makes the same
/// bytes, and an interrupted run is continued by the next one.
///
/// HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. KK_OUTPUT=json writes one JSON object a line.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Manifest file: what to carry
    #[arg(short = 'm', long, value_name = "FILE")]
    pub manifest: PathBuf,
    /// Bundle to write; its name ends with .tar, .tar.gz or .tar.zst
    #[arg(short = 'o', long, value_name = "FILE", default_value = "kubekey-artifact.tar.gz")]
    pub output: PathBuf,
    /// Carry only what this lacks: an earlier bundle (or a part of it, or its folder), an inventory as kk artifact inspect
    /// prints it with --output json, or a site's receipt
    #[arg(long, value_name = "PATH")]
    pub base: Vec<PathBuf>,
    /// How many downloads to run at once
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub concurrency: usize,
    /// Ask another place: HOST=URL for one host, '*=URL' for all; may be repeated
    #[arg(long = "mirror", value_name = "RULE", env = "KK_MIRROR")]
    pub mirrors: Vec<String>,
    /// Resolve everything anew, whatever the lock beside the manifest says
    #[arg(long)]
    pub update_lock: bool,
    /// Catalog of components to use in place of the built-in one
    #[arg(long, value_name = "FILE")]
    pub catalog: Option<PathBuf>,
    /// How much the carried bill of materials (sbom.cdx.json) tells
    #[arg(long, value_enum, value_name = "DEPTH", default_value_t = ExportSbom::Images)]
    pub sbom: ExportSbom,
    /// Cluster file that the bundle must suffice for: kk artifact check before anything is written
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// Carry this file as kk for an architecture, where the manifest names kk; may be repeated
    #[arg(long = "kk", value_name = "ARCH=PATH", value_parser = executable)]
    pub executables: Vec<(String, PathBuf)>,
    /// Sign the bundle with this key, as kk artifact sign does
    #[arg(long, value_name = "FILE")]
    pub sign_key: Option<PathBuf>,
    #[command(flatten)]
    pub passphrase: PassphraseFlag,
    /// Keep no cache: never take more room on the disk than the bundle itself, beside the output
    #[arg(long)]
    pub no_cache: bool,
    /// Say what would be packed and fetched and the disk that it needs, and fetch nothing but what names mean
    #[arg(long)]
    pub dry_run: bool,
    /// End only when the bundle is on its medium; otherwise the operating system writes it there in its own time
    #[arg(long)]
    pub sync: bool,
    /// Answer yes to every question: replace the output if it exists
    #[arg(short = 'y', long)]
    pub yes: bool,
    #[arg(long = "result-format", env = "KK_OUTPUT", hide = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// How much the carried bill of materials tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportSbom {
    /// Everything that the bundle holds, and the packages inside its images; every layer is decompressed
    Packages,
    /// Everything that the bundle holds
    Images,
    /// None is carried
    None,
}

impl From<ExportSbom> for Option<Depth> {
    fn from(sbom: ExportSbom) -> Self {
        match sbom {
            ExportSbom::Packages => Some(Depth::Packages),
            ExportSbom::Images => Some(Depth::Images),
            ExportSbom::None => None,
        }
    }
}

pub fn run(args: Args) -> Result<(), JobError> {
    let context = Context::new(args.format)?;
    let question = || format!("{} exists. Replace it?", args.output.display());
    let overwrite = args.yes || args.dry_run || (args.output.is_file() && ui::can_ask() && ui::confirm(&question()));
    let inputs = export::Inputs {
        manifest: args.manifest,
        concurrency: args.concurrency,
        mirrors: args.mirrors,
        update_lock: args.update_lock,
        catalog: args.catalog,
        executables: args.executables.into_iter().collect(),
        cache: None,
    };
    let options = export::Options {
        inputs,
        output: args.output,
        overwrite,
        base: args.base,
        cluster_file: args.filename,
        no_cache: args.no_cache,
        sync: args.sync,
        signing: args.sign_key.map(|key| Signing { key, passphrase: args.passphrase.source() }),
        sbom: args.sbom.into(),
    };
    if args.dry_run {
        let forecast = context.runtime.block_on(export::dry_run(&options, &context.events))?;
        return match context.json() {
            true => ui::print_json(&forecast),
            false => ui::print_line(&ui::forecast(&forecast)),
        };
    }
    let summary = context.runtime.block_on(export::run(&options, &context.events))?;
    if context.json() {
        return ui::print_json(&summary);
    }
    ui::print_line(&format!(
        "{}: {}, {} components, {} images ({} blobs), in {}\ndigest {}",
        summary.path.display(),
        quantity::bytes(summary.size),
        summary.components,
        summary.images,
        summary.blobs,
        quantity::seconds(summary.seconds),
        summary.digest,
    ))
}

pub(in crate::cli) fn executable(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((arch @ ("amd64" | "arm64"), path)) if !path.is_empty() => Ok((arch.to_owned(), path.into())),
        _ => Err("write amd64=PATH or arm64=PATH".to_owned()),
    }
}
