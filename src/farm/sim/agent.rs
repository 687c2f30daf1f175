//! A simulated slave: renders what it is leased, sends each report until it is answered, and forgets things when it dies.

use super::trial::{Answer, tasks_of};
use crate::farm::{Machine, Refusal, ReportBody, TaskRef};
use crate::ids::{JobId, SlaveId, Tile, TileGrid};
use std::collections::{BTreeMap, VecDeque};

pub(super) struct Agent {
    pub(super) id: SlaveId,
    pub(super) machine: Machine,
    pub(super) frame_ms: u64,
    /// How its tasks are parts of a frame; none: each is one.
    pub(super) tiles: Option<TileGrid>,
    /// What each render costs beside its pixels.
    pub(super) start_ms: u64,
    /// How many renders it began.
    pub(super) renders: u32,
    pub(super) alive: bool,
    /// Counts its lives: what belongs to an earlier one does not reach it.
    pub(super) life: u32,
    /// Whether it tells which scene it holds open.
    pub(super) keeps_scene: bool,
    /// The job of its last lease.
    pub(super) scene: Option<JobId>,
    /// How many leases it got, and how many of them were of the open scene.
    pub(super) leases: u32,
    pub(super) kept_scene: u32,
    /// Calls without an answer yet.
    pub(super) calls: BTreeMap<u64, Call>,
    slots: Vec<Slot>,
    /// Rendered and not delivered, and how long that took: on disk, so it survives.
    outbox: BTreeMap<TaskRef, u64>,
}

#[derive(Debug, Clone)]
pub(super) enum Call {
    Register,
    Ask { slot: usize },
    Report { task: TaskRef, body: ReportBody },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Alarm {
    Rendered { slot: usize, task: TaskRef },
    Uploaded { task: TaskRef },
    Heartbeat,
}

/// What an agent wants of its world.
pub(super) enum Wish {
    Call(Call),
    Alarm { after_ms: u64, alarm: Alarm },
}

#[derive(Debug, Clone, PartialEq)]
enum Slot {
    /// Before it asks: what it did must be told first, because that is what frees the slot.
    Telling,
    Asking,
    Rendering {
        /// The first of those that were begun as one, wanted or not by now, …
        begun: TaskRef,
        /// … and those that are wanted.
        now: Vec<TaskRef>,
        rest: VecDeque<TaskRef>,
    },
}

impl Agent {
    pub(super) fn new(id: SlaveId, machine: Machine, frame_ms: u64) -> Self {
        Self {
            id,
            machine,
            frame_ms,
            tiles: None,
            start_ms: 0,
            renders: 0,
            alive: false,
            life: 0,
            keeps_scene: false,
            scene: None,
            leases: 0,
            kept_scene: 0,
            calls: BTreeMap::new(),
            slots: Vec::new(),
            outbox: BTreeMap::new(),
        }
    }

    /// Starts, with what an earlier life left on disk.
    pub(super) fn start(&mut self) -> Vec<Wish> {
        self.life += 1;
        self.alive = true;
        self.slots = vec![Slot::Telling; self.machine.slots as usize];
        let mut wishes = vec![Wish::Call(Call::Register)];
        wishes.push(Wish::Alarm {
            after_ms: 10_000,
            alarm: Alarm::Heartbeat,
        });
        wishes.extend(self.outbox.keys().map(|task| self.done(*task)));
        wishes
    }

    pub(super) fn die(&mut self, disk_too: bool) {
        self.alive = false;
        self.calls.clear();
        self.slots.clear();
        if disk_too {
            self.outbox.clear();
        }
    }

    /// Everything that it has in its hands.
    pub(super) fn holding(&self) -> Vec<TaskRef> {
        let rendering = self.slots.iter().flat_map(|slot| match slot {
            Slot::Rendering { now, rest, .. } => now.iter().chain(rest).copied().collect(),
            Slot::Telling | Slot::Asking => Vec::new(),
        });
        rendering.chain(self.outbox.keys().copied()).collect()
    }

    pub(super) fn on_answer(&mut self, call: Call, answer: &Answer) -> Vec<Wish> {
        let mut wishes = match (call, answer) {
            (call, Answer::Refuse(Refusal::UnknownSlave(_))) => vec![Wish::Call(Call::Register), Wish::Call(call)],
            (Call::Ask { slot }, Answer::Lease(lease)) => {
                // A lease may be told twice; what it has already, it does not start again.
                let has = self.holding();
                self.leases += 1;
                self.kept_scene += u32::from(self.scene == Some(lease.job));
                self.scene = Some(lease.job);
                let mut rest: VecDeque<TaskRef> = tasks_of(lease).into_iter().filter(|task| !has.contains(task)).collect();
                let at_once = if lease.as_one { rest.len() } else { 1 };
                let now = rest.drain(..at_once.min(rest.len())).collect();
                self.render(slot, now, rest)
            }
            (Call::Ask { slot }, _) => {
                self.slots[slot] = Slot::Telling;
                Vec::new()
            }
            (
                Call::Report {
                    task,
                    body: ReportBody::Done { .. },
                },
                Answer::Accept,
            ) => {
                self.outbox.remove(&task);
                Vec::new()
            }
            (Call::Report { task, .. }, Answer::Refuse(_)) => self.drop_task(task),
            _ => Vec::new(),
        };
        wishes.extend(self.ask_where_free(&wishes));
        wishes
    }

    /// No answer came: the call is made again, and after a lost lease the farm is told what really is in hand.
    pub(super) fn on_timeout(&mut self, call: Call) -> Vec<Wish> {
        let is_ask = matches!(call, Call::Ask { .. });
        let mut wishes = vec![Wish::Call(call)];
        if is_ask && self.life.is_multiple_of(2) {
            wishes.push(Wish::Call(Call::Register));
        }
        wishes
    }

    pub(super) fn on_alarm(&mut self, alarm: Alarm, fails: bool, upload_ms: u64) -> Vec<Wish> {
        let mut wishes = Vec::new();
        match alarm {
            Alarm::Heartbeat => wishes.push(Wish::Alarm { after_ms: 10_000, alarm }),
            Alarm::Uploaded { task } if self.outbox.contains_key(&task) => wishes.push(self.done(task)),
            Alarm::Uploaded { .. } => {}
            Alarm::Rendered { slot, task } => match self.slots.get(slot).cloned() {
                Some(Slot::Rendering { begun, now, rest }) if begun == task => {
                    let shares = self.shares_ms(&now);
                    for (place, (task, ms)) in now.into_iter().zip(shares).enumerate() {
                        wishes.extend(if fails && place > 0 {
                            let body = ReportBody::Returned;
                            vec![Wish::Call(Call::Report { task, body })]
                        } else {
                            self.deliver(task, ms, fails, upload_ms)
                        });
                    }
                    wishes.extend(self.render_next(slot, rest));
                }
                _ => {}
            },
        }
        wishes.extend(self.ask_where_free(&wishes));
        wishes
    }

    /// Ordered to stop a task.
    pub(super) fn on_cancel(&mut self, task: TaskRef) -> Vec<Wish> {
        let mut wishes = self.drop_task(task);
        wishes.extend(self.ask_where_free(&wishes));
        wishes
    }

    fn deliver(&mut self, task: TaskRef, ms: u64, fails: bool, upload_ms: u64) -> Vec<Wish> {
        if fails {
            let reason = "the simulated Blender crashed".to_owned();
            return vec![Wish::Call(Call::Report {
                task,
                body: ReportBody::Failed { reason },
            })];
        }
        self.outbox.insert(task, ms);
        if upload_ms == 0 {
            return vec![self.done(task)];
        }
        vec![
            Wish::Call(Call::Report {
                task,
                body: ReportBody::Rendered,
            }),
            Wish::Alarm {
                after_ms: upload_ms,
                alarm: Alarm::Uploaded { task },
            },
        ]
    }

    fn render_next(&mut self, slot: usize, mut rest: VecDeque<TaskRef>) -> Vec<Wish> {
        let now = rest.pop_front().into_iter().collect();
        self.render(slot, now, rest)
    }

    fn render(&mut self, slot: usize, now: Vec<TaskRef>, rest: VecDeque<TaskRef>) -> Vec<Wish> {
        let Some(begun) = now.first().copied() else {
            self.slots[slot] = Slot::Telling;
            return Vec::new();
        };
        self.renders += 1;
        let after_ms = self.start_ms + now.iter().map(|task| self.task_ms(*task)).sum::<u64>();
        self.slots[slot] = Slot::Rendering { begun, now, rest };
        let alarm = Alarm::Rendered { slot, task: begun };
        vec![Wish::Alarm { after_ms, alarm }]
    }

    /// What is rendered together with a task.
    pub(super) fn block_of(&self, task: TaskRef) -> Vec<TaskRef> {
        let block = self.slots.iter().find_map(|slot| match slot {
            Slot::Rendering { begun, now, .. } if *begun == task => Some(now.clone()),
            _ => None,
        });
        block.unwrap_or_default()
    }

    /// How long each of those took that were rendered as one.
    fn shares_ms(&self, block: &[TaskRef]) -> Vec<u64> {
        let own: Vec<u64> = block.iter().map(|task| self.task_ms(*task)).collect();
        let sum = own.iter().sum::<u64>().max(1);
        own.into_iter().map(|ms| ms + self.start_ms * ms / sum).collect()
    }

    /// How long it renders a task; a tile takes its part of the frame, and some are harder than others.
    pub(super) fn task_ms(&self, task: TaskRef) -> u64 {
        let tile = self.tiles.and_then(|grid| grid.tile(task.task.0));
        tile.map_or(self.frame_ms, |tile| tile_ms(tile, self.frame_ms))
    }

    fn done(&self, task: TaskRef) -> Wish {
        let ms = self.outbox.get(&task).copied().unwrap_or_default();
        let seconds = ms as f64 / 1_000.0;
        let body = ReportBody::Done { seconds, result: None };
        Wish::Call(Call::Report { task, body })
    }

    fn drop_task(&mut self, dropped: TaskRef) -> Vec<Wish> {
        self.outbox.remove(&dropped);
        let mut wishes = Vec::new();
        for place in 0..self.slots.len() {
            if let Slot::Rendering { now, rest, .. } = &mut self.slots[place] {
                rest.retain(|it| *it != dropped);
                now.retain(|it| *it != dropped);
                if now.is_empty() {
                    let rest = std::mem::take(rest);
                    wishes.extend(self.render_next(place, rest));
                }
            }
        }
        wishes
    }

    fn ask_where_free(&mut self, about_to: &[Wish]) -> Vec<Wish> {
        let tells = |call: &Call| matches!(call, Call::Report { .. } | Call::Register);
        let telling = about_to.iter().any(|wish| matches!(wish, Wish::Call(call) if tells(call)));
        if telling || self.calls.values().any(tells) {
            return Vec::new();
        }
        let free = (0..self.slots.len()).filter(|slot| self.slots[*slot] == Slot::Telling);
        let free: Vec<usize> = free.collect();
        for slot in &free {
            self.slots[*slot] = Slot::Asking;
        }
        free.into_iter().map(|slot| Wish::Call(Call::Ask { slot })).collect()
    }
}

/// How long a tile of a frame of 1920x1080 takes whose pixels would take so long if all were alike.
pub(super) fn tile_ms(tile: Tile, frame_ms: u64) -> u64 {
    let (width, height) = tile.of(1920, 1080).size();
    // From half to one and a half times as hard.
    let hardness_percent = 50 + u64::from(tile.number()) * 7_919 % 101;
    frame_ms * u64::from(width * height) * hardness_percent / (1920 * 1080 * 100)
}
