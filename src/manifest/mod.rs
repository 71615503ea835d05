//! The Manifest kind and the Lock: what to carry, and exactly what that is today.
