//! Zips of final frames, as slaves pack them: what is in them, and out of them. Names are paths inside a job, so none leads out
//! of its folder.

use crate::error::{Error, Result};
use crate::ids::JobPath;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use zip::ZipArchive;

/// Files of one frame: the output and those of File Output nodes.
const ENTRIES_MAX: usize = 1000;

/// The names in a zip; an error if it is damaged or one of them is not safe.
pub fn zip_names(path: &Path) -> Result<Vec<JobPath>> {
    let mut zip = open(path)?;
    (0..zip.len()).map(|place| name(&mut zip, place)).collect()
}

/// Unpacks a zip into a folder; each file is as long as the zip says, and whole by its checksum. Returns their names.
pub fn unzip(path: &Path, folder: &Path) -> Result<Vec<JobPath>> {
    let mut zip = open(path)?;
    let mut names = Vec::new();
    for place in 0..zip.len() {
        let name = name(&mut zip, place)?;
        let target = name.below(folder);
        let failed = |error: std::io::Error| Error::io("write", &target, &error);
        std::fs::create_dir_all(target.parent().unwrap_or(folder)).map_err(failed)?;
        let entry = zip.by_index(place).map_err(|error| damaged(path, &error))?;
        let size_bytes = entry.size();
        // One more than there may be: whatever is longer than it says is noticed.
        let mut reader = entry.take(size_bytes + 1);
        let written = File::create(&target)
            .and_then(|mut file| std::io::copy(&mut reader, &mut file))
            .map_err(failed)?;
        if written != size_bytes {
            return Err(damaged(path, &"a file in it is longer than it says"));
        }
        names.push(name);
    }
    Ok(names)
}

fn open(path: &Path) -> Result<ZipArchive<File>> {
    let file = File::open(path).map_err(|error| Error::io("read", path, &error))?;
    let zip = ZipArchive::new(file).map_err(|error| damaged(path, &error))?;
    if zip.len() > ENTRIES_MAX {
        return Err(Error::bad_input(format!(
            "a zip of one frame's files holds {}, more than {ENTRIES_MAX}",
            zip.len()
        )));
    }
    Ok(zip)
}

fn name(zip: &mut ZipArchive<File>, place: usize) -> Result<JobPath> {
    let entry = zip
        .by_index_raw(place)
        .map_err(|error| Error::bad_input(format!("a zip is damaged: {error}")))?;
    let name = entry
        .name()
        .map_err(|error| Error::bad_input(format!("a zip names a file in no known way: {error}")))?;
    name.parse().map_err(|_| {
        Error::bad_input(format!(
            "a zip of final files holds {name:?}, which is no path below a folder"
        ))
    })
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::bad_input(format!("{} is damaged: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{ZipEntry, ZipSource, write_zip};

    fn pack(folder: &Path, names: &[&str]) -> std::path::PathBuf {
        let file = folder.join("picture");
        std::fs::write(&file, b"picture").unwrap();
        let entry = |name: &&str| ZipEntry {
            name: (*name).to_owned(),
            source: ZipSource::File {
                path: file.clone(),
                size_bytes: 7,
            },
        };
        let path = folder.join("final.zip");
        write_zip(&names.iter().map(entry).collect::<Vec<_>>(), File::create(&path).unwrap()).unwrap();
        path
    }

    #[test]
    fn what_was_packed_is_unpacked_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = pack(folder.path(), &["shot_0001.png", "Matte/0001.exr"]);
        assert_eq!(zip_names(&path).unwrap().len(), 2);
        unzip(&path, &folder.path().join("out")).unwrap();
        assert_eq!(std::fs::read(folder.path().join("out/Matte/0001.exr")).unwrap(), b"picture");
    }

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../evil.png", "/etc/evil.png", "a/../../evil", "C:\\evil.png"] {
            let path = pack(folder.path(), &[name]);
            assert!(
                zip_names(&path).is_err() && unzip(&path, &folder.path().join("out")).is_err(),
                "{name}"
            );
        }
        assert!(!folder.path().join("evil.png").exists());
    }

    #[test]
    fn a_zip_that_is_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = pack(folder.path(), &["shot_0001.png"]);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        assert!(zip_names(&path).unwrap_err().to_string().contains("damaged"));
    }
}
