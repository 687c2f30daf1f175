//! Manifests, what was baked, and the contents that both need.

use super::load::{optional_number, parsed, wrong};
use super::rows::{key, run};
use crate::farm::Bake;
use crate::ids::{ContentHash, JobId, TaskIndex};
use rusqlite::{Connection, Result, Transaction, params};

pub(super) fn add_manifest(
    on: &Transaction<'_>,
    job: JobId,
    document: &str,
    contents: &[ContentHash],
    bakes_from: Option<JobId>,
) -> Result<()> {
    run(
        on,
        "REPLACE INTO manifest VALUES (?1, ?2, ?3)",
        params![key(job.bits()), document, bakes_from.map(|from| key(from.bits()))],
    )?;
    add_contents(on, job, contents)
}

/// What was baked under the same number before is replaced; its contents go with the job.
pub(super) fn add_baked(
    on: &Transaction<'_>,
    job: JobId,
    task: TaskIndex,
    document: &str,
    contents: &[ContentHash],
) -> Result<()> {
    run(
        on,
        "REPLACE INTO baked VALUES (?1, ?2, ?3)",
        params![key(job.bits()), task.0, document],
    )?;
    add_contents(on, job, contents)
}

fn add_contents(on: &Transaction<'_>, job: JobId, contents: &[ContentHash]) -> Result<()> {
    contents.iter().try_for_each(|hash| {
        run(
            on,
            "INSERT OR IGNORE INTO content VALUES (?1, ?2)",
            params![key(job.bits()), hash.0],
        )
    })
}

pub(super) fn contents_of(on: &Transaction<'_>, job: JobId) -> Result<Vec<ContentHash>> {
    on.prepare_cached("SELECT hash FROM content WHERE job = ?1")?
        .query_map([key(job.bits())], |row| row.get(0).map(ContentHash))?
        .collect()
}

pub(super) fn is_needed(on: &Transaction<'_>, hash: &ContentHash) -> Result<bool> {
    on.prepare_cached("SELECT EXISTS (SELECT 1 FROM content WHERE hash = ?1)")?
        .query_row([hash.0], |row| row.get(0))
}

/// The places of those before it, and its name: "0,2 cloth of Flag".
pub(super) fn bake_line(bake: &Bake) -> String {
    let after: Vec<String> = bake.after.iter().map(|on| on.0.to_string()).collect();
    format!("{} {}", after.join(","), bake.name)
}

/// The same the other way, of all bakes of a job.
pub(super) fn read_bakes(text: &str) -> Result<Vec<Bake>> {
    let bake = |line: &str| {
        let (after, name) = line.split_once(' ').ok_or_else(|| wrong("a bake without a name"))?;
        let after = after.split(',').filter(|place| !place.is_empty());
        Ok(Bake {
            name: name.to_owned(),
            after: after.map(|place| parsed(place).map(TaskIndex)).collect::<Result<_>>()?,
        })
    };
    text.lines().map(bake).collect()
}

/// What was baked for a job, or for another one that was removed, by task.
pub(super) fn baked(from: &Connection, job: JobId) -> Result<Vec<(TaskIndex, String)>> {
    let mut statement = from.prepare_cached("SELECT task, document FROM baked WHERE job = ?1 ORDER BY task")?;
    let rows = statement.query_map([key(job.bits())], |row| Ok((TaskIndex(row.get(0)?), row.get(1)?)))?;
    rows.collect()
}

/// With whose bakes a job is rendered.
pub(super) fn bakes_from(from: &Connection, job: JobId) -> Result<Option<JobId>> {
    let mut statement = from.prepare_cached("SELECT bakes_from FROM manifest WHERE job = ?1")?;
    let mut rows = statement.query([key(job.bits())])?;
    match rows.next()? {
        Some(row) => Ok(optional_number(row, 0)?.map(JobId::from_bits)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::Change;
    use crate::store::{Store, Write};

    fn manifest(job: u64, contents: &[u8], bakes_from: Option<u64>) -> Write {
        Write::Manifest {
            job: JobId::from_bits(job),
            document: "{}".to_owned(),
            contents: contents.iter().map(|byte| ContentHash([*byte; 32])).collect(),
            bakes_from: bakes_from.map(JobId::from_bits),
        }
    }

    fn baked(document: &str, content: u8) -> Write {
        Write::Baked {
            job: JobId::from_bits(1),
            task: TaskIndex(2),
            document: document.to_owned(),
            contents: vec![ContentHash([content; 32])],
        }
    }

    #[test]
    fn what_a_removed_job_baked_stays_with_those_that_are_rendered_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let [baking, rendered] = [1, 2].map(JobId::from_bits);
        let jobs = [manifest(1, &[1], None), manifest(2, &[1], Some(1)), manifest(3, &[1], None)];
        store.apply(&jobs).unwrap();
        store.apply(&[baked("first", 7)]).unwrap();
        store.apply(&[baked("second", 8)]).unwrap();
        let one = vec![(TaskIndex(2), "second".to_owned())];
        assert_eq!(
            (store.baked(baking).unwrap(), store.baked(rendered).unwrap()),
            (one.clone(), vec![])
        );
        assert_eq!(store.bakes_from(rendered).unwrap(), Some(baking));
        let removed = |job| Write::Farm(Change::JobRemoved(job));
        assert!(store.apply(&[removed(baking)]).unwrap().is_empty());
        assert_eq!((store.baked(baking).unwrap(), store.baked(rendered).unwrap()), (vec![], one));
        assert!(store.needs(ContentHash([8; 32])).unwrap());
        let mut orphans = store.apply(&[removed(rendered)]).unwrap();
        orphans.sort_unstable();
        assert_eq!(orphans, [ContentHash([7; 32]), ContentHash([8; 32])]);
        assert!(store.baked(rendered).unwrap().is_empty());
    }

    #[test]
    fn a_bake_is_read_as_it_was_written() {
        let bake = |name: &str, after: &[u32]| Bake {
            name: name.to_owned(),
            after: after.iter().copied().map(TaskIndex).collect(),
        };
        let bakes = [bake("cloth of  Größe", &[]), bake(" x", &[0, 12])];
        let text = bakes.iter().map(bake_line).collect::<Vec<_>>().join("\n");
        assert_eq!(read_bakes(&text).unwrap(), bakes);
        assert!(read_bakes("").unwrap().is_empty() && read_bakes("x").is_err());
    }
}
