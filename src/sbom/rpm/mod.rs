//! rpm's database of installed packages: the SQLite file `rpmdb.sqlite`, whose table `Packages` has a header for each.
//!
//! Databases of Berkeley DB and of ndb, which older distributions have, are not read.

mod header;
mod pages;
mod sqlite;

use super::package::{DatabaseError, List, Package};
pub use pages::Pages;
use sqlite::{Database, Value};

/// The installed packages of an `rpmdb.sqlite`, sorted.
pub fn read(file: &dyn Pages) -> Result<Vec<Package>, DatabaseError> {
    let database = Database::open(file)?;
    let root = database.table("Packages")?.ok_or(DatabaseError::Shape { what: "it has no table Packages" })?;
    let mut list = List::default();
    database.rows(root, &mut |row| match row.get(1) {
        Some(Value::Bytes(blob)) => header::read(blob).map_or(Ok(()), |package| list.add(package)),
        _ => Err(DatabaseError::Shape { what: "a row of its table Packages holds no header" }),
    })?;
    Ok(list.finish())
}
