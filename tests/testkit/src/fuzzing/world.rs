//! Any bytes as what befalls a cluster; the oracle judges.

use std::time::Duration;

use crate::sim::{Kind, Peer, TOPIC, Trouble, Violation, World};

/// Steps that one input may have: virtual time costs real time.
const STEPS_MAX: usize = 64;

/// Lets `data` choose the traffic and the troubles of a simulated cluster, which then has to become
/// well again.
///
/// # Panics
///
/// When a rule is broken, with the timeline of the same input played again.
pub fn world(data: &[u8]) {
    let seed = u64::from(data.first().copied().unwrap_or_default());
    if let Err(violation) = play(&mut World::new(seed), data) {
        let mut again = World::with_timeline(seed, true);
        let _ = play(&mut again, data);
        panic!("{}\n{violation}", again.timeline());
    }
}

fn play(world: &mut World, data: &[u8]) -> Result<(), Violation> {
    let configs = [world.any_config(), world.config()];
    let producers = configs.map(|config| world.producer(config));
    for step in data.chunks(4).take(STEPS_MAX) {
        let byte = |index: usize| step.get(index).copied().unwrap_or_default();
        let producer = producers[usize::from(byte(1)) % producers.len()];
        let time = Duration::from_millis(u64::from(byte(3)) * u64::from(byte(2) % 64));
        match byte(0) % 8 {
            0 | 1 => {
                world.let_it_befall(Trouble { kind: kind(byte(1)), peer: peer(byte(2)) }, time);
            }
            2 => (0..byte(2)).for_each(|_| _ = world.send(producer, TOPIC)),
            3 => {
                let size = usize::from(byte(2)) * 1_000;
                world.send_with(producer, "fresh", size, |message| message);
            }
            4 => _ = world.send_polled(producer, TOPIC, 10, byte(2).into()),
            5 if byte(2) < 64 => world.shut_down(producer),
            5 => world.start(producer),
            _ => world.run_for(time)?,
        }
    }
    world.end_well(&producers).map(|_| ())
}

fn kind(byte: u8) -> Kind {
    Kind::ALL[usize::from(byte) % Kind::ALL.len()]
}

fn peer(byte: u8) -> Peer {
    Peer::ALL[usize::from(byte) % Peer::ALL.len()]
}
