//! YAML with positions: every error of a file, each at its line and column.
