//! Files of jobs: content by hash, manifests, zips.
