//! Topics by the thousand in one producer.

use std::time::Duration;

use rocketmq_producer_testkit::sim::{Producer, TOPIC, World};

use crate::{SECOND, pass, warm_world};

const TOPICS: u64 = 10_000;
/// Refreshes a second, were they spread evenly over the interval of 30 s.
const RATE: u64 = TOPICS / 30;

/// Sends to a topic every ten milliseconds for a minute; how long each took, shortest first, and
/// how many routes were asked for in each second.
fn steady_minute(world: &mut World, producer: Producer) -> (Vec<Duration>, Vec<u64>) {
    let (mut times, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        let before = queries(world);
        for _ in 0..100 {
            let began = world.elapsed();
            assert!(world.deliver(producer, TOPIC).is_ok());
            let took = world.elapsed() - began;
            times.push(took);
            pass(world, Duration::from_millis(10).saturating_sub(took));
        }
        seconds.push(queries(world) - before);
    }
    times.sort();
    (times, seconds)
}

fn queries(world: &mut World) -> u64 {
    (0..2).map(|index| world.cluster().name_server(index).queries_in_all()).sum()
}

#[test]
fn row_43_sends_do_not_feel_the_refreshes_of_ten_thousand_topics() {
    let (mut world, producer) = warm_world(1);
    let (alone, _) = steady_minute(&mut world, producer);

    let (mut world, producer) = warm_world(1);
    for number in 0..TOPICS {
        world.cluster().create_topic(&format!("T{number}"), 4);
    }
    pass(&mut world, 35 * SECOND);
    let sends: Vec<_> = (0..TOPICS).map(|n| world.send(producer, &format!("T{n}"))).collect();
    for send in sends {
        assert!(world.answer(send).is_ok());
    }
    pass(&mut world, 60 * SECOND);
    let (among_many, seconds) = steady_minute(&mut world, producer);

    let percentile = |times: &[Duration], part| times[times.len() * part / 1000];
    for part in [500, 990, 999] {
        let (alone, among_many) = (percentile(&alone, part), percentile(&among_many, part));
        println!("{part} of 1000 sends within {alone:?} alone, {among_many:?} among many");
        assert!(among_many <= alone + Duration::from_micros(200), "{alone:?}, {among_many:?}");
    }
    let (least, most) = (seconds.iter().min().unwrap(), seconds.iter().max().unwrap());
    println!("{least} to {most} refreshes a second");
    assert!(*least > RATE / 2 && *most <= 2 * RATE, "{seconds:?}");
}
