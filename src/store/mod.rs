//! `blender_master.data`: the durable state of a master, in `SQLite`.
