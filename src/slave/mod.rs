//! The slave: asks for work, keeps a Blender warm, delivers results.
