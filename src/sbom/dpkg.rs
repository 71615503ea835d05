//! dpkg's database of installed packages: `var/lib/dpkg/status`, or, in images without dpkg, a file for each package in
//! `var/lib/dpkg/status.d` (deb-control(5), and dpkg-query(1) for the states).

use std::io::BufRead;

use super::lines;
use super::package::{DatabaseError, Family, List, Package, text};

/// The installed packages of a file, sorted. One that was removed and left its configuration is not installed; where a
/// file names no state at all, its packages are.
pub fn read(source: impl BufRead) -> Result<Vec<Package>, DatabaseError> {
    let mut list = List::default();
    let mut package = Package::unknown(Family::Deb);
    let mut installed = true;
    let mut next = |package: &mut Package, installed: &mut bool| {
        let done = std::mem::replace(package, Package::unknown(Family::Deb));
        if std::mem::replace(installed, true) { list.add(done) } else { Ok(()) }
    };
    lines::each(source, |line| {
        if line.is_empty() {
            return next(&mut package, &mut installed);
        }
        // Lines that begin with a space continue a field, and none of those that matter here has any.
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return Ok(()) };
        let (field, value) = (&line[..colon], &line[colon + 1..]);
        match field.to_ascii_lowercase().as_slice() {
            b"package" => package.name = text(value),
            b"version" => package.version = text(value),
            b"architecture" => package.arch = text(value),
            // "glibc (2.36-9)": the version stands there only where it is another.
            b"source" => package.source = text(value).split(' ').next().unwrap_or_default().to_owned(),
            b"status" => installed = text(value).split(' ').nth(2) == Some("installed"),
            _ => {}
        }
        Ok::<(), DatabaseError>(())
    })?;
    next(&mut package, &mut installed)?;
    Ok(list.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-8)
Version: 2.36-9+deb12u10
Description: GNU C Library: Shared libraries
 Version: not a field, but a line of the description

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0
";

    #[test]
    fn installed_packages_are_read_and_removed_ones_are_not() {
        let packages = read(STATUS.as_bytes()).unwrap();
        let [libc] = packages.as_slice() else { panic!("{packages:?}") };
        assert_eq!((libc.name.as_str(), libc.version.as_str()), ("libc6", "2.36-9+deb12u10"));
        assert_eq!((libc.arch.as_str(), libc.source.as_str()), ("amd64", "glibc"));
    }

    #[test]
    fn a_file_without_states_lists_what_is_installed() {
        let one = "Package: base-files\nVersion: 12.4\nArchitecture: amd64";
        assert_eq!(read(one.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn what_makes_no_sense_gives_no_packages() {
        for bytes in [&b""[..], b"\n\n\n", b"Package", b"Package: x", b"\xff\xfe: \0", b": \n:"] {
            assert_eq!(read(bytes).unwrap(), []);
        }
    }
}
