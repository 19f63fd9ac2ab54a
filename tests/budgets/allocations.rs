//! What a send allocates, from the caller's message to its receipt, wherever in the process.

use crate::{
    counting::{alone, each},
    runtimes::{Blocking, Sender, Smol, Tokio, config},
    server::NullServer,
};

const SENDS: usize = 10_000;
const WARM_UP: usize = 2_000;

/// What a send may take: allocations and bytes. At most 3 allocations are aimed at, everywhere.
struct Budget {
    one_after_the_other: (f64, f64),
    in_a_window: (f64, f64),
}

fn sends_keep_their_budget<S: Sender>(budget: &Budget) {
    let _alone = alone();
    let server = NullServer::start();
    let sender = S::started(config(&server.address));
    sender.one_after_the_other(WARM_UP);
    let apart = each(SENDS, || sender.one_after_the_other(SENDS));
    sender.in_a_window(WARM_UP);
    let together = each(SENDS, || sender.in_a_window(SENDS));
    for (how, (allocations, bytes), (allocations_max, bytes_max)) in [
        ("one after the other", apart, budget.one_after_the_other),
        ("in a window", together, budget.in_a_window),
    ] {
        let what = format!("a send on {}, {how}", S::NAME);
        println!("{what}: {allocations:.2} allocations, {bytes:.0} bytes");
        assert!(allocations <= allocations_max, "{what}: at most {allocations_max} allocations");
        assert!(bytes <= bytes_max, "{what}: at most {bytes_max} bytes");
    }
}

#[test]
fn a_send_on_tokio_takes_few_allocations() {
    sends_keep_their_budget::<Tokio<0>>(&Budget {
        one_after_the_other: (4.5, 1_200.0),
        in_a_window: (4.5, 1_500.0),
    });
}

#[test]
fn a_send_on_two_threads_of_tokio_takes_few_allocations() {
    // How often the read buffer is still in use by a caller, and another one has to be made, is a
    // race; these are its worst ends.
    sends_keep_their_budget::<Tokio<2>>(&Budget {
        one_after_the_other: (7.0, 8_200.0),
        in_a_window: (5.0, 2_700.0),
    });
}

#[test]
fn a_send_on_smol_takes_few_allocations() {
    // How often async-io's own thread is quicker to hear the socket is a race.
    sends_keep_their_budget::<Smol>(&Budget {
        one_after_the_other: (9.5, 3_200.0),
        in_a_window: (4.8, 1_700.0),
    });
}

#[test]
fn a_send_without_a_runtime_takes_few_allocations() {
    sends_keep_their_budget::<Blocking<false>>(&Budget {
        one_after_the_other: (4.5, 1_300.0),
        in_a_window: (5.5, 2_000.0),
    });
}

#[test]
fn a_send_on_a_poller_takes_few_allocations() {
    // How often the poller goes round for one message is a race.
    sends_keep_their_budget::<Blocking<true>>(&Budget {
        one_after_the_other: (11.5, 2_400.0),
        in_a_window: (7.5, 2_400.0),
    });
}
