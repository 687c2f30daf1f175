//! Child Blenders: rendering, collecting, probing, and how they are ended.
