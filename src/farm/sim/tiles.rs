//! One frame in tiles, over slaves that are as uneven as machines of many years are.

use super::agent::{Agent, tile_ms};
use super::report::{seed, tell};
use super::trial::{a_job, a_machine, job_id, slave_id};
use super::world::{Weather, World};
use crate::farm::{JobState, NewJob};
use crate::ids::TileGrid;

/// How long the frame takes on the slowest slave.
const FRAME_MS: u64 = 36_000_000;

/// What part of the time that all slaves together would need for the frame is not lost to waiting for the last tiles.
fn efficiency(grid: TileGrid, speeds: &[u64]) -> f64 {
    efficiency_with(grid, speeds, 0, 0).0
}

/// The same where each render costs so much on the slowest slave before its first pixel; how many renders there were.
fn efficiency_with(grid: TileGrid, speeds: &[u64], start_ms: u64, chunk_tasks: u32) -> (f64, u32) {
    let mut world = World::new(seed(), Weather::default());
    for (number, speed) in (0..).zip(speeds) {
        let mut agent = Agent::new(slave_id(number), a_machine(&[]), FRAME_MS / speed);
        agent.tiles = Some(grid);
        agent.start_ms = start_ms / speed;
        world.add(agent);
    }
    let job = a_job(1, 1);
    world.submit(NewJob {
        tiles: grid,
        chunk_tasks,
        ..job
    });
    let started = world.now();
    while world.trial.state(job_id(1)) == JobState::Queued {
        assert!(world.step(started.plus_millis(FRAME_MS)), "the frame takes too long");
    }
    let ms = world.now().millis_since(started) as f64;
    let work_ms: u64 = grid.tiles().map(|tile| tile_ms(tile, FRAME_MS)).sum();
    let renders = world.agents.iter().map(|agent| agent.renders).sum();
    (work_ms as f64 / speeds.iter().sum::<u64>() as f64 / ms, renders)
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
fn what_a_render_costs_beside_its_pixels_is_paid_for_blocks_of_tiles() {
    let speeds: Vec<u64> = (1..=8).chain(1..=8).collect();
    let grid = TileGrid::fitting(1920, 1080, 16, 0);
    for start_s in [60, 200] {
        let (blocks, fewer) = efficiency_with(grid, &speeds, start_s * 1_000, 0);
        let (single, renders) = efficiency_with(grid, &speeds, start_s * 1_000, 1);
        tell(
            "BLOCKS",
            blocks >= single * 1.1 && fewer * 4 <= renders * 3,
            &format!(
                "a render costs {start_s} s beside its pixels, the frame 10 h: {:.1} % in {fewer} renders, {:.1} % in {renders}",
                blocks * 100.0,
                single * 100.0
            ),
        );
    }
}

#[test]
fn two_slaves_end_a_frame_together_too() {
    for speeds in [[1, 1], [1, 3], [1, 8]] {
        let grid = TileGrid::fitting(1920, 1080, 2, 0);
        let reached = efficiency(grid, &speeds);
        assert!(reached >= 0.9, "{speeds:?} in {grid} tiles: {reached:.3}");
    }
}
