//! Everything that is printed is printed here.
