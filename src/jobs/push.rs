//! Pushing a bundle's images into the private registry.

use std::error::Error;
use std::io::{self, Read};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};

use crate::bundle::{Bundle, Verified};
use crate::digest::Digest;
use crate::event::{Event, Events};
use crate::image::client::Client;
use crate::image::push::{ImageSource, Pusher, Wanted};
use crate::image::reference::Reference;
use crate::plan::PushImages;
use crate::run::PushFunction;

/// Images at once; their blobs are what runs in parallel.
const IMAGES_AT_ONCE: usize = 4;

type Failure = Box<dyn Error + Send + Sync>;

/// The function that the executor calls for a plan's images.
pub fn function(bundle: Option<Arc<Bundle<Verified>>>, concurrency: usize) -> PushFunction {
    Box::new(move |work, events| {
        let bundle = bundle.clone();
        let pushed: BoxFuture<'static, Result<usize, Failure>> = Box::pin(async move {
            let Some(bundle) = bundle else { return Err("this run has no bundle to push from".into()) };
            push(&bundle, &work, concurrency, events).await
        });
        pushed
    })
}

/// Pushes what is missing; gives the number of images that were.
async fn push(
    bundle: &Bundle<Verified>,
    work: &PushImages,
    concurrency: usize,
    events: Events,
) -> Result<usize, Failure> {
    let client = Client::new(&work.registry)?;
    client.login().await?;
    let mut wanted = Vec::new();
    for (reference, target) in &work.images {
        let image = bundle.inventory().image(reference).ok_or_else(|| format!("the bundle holds no {reference}"))?;
        wanted.push(to_wanted(image, target)?);
    }
    let source = BundleImages(bundle);
    let pusher = Pusher::new(client, concurrency, events.clone());
    let missing = pusher.missing(&source, &wanted).await?;
    events.emit(Event::BytesTotal { total: bytes(bundle, missing.iter().map(|position| &wanted[*position])) });
    let (pusher, source, wanted) = (&pusher, &source, &wanted);
    let pushes: Vec<BoxFuture<'_, Result<(), Failure>>> = missing
        .iter()
        .map(|position| {
            let (wanted, events) = (&wanted[*position], &events);
            let one: BoxFuture<'_, Result<(), Failure>> = Box::pin(async move {
                let pushed = pusher.push_image(source, wanted).await?;
                let detail = format!("{} bytes sent", pushed.bytes);
                events.emit(Event::ItemDone { title: wanted.image.reference.clone(), detail });
                Ok(())
            });
            one
        })
        .collect();
    futures::stream::iter(pushes).buffer_unordered(IMAGES_AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(missing.len())
}

fn to_wanted<'a>(image: &'a crate::bundle::inventory::Image, target: &str) -> Result<Wanted<'a>, Failure> {
    // The target is a repository with a tag or a digest; a registry's name before it makes it a reference.
    let parsed: Reference = format!("registry.invalid/{target}").parse()?;
    Ok(Wanted { image, repository: parsed.repository().to_owned(), tag: parsed.tag().map(str::to_owned) })
}

/// Bytes of these images, each blob counted once.
fn bytes<'a>(bundle: &Bundle<Verified>, images: impl Iterator<Item = &'a Wanted<'a>>) -> u64 {
    let mut seen = std::collections::BTreeSet::new();
    images
        .flat_map(|wanted| &wanted.image.platforms)
        .flat_map(|platform| &platform.blobs)
        .filter(|digest| seen.insert(**digest))
        .filter_map(|digest| bundle.inventory().blob(digest))
        .map(|blob| blob.size)
        .sum()
}

/// A bundle as the source of blobs.
struct BundleImages<'a>(&'a Bundle<Verified>);

impl ImageSource for BundleImages<'_> {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.0.open_blob(digest).map_err(io::Error::other)?;
        Ok(Box::new(reader))
    }
}
