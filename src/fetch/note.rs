//! What the cache notes beside each of its files.

use std::path::{Path, PathBuf};

use crate::bundle::Spelling;
use crate::digest::{Blake3, Digest, Measured};

/// How a content lies in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    #[default]
    Plain,
    /// In the frames that it will have in a bundle of this spelling; see [`crate::bundle::squeezed`].
    Squeezed(Spelling),
}

/// What is known of a whole file: a line with BLAKE3 digest and size, and for frames the spelling and the file's length.
pub(super) struct Note {
    pub measured: Measured,
    pub form: Form,
    /// Bytes of the file.
    pub length: u64,
}

impl Note {
    /// As it stands in the file of [`note_path`].
    pub(super) fn text(&self) -> String {
        let Measured { blake3, size, .. } = &self.measured;
        match self.form {
            Form::Plain => format!("{} {size}\n", blake3.0),
            Form::Squeezed(spelling) => format!("{} {size} {spelling} {}\n", blake3.0, self.length),
        }
    }

    /// The note of the file of this digest, if it is one.
    pub(super) fn read(text: &str, digest: &Digest) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (blake3, size) = (words.next()?, words.next()?.parse().ok()?);
        let plausible = blake3.len() == 64 && blake3.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (form, length) = match (words.next(), words.next()) {
            (None, None) => (Form::Plain, size),
            (Some(name), Some(length)) => {
                let spelling = Spelling::ALL.into_iter().find(|one| one.to_string() == name)?;
                (Form::Squeezed(spelling), length.parse().ok()?)
            }
            _ => return None,
        };
        let measured = Measured { sha256: *digest, blake3: Blake3(blake3.to_owned()), size };
        plausible.then_some(Self { measured, form, length })
    }
}

/// Where the note of a file lies.
pub(super) fn note_path(blob: &Path) -> PathBuf {
    blob.with_extension("b3")
}
