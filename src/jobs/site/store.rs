//! Files of the site: readable by the operator alone, whole or not there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::install::certs::KeyStore;

/// No key, password or template is larger.
const LARGEST: u64 = 1 << 20;

/// A folder whose files are secrets.
pub struct Folder(pub PathBuf);

impl KeyStore for Folder {
    fn load(&self, name: &str) -> Result<Option<String>, io::Error> {
        match read_bounded(&self.0.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn save(&self, name: &str, text: &SecretString) -> Result<(), io::Error> {
        write_private(&self.0.join(name), text)
    }

    fn remove(&self, name: &str) -> Result<(), io::Error> {
        match fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// What would be kept in a folder, and is not.
pub struct Draft {
    folder: Folder,
    /// `None`: it was removed.
    written: RefCell<BTreeMap<String, Option<SecretString>>>,
}

impl Draft {
    /// Over what lies in a folder.
    pub fn over(folder: Folder) -> Self {
        Self { folder, written: RefCell::default() }
    }
}

impl KeyStore for Draft {
    fn load(&self, name: &str) -> Result<Option<String>, io::Error> {
        match self.written.borrow().get(name) {
            Some(text) => Ok(text.as_ref().map(|text| text.expose_secret().to_owned())),
            None => self.folder.load(name),
        }
    }

    fn save(&self, name: &str, text: &SecretString) -> Result<(), io::Error> {
        self.written.borrow_mut().insert(name.to_owned(), Some(text.clone()));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), io::Error> {
        self.written.borrow_mut().insert(name.to_owned(), None);
        Ok(())
    }
}

/// Makes a folder with mode 0700, parents included.
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// Writes a file with mode 0600: beside its place, through to the disk, then renamed.
pub fn write_private(path: &Path, text: &SecretString) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", path.extension().and_then(|end| end.to_str()).unwrap_or("")));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// Reads a small text file.
pub fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {LARGEST} bytes")));
    }
    Ok(text)
}
