//! Which versions exist, where they come from, what fits with what. Used on the connected side only.
