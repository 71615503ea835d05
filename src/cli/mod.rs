//! One file per command: flags in, one job called.
