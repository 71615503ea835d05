//! apk's database of installed packages: `lib/apk/db/installed` (Alpine wiki, "Apk spec", "Install DB").

use std::io::BufRead;

use super::lines;
use super::package::{DatabaseError, Family, List, Package, text};

/// The installed packages, sorted.
pub fn read(source: impl BufRead) -> Result<Vec<Package>, DatabaseError> {
    let mut list = List::default();
    let mut package = Package::unknown(Family::Apk);
    lines::each(source, |line| {
        match line {
            [] => list.add(std::mem::replace(&mut package, Package::unknown(Family::Apk)))?,
            [b'P', b':', value @ ..] => package.name = text(value),
            [b'V', b':', value @ ..] => package.version = text(value),
            [b'A', b':', value @ ..] => package.arch = text(value),
            [b'L', b':', value @ ..] => package.license = text(value),
            [b'o', b':', value @ ..] => package.source = text(value),
            _ => {}
        }
        Ok::<(), DatabaseError>(())
    })?;
    list.add(package)?;
    Ok(list.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALLED: &str = "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
P:alpine-baselayout
V:3.6.8-r1
A:x86_64
S:8515
I:315392
T:Alpine base dir structure and init scripts
L:GPL-2.0-only
o:alpine-baselayout
D:alpine-baselayout-data=3.6.8-r1 /bin/sh
F:dev
F:etc
R:motd
Z:Q1SLkS9hBidUbPwwrw+XR0Whv3ww8=

C:Q1aVzxSm+dxfwjGUXSZN+YSzNOvzk=
P:musl
V:1.2.5-r9
A:x86_64
L:MIT
o:musl
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
";

    #[test]
    fn installed_packages_are_read() {
        let packages = read(INSTALLED.as_bytes()).unwrap();
        let told: Vec<String> =
            packages.iter().map(|one| format!("{} {} {} {}", one.name, one.version, one.arch, one.license)).collect();
        assert_eq!(told, ["alpine-baselayout 3.6.8-r1 x86_64 GPL-2.0-only", "musl 1.2.5-r9 x86_64 MIT"]);
    }
}
