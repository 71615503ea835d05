//! Executes a Plan: concurrency, timeouts, journal, lock.
