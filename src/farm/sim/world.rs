//! Slaves around a farm, and a network between them that loses, delays and repeats what it likes.

use super::agent::{Agent, Alarm, Call, Wish};
use super::trial::{Answer, Trial, answer_of};
use crate::farm::{Effect, Event, Moment, NewJob, RequestId, Rules, TaskRef};
use crate::ids::SlaveId;
use std::collections::{BTreeMap, BTreeSet};

/// How bad the days are; chances are per message or frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weather {
    pub(super) lost: f64,
    pub(super) repeated: f64,
    pub(super) delay_ms_max: u64,
    pub(super) fails: f64,
    pub(super) upload_ms_max: u64,
}

pub(super) struct World {
    pub(super) trial: Trial,
    pub(super) random: fastrand::Rng,
    pub(super) weather: Weather,
    pub(super) agents: Vec<Agent>,
    /// Agents to and from which nothing gets through.
    pub(super) cut_off: BTreeSet<usize>,
    /// Which frames fail on which slaves, whatever the weather.
    pub(super) broken: Box<dyn Fn(SlaveId, TaskRef) -> bool>,
    /// What will happen, in order of time, then of being planned.
    plans: BTreeMap<(Moment, u64), Plan>,
    planned: u64,
    callers: BTreeMap<RequestId, Caller>,
}

/// A call of one life of an agent.
#[derive(Debug, Clone, Copy)]
struct Caller {
    agent: usize,
    life: u32,
    call: u64,
}

enum Plan {
    Arrival { caller: Caller, call: Call },
    Reply { caller: Caller, answer: Answer },
    Timeout { caller: Caller },
    Order { agent: usize, task: TaskRef },
    Alarm { agent: usize, life: u32, alarm: Alarm },
}

impl World {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        Self {
            trial: Trial::new(),
            random: fastrand::Rng::with_seed(seed),
            weather,
            agents: Vec::new(),
            cut_off: BTreeSet::new(),
            broken: Box::new(|_, _| false),
            plans: BTreeMap::new(),
            planned: 0,
            callers: BTreeMap::new(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.trial.now
    }

    pub(super) fn add(&mut self, agent: Agent) {
        self.agents.push(agent);
        self.start(self.agents.len() - 1);
    }

    pub(super) fn start(&mut self, agent: usize) {
        if !self.agents[agent].alive {
            let wishes = self.agents[agent].start();
            self.grant(agent, wishes);
        }
    }

    /// A slave tells the farm anew what it is and has.
    pub(super) fn register(&mut self, agent: usize) {
        self.grant(agent, vec![Wish::Call(Call::Register)]);
    }

    pub(super) fn submit(&mut self, job: NewJob) {
        let request = self.trial.request();
        self.happen(&Event::JobSubmitted { request, job });
    }

    /// Lets jobs be balanced by other rules.
    pub(super) fn change_rules(&mut self, change: impl FnOnce(&mut Rules)) {
        let mut rules = self.trial.farm.rules();
        change(&mut rules);
        let request = self.trial.request();
        self.happen(&Event::RulesChanged { request, rules });
    }

    /// The next thing that is planned or due; whether it lies before a moment.
    pub(super) fn step(&mut self, end: Moment) -> bool {
        let planned = self.plans.first_key_value().map(|((at, _), _)| *at);
        let due = self.trial.farm.next_deadline();
        let Some(next) = planned.into_iter().chain(due).min().filter(|next| *next <= end) else {
            self.trial.now = self.trial.now.max(end);
            return false;
        };
        self.trial.now = self.trial.now.max(next);
        match self.plans.first_entry().filter(|plan| plan.key().0 <= next) {
            Some(plan) => {
                let plan = plan.remove();
                self.carry_out(plan);
            }
            None => self.happen(&Event::Tick),
        }
        true
    }

    pub(super) fn run(&mut self, millis: u64) {
        let end = self.now().plus_millis(millis);
        while self.step(end) {}
    }

    /// Lets something happen to the farm, and delivers what it says.
    pub(super) fn happen(&mut self, event: &Event) {
        for effect in self.trial.happen(event) {
            if let Some((request, answer)) = answer_of(&effect)
                && let Some(caller) = self.callers.remove(&request)
                && !self.chance(self.weather.lost)
                && !self.cut_off.contains(&caller.agent)
            {
                let after_ms = self.delay_ms();
                self.plan(after_ms, Plan::Reply { caller, answer });
            }
            if let Effect::Cancel { slave, task } = effect
                && let Some(agent) = self.agents.iter().position(|it| it.id == slave)
                && !self.cut_off.contains(&agent)
            {
                let after_ms = self.delay_ms();
                self.plan(after_ms, Plan::Order { agent, task });
            }
        }
    }

    /// The master's clock jumps; nothing else in the world does.
    pub(super) fn jump_clock(&mut self, to: Moment) {
        let (from, plans) = (self.now(), std::mem::take(&mut self.plans));
        let moved = |at: Moment| to.plus_millis(at.millis_since(from));
        self.plans = plans
            .into_iter()
            .map(|((at, number), plan)| ((moved(at), number), plan))
            .collect();
        self.trial.now = to;
    }

    /// The master is killed and started again; its connections are gone.
    pub(super) fn restart_master(&mut self) {
        self.callers.clear();
        self.trial.restart();
    }

    fn carry_out(&mut self, plan: Plan) {
        match plan {
            Plan::Arrival { caller, call } => self.arrive(caller, call),
            Plan::Reply { caller, answer } => {
                if let Some(call) = self.end_call(caller) {
                    let wishes = self.agents[caller.agent].on_answer(call, &answer);
                    self.grant(caller.agent, wishes);
                }
            }
            Plan::Timeout { caller } => {
                if let Some(call) = self.end_call(caller) {
                    self.hang_up(caller);
                    let wishes = self.agents[caller.agent].on_timeout(call);
                    self.grant(caller.agent, wishes);
                }
            }
            Plan::Order { agent, task } => {
                let wishes = self.agents[agent].on_cancel(task);
                self.grant(agent, wishes);
            }
            Plan::Alarm { agent, life, alarm } => self.ring(agent, life, alarm),
        }
    }

    fn ring(&mut self, agent: usize, life: u32, alarm: Alarm) {
        if !self.agents[agent].alive || self.agents[agent].life != life {
            return;
        }
        let heard = !self.cut_off.contains(&agent);
        if matches!(alarm, Alarm::Heartbeat) && heard && !self.chance(self.weather.lost) {
            let slave = self.agents[agent].id;
            self.happen(&Event::SlaveSeen { slave });
        }
        let is_broken = match alarm {
            Alarm::Rendered { task, .. } => {
                let (agent, is_broken) = (&self.agents[agent], &self.broken);
                agent.block_of(task).into_iter().any(|task| is_broken(agent.id, task))
            }
            Alarm::Uploaded { .. } | Alarm::Heartbeat => false,
        };
        let fails = self.chance(self.weather.fails) || is_broken;
        let upload_ms = self.random.u64(0..=self.weather.upload_ms_max);
        let wishes = self.agents[agent].on_alarm(alarm, fails, upload_ms);
        self.grant(agent, wishes);
    }

    /// The call of an agent that still lives that life and still waits.
    fn end_call(&mut self, caller: Caller) -> Option<Call> {
        let agent = &mut self.agents[caller.agent];
        let same_life = agent.alive && agent.life == caller.life;
        if same_life { agent.calls.remove(&caller.call) } else { None }
    }

    /// Some masters notice that a connection is gone, some do not.
    fn hang_up(&mut self, caller: Caller) {
        if self.random.bool() {
            let of_call = |it: &&Caller| (it.agent, it.life, it.call) == (caller.agent, caller.life, caller.call);
            let request = self.callers.iter().find(|(_, it)| of_call(it)).map(|(request, _)| *request);
            if let Some(request) = request {
                self.callers.remove(&request);
                self.happen(&Event::WorkUnwanted { request });
            }
        }
    }

    fn arrive(&mut self, caller: Caller, call: Call) {
        let request = self.trial.request();
        self.callers.insert(request, caller);
        let agent = &self.agents[caller.agent];
        let slave = agent.id;
        let event = match call {
            Call::Register => Event::SlaveRegistered {
                request,
                slave,
                machine: agent.machine.clone(),
                holding: agent.holding(),
            },
            Call::Ask { .. } => Event::WorkWanted {
                request,
                slave,
                until: self.now().plus_millis(30_000),
                warm: agent.scene.filter(|_| agent.keeps_scene),
            },
            Call::Report { task, body } => Event::Report {
                request,
                slave,
                task,
                body,
            },
        };
        self.happen(&event);
    }

    fn grant(&mut self, agent: usize, wishes: Vec<Wish>) {
        let life = self.agents[agent].life;
        for wish in wishes {
            match wish {
                Wish::Alarm { after_ms, alarm } => self.plan(after_ms, Plan::Alarm { agent, life, alarm }),
                Wish::Call(call) => self.call(agent, life, call),
            }
        }
    }

    fn call(&mut self, agent: usize, life: u32, call: Call) {
        let caller = Caller {
            agent,
            life,
            call: self.planned,
        };
        let timeout_ms = if matches!(call, Call::Ask { .. }) { 45_000 } else { 15_000 };
        self.agents[agent].calls.insert(caller.call, call.clone());
        self.plan(timeout_ms, Plan::Timeout { caller });
        if !self.chance(self.weather.lost) && !self.cut_off.contains(&agent) {
            let after_ms = self.delay_ms();
            self.plan(
                after_ms,
                Plan::Arrival {
                    caller,
                    call: call.clone(),
                },
            );
        }
        if self.chance(self.weather.repeated) {
            let after_ms = self.delay_ms();
            self.plan(after_ms, Plan::Arrival { caller, call });
        }
    }

    fn plan(&mut self, after_ms: u64, plan: Plan) {
        self.planned += 1;
        self.plans.insert((self.now().plus_millis(after_ms), self.planned), plan);
    }

    fn delay_ms(&mut self) -> u64 {
        self.random.u64(0..=self.weather.delay_ms_max)
    }

    pub(super) fn chance(&mut self, of_one: f64) -> bool {
        self.random.f64() < of_one
    }
}
