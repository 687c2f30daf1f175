//! The master: an actor around the farm, and its HTTP face.
