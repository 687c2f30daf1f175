//! What goes across together: small contents in bundles, long ones by themselves.

use super::bundle::{BUNDLE_BYTES_MAX, BUNDLE_CONTENTS_MAX, BUNDLE_HEAD_BYTES, BUNDLED_BYTES_MAX};

/// Shares contents out to requests: one of a long content, or a bundle of small ones. Long ones come first, for they take longest.
pub fn parcels<T>(contents: Vec<T>, size_bytes: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let (small, long): (Vec<_>, Vec<_>) = contents.into_iter().partition(|it| size_bytes(it) <= BUNDLED_BYTES_MAX);
    let mut parcels: Vec<Vec<T>> = long.into_iter().map(|content| vec![content]).collect();
    let (mut bundle, mut bundle_bytes) = (Vec::new(), 0);
    for content in small {
        let bytes = BUNDLE_HEAD_BYTES + size_bytes(&content);
        if bundle_bytes + bytes > BUNDLE_BYTES_MAX || bundle.len() == BUNDLE_CONTENTS_MAX {
            parcels.push(std::mem::take(&mut bundle));
            bundle_bytes = 0;
        }
        bundle_bytes += bytes;
        bundle.push(content);
    }
    if !bundle.is_empty() {
        parcels.push(bundle);
    }
    parcels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_contents_go_together_within_the_bounds_of_a_bundle() {
        let shapes = |sizes: Vec<u64>| -> Vec<usize> { parcels(sizes, |size| *size).iter().map(Vec::len).collect() };
        let long = BUNDLED_BYTES_MAX + 1;
        assert_eq!(parcels(vec![1, long, 0, 5], |size| *size), [vec![long], vec![1, 0, 5]]);
        assert_eq!(shapes(vec![1; 2 * BUNDLE_CONTENTS_MAX + 1]), [2048, 2048, 1]);
        assert_eq!(shapes(vec![BUNDLED_BYTES_MAX; 33]), [31, 2]);
        assert!(shapes(Vec::new()).is_empty());
    }
}
