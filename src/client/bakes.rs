//! Simulations that are baked on the network: what a submission makes of them. How what is baked comes to the artist: `bring`.

use super::submit::NAME_CHARACTERS_MAX;
use crate::error::{Error, Result};
use crate::ids::{FrameSet, JobId, ParseError, TileGrid};
use crate::wire::{BakeTask, JobAnnounce, JobLimits, Manifest};

/// What is added to the name of a job that bakes.
const NAME_OF_BAKES: &str = " (bakes)";

/// What is done about simulations that are not baked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BakeWish {
    /// Nothing but to warn of them.
    #[default]
    Never,
    /// A job that bakes them, and nothing else.
    Only,
    /// A job that bakes them, and one that renders with these bakes.
    First,
}

impl std::str::FromStr for BakeWish {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "never" => Ok(Self::Never),
            "only" => Ok(Self::Only),
            "first" => Ok(Self::First),
            _ => Err(ParseError(format!(
                "{text:?} is neither \"never\" nor \"only\" nor \"first\""
            ))),
        }
    }
}

/// The jobs that a request comes to, in the order in which they are announced; the last one is the one that was wanted.
pub(super) fn jobs(wanted: JobAnnounce, wish: BakeWish, bakes: Vec<BakeTask>, id: JobId) -> Result<Vec<JobAnnounce>> {
    match wish {
        BakeWish::Only if bakes.is_empty() => Err(Error::bad_input(
            "the scene has nothing to bake: no simulation, or all are baked",
        )),
        BakeWish::Only => Ok(vec![baking(wanted, bakes)?]),
        BakeWish::First if !bakes.is_empty() => {
            let mut first = baking(wanted.clone(), bakes)?;
            first.id = Some(id);
            // Those of the job are of its frames.
            first.limits = JobLimits {
                attempts: wanted.limits.attempts,
                ..JobLimits::default()
            };
            Ok(vec![first, rendered_with(wanted, id)])
        }
        BakeWish::First | BakeWish::Never => Ok(vec![wanted]),
    }
}

fn baking(wanted: JobAnnounce, bakes: Vec<BakeTask>) -> Result<JobAnnounce> {
    let count = i32::try_from(bakes.len()).map_err(|_| Error::bad_input("the scene has too much to bake"))?;
    let manifest = wanted.manifest.map(|manifest| Manifest { bakes, ..manifest });
    let room = NAME_CHARACTERS_MAX - NAME_OF_BAKES.len();
    Ok(JobAnnounce {
        name: wanted.name.chars().take(room).chain(NAME_OF_BAKES.chars()).collect(),
        frames: FrameSet::range(1, count, 1)?,
        tiles: TileGrid::WHOLE,
        chunks: 0,
        manifest: manifest.map(|mut manifest| {
            manifest.settings.final_frames = false;
            manifest
        }),
        ..wanted
    })
}

fn rendered_with(mut wanted: JobAnnounce, bakes: JobId) -> JobAnnounce {
    wanted.depends_on.push(bakes);
    if let Some(manifest) = &mut wanted.manifest {
        manifest.bakes_from = Some(bakes);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bake(name: &str) -> BakeTask {
        BakeTask {
            name: name.to_owned(),
            kind: "cloth".to_owned(),
            object: "Flag".to_owned(),
            item: "Cloth".to_owned(),
            scene: "Scene".to_owned(),
            first: 1,
            last: 9,
            after: Vec::new(),
        }
    }

    fn announce() -> JobAnnounce {
        let text = r#"{"id": "00000001", "name": "shot", "frames": "5-9", "tiles": "2x2", "chunks": 3, "depends_on": ["00000007"],
            "attempts": 2, "frame_s": 60,
            "manifest": {"main": "a.blend", "files": [], "settings": {"final_frames": true}}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_job_that_bakes_comes_before_the_one_that_is_rendered_with_its_bakes() {
        let made = jobs(
            announce(),
            BakeWish::First,
            vec![bake("one"), bake("two")],
            JobId::from_bits(9),
        )
        .unwrap();
        let [baking, rendered] = made.as_slice() else {
            panic!("{made:?}")
        };
        assert_eq!(
            (baking.name.as_str(), baking.frames.to_string()),
            ("shot (bakes)", "1-2".to_owned())
        );
        assert_eq!((baking.chunks, baking.limits.attempts, baking.limits.frame_s), (0, 2, 0));
        let manifest = baking.manifest.as_ref().unwrap();
        assert!(baking.tiles.is_whole() && !manifest.settings.final_frames && manifest.bakes.len() == 2);
        assert_eq!(baking.depends_on, [JobId::from_bits(7)]);

        let manifest = rendered.manifest.as_ref().unwrap();
        assert_eq!(rendered.depends_on, [JobId::from_bits(7), JobId::from_bits(9)]);
        assert_eq!((manifest.bakes_from, manifest.bakes.len()), (Some(JobId::from_bits(9)), 0));
        assert_eq!((rendered.frames.to_string(), rendered.limits.frame_s), ("5-9".to_owned(), 60));
        assert_ne!(rendered.id, baking.id);
    }

    #[test]
    fn with_nothing_to_bake_there_is_one_job_or_none() {
        let id = JobId::from_bits(9);
        assert_eq!(jobs(announce(), BakeWish::First, Vec::new(), id).unwrap(), [announce()]);
        assert_eq!(
            jobs(announce(), BakeWish::Never, vec![bake("one")], id).unwrap(),
            [announce()]
        );
        assert!(jobs(announce(), BakeWish::Only, Vec::new(), id).is_err());
        let only = jobs(announce(), BakeWish::Only, vec![bake("one")], id).unwrap();
        assert_eq!(
            (only.len(), only[0].id, only[0].name.as_str()),
            (1, announce().id, "shot (bakes)")
        );
    }
}
