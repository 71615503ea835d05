//! What each concern wants on a host. Builds steps; runs nothing.
