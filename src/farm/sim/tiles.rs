//! One frame in tiles, over slaves that are as uneven as machines of many years are.

use super::agent::{Agent, tile_ms};
use super::report::{seed, tell};
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{JobState, NewJob};
use crate::ids::TileGrid;

/// How long the frame takes on the slowest slave.
const FRAME_MS: u64 = 3_600_000;

/// What part of the time that all slaves together would need for the frame is not lost to waiting for the last tiles.
fn efficiency(grid: TileGrid, speeds: &[u64]) -> f64 {
    let mut world = World::new(seed(), Weather::default());
    for (number, speed) in (0..).zip(speeds) {
        let mut agent = Agent::new(slave_id(number), a_machine(&[]), FRAME_MS / speed);
        agent.tiles = Some(grid);
        world.add(agent);
    }
    let job = a_job(1, 1);
    world.submit(NewJob {
        tiles: grid,
        chunk_tasks: 0,
        ..job
    });
    let started = world.now();
    while world.trial.state(job_id(1)) == JobState::Queued {
        assert!(world.step(started.plus_millis(FRAME_MS)), "the frame takes too long");
    }
    let ms = world.now().millis_since(started) as f64;
    let work_ms: u64 = grid.tiles().map(|tile| tile_ms(tile, FRAME_MS)).sum();
    work_ms as f64 / speeds.iter().sum::<u64>() as f64 / ms
}

#[test]
fn sixteen_uneven_slaves_end_a_frame_together() {
    let speeds: Vec<u64> = (1..=8).chain(1..=8).collect();
    let grid = TileGrid::fitting(1920, 1080, 16, 0);
    let tapered = efficiency(grid, &speeds);
    let even = efficiency("16x16".parse().unwrap_or_default(), &speeds);
    tell(
        "TILES",
        tapered >= 0.9,
        &format!(
            "16 slaves of speeds 1 to 8: {:.1} % of what all could do in {grid} tiles, {:.1} % in 16x16 even ones",
            tapered * 100.0,
            even * 100.0
        ),
    );
}

#[test]
fn two_slaves_end_a_frame_together_too() {
    for speeds in [[1, 1], [1, 3], [1, 8]] {
        let grid = TileGrid::fitting(1920, 1080, 2, 0);
        let reached = efficiency(grid, &speeds);
        assert!(reached >= 0.9, "{speeds:?} in {grid} tiles: {reached:.3}");
    }
}
