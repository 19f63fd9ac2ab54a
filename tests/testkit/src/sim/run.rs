//! One seed, from its beginning to its verdict.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    coverage::Coverage,
    oracle::{Counts, Violation},
    peers::{BROKERS, Producer, TOPIC},
    world::World,
};

/// How long after the last fault sends may still fail: a connection that is dead without anybody
/// having said so is asked for a sign of life after ten seconds, and has three to give one.
pub const RECOVERY_MAX: Duration = Duration::from_secs(15);
/// How long until every single connection is well again: what was found dead is redialled after
/// pauses of up to ten seconds.
const ALL_WELL_AFTER: Duration = Duration::from_secs(30);

/// What a run was.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Virtual time that has passed.
    pub simulated: Duration,
    /// How its sends have ended.
    pub counts: Counts,
    /// Troubles that there were.
    pub troubles: u64,
    /// The longest that a producer took to send again after the last fault.
    pub recovery: Duration,
    /// What troubles have met what.
    pub coverage: Coverage,
    /// Things that have happened.
    pub events: u64,
    /// Tells the run from others.
    pub hash: u64,
}

/// A run that broke a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What must not be.
    pub violation: Violation,
    /// What has led to it.
    pub timeline: String,
}

/// Runs one seed: random traffic of one to three producers for so long under random faults, then
/// the cluster is healed, everything has to be well again, and everybody leaves.
///
/// # Errors
///
/// What must not be, with the timeline of the same seed run again.
pub fn run(seed: u64, time: Duration) -> Result<Report, Box<Failure>> {
    let mut world = World::new(seed);
    match live_or_panic(&mut world, seed, time) {
        Ok(recovery) => Ok(report(seed, &world, recovery)),
        Err(_) => {
            // The same again, this time for humans.
            let mut world = World::with_timeline(seed, true);
            let violation =
                live_or_panic(&mut world, seed, time).err().unwrap_or_else(|| Violation {
                    rule: "determinism",
                    story: "a run that failed has not failed again".to_owned(),
                });
            let timeline = world.timeline().to_owned();
            Err(Box::new(Failure { seed, violation, timeline }))
        }
    }
}

/// The same, and writes down what happens, whether or not it goes well.
pub fn run_with_timeline(seed: u64, time: Duration) -> (Result<Report, Violation>, String) {
    let mut world = World::with_timeline(seed, true);
    let result =
        live_or_panic(&mut world, seed, time).map(|recovery| report(seed, &world, recovery));
    (result, world.timeline().to_owned())
}

fn report(seed: u64, world: &World, recovery: Duration) -> Report {
    Report {
        seed,
        simulated: world.elapsed(),
        counts: world.oracle.counts,
        troubles: world.chaos.begun,
        recovery,
        coverage: world.coverage.clone(),
        events: world.trace.events(),
        hash: world.hash(),
    }
}

/// A panic in the machines breaks a rule like any other.
fn live_or_panic(world: &mut World, seed: u64, time: Duration) -> Result<Duration, Violation> {
    // The world is not used again after a panic, but for its timeline.
    let lived = catch_unwind(AssertUnwindSafe(|| live(world, seed, time)));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let story = text.unwrap_or("it does not say why").to_owned();
        Err(Violation { rule: "nothing panics", story })
    })
}

/// Gives the longest recovery.
fn live(world: &mut World, seed: u64, time: Duration) -> Result<Duration, Violation> {
    let count = world.rng.usize(1..=3);
    let producers: Vec<Producer> = (0..count)
        .map(|_| {
            let config = World::maybe_traced(seed, world.any_config());
            match world.rng.bool() {
                true => world.transaction_producer(World::for_transactions(config)),
                false => world.producer(config),
            }
        })
        .collect();
    for producer in &producers {
        world.let_traffic_flow(*producer);
    }
    world.let_chaos_reign();
    world.run_for(time)?;
    world.end_well(&producers)
}

impl World {
    /// Ends all troubles; everything has to be well again then, nothing may be left anywhere, and
    /// everybody leaves. Gives the longest that a producer took to send again.
    ///
    /// # Errors
    ///
    /// What must not be.
    pub fn end_well(&mut self, producers: &[Producer]) -> Result<Duration, Violation> {
        self.stop_traffic();
        // Whoever was told to shut down begins to.
        self.run_for(Duration::ZERO)?;
        self.heal();
        let mut slowest = Duration::ZERO;
        for producer in producers {
            slowest = slowest.max(self.recover(*producer)?);
        }
        self.expect_nothing_pending()?;
        self.expect_transactions_settled()?;
        self.expect_a_dead_broker_to_cost_nobody()?;
        self.expect_everything_well(producers)?;
        self.expect_clean_leave(producers)?;
        Ok(slowest)
    }

    /// Sends until a send succeeds, and then some more, all of which have to; says how long that
    /// took.
    ///
    /// # Errors
    ///
    /// When it took longer than [`RECOVERY_MAX`], or anything else that must not be.
    pub fn recover(&mut self, producer: Producer) -> Result<Duration, Violation> {
        let began = self.now;
        self.start(producer);
        self.run_for(Duration::ZERO)?;
        loop {
            // Others may still end well that were begun before: under way while it shuts down, say.
            let id = self.send(producer, TOPIC);
            self.run_until(Duration::from_secs(20), |world| world.open_sends() == 0)?;
            let took = self.now.saturating_since(began);
            if took > RECOVERY_MAX {
                return Err(Violation {
                    rule: "recovery",
                    story: format!("producer {} still fails after {took:?}", producer.0),
                });
            }
            if self.results.get(&id).is_some_and(Result::is_ok) {
                return Ok(took);
            }
            self.run_for(Duration::from_millis(250))?;
        }
    }

    /// A producer that starts beside a broker that is dead without a word finds the others.
    fn expect_a_dead_broker_to_cost_nobody(&mut self) -> Result<(), Violation> {
        let dead = BROKERS[self.rng.usize(..BROKERS.len())];
        self.cut_power(dead);
        let config = self.config();
        let newcomer = self.producer(config);
        self.run_for(Duration::ZERO)?;
        let before = self.oracle.counts.acknowledged;
        for _ in 0..20 {
            self.send(newcomer, TOPIC);
        }
        self.run_for(Duration::from_secs(5))?;
        let succeeded = self.oracle.counts.acknowledged - before;
        self.shut_down(newcomer);
        self.restart(dead);
        if succeeded < 20 {
            let story = format!("beside a dead {}, {succeeded} of 20 succeeded", dead.name());
            return Err(Violation { rule: "a dead broker costs nobody", story });
        }
        Ok(())
    }

    /// Once every connection has had time to be found dead and opened anew, no send fails.
    fn expect_everything_well(&mut self, producers: &[Producer]) -> Result<(), Violation> {
        self.run_for(ALL_WELL_AFTER)?;
        let before = self.oracle.counts;
        for producer in producers {
            for _ in 0..20 {
                self.send(*producer, TOPIC);
            }
        }
        self.run_for(Duration::from_secs(10))?;
        let (wanted, got) =
            (20 * producers.len() as u64, self.oracle.counts.acknowledged - before.acknowledged);
        if got != wanted {
            let story = format!("of {wanted} sends in a healthy cluster, {got} succeeded");
            return Err(Violation { rule: "recovery", story });
        }
        Ok(())
    }

    /// Waits until nothing is in flight: nothing may be left in any table then.
    ///
    /// # Errors
    ///
    /// What is left.
    pub fn expect_nothing_pending(&mut self) -> Result<(), Violation> {
        // Local transactions take their time.
        let quiet = self.run_until(Duration::from_secs(45), |world| {
            world.open_sends() == 0
                && world.producers.iter().all(|producer| producer.pending() == [0; 8])
        })?;
        if quiet {
            return Ok(());
        }
        let left: Vec<_> = self.producers.iter().map(|producer| producer.pending()).collect();
        let story = format!(
            "sends, calls, held calls, waits, permits, their bytes, lanes, messages counted as in \
             flight of each producer: {left:?}"
        );
        Err(Violation { rule: "nothing is left in tables", story })
    }

    /// Everybody leaves, some with sends in flight; nothing may be left of them.
    fn expect_clean_leave(&mut self, producers: &[Producer]) -> Result<(), Violation> {
        for producer in producers {
            for _ in 0..self.rng.u8(..5) {
                self.send(*producer, TOPIC);
            }
            match self.rng.u8(..3) {
                0 => self.abandon(*producer),
                _ => self.shut_down(*producer),
            }
        }
        let gone = self.run_until(Duration::from_secs(30), |world| world.tasks() == 0)?;
        let dials: usize = (0..producers.len()).map(|p| self.network.borrow().dials_of(p)).sum();
        if !gone || self.open_sends() > 0 || dials > 0 {
            let (tasks, sends) = (self.tasks(), self.open_sends());
            let story = format!("{tasks} tasks, {sends} sends and {dials} dials are left");
            return Err(Violation { rule: "nothing outlives a shutdown", story });
        }
        self.expect_records_told()
    }
}
