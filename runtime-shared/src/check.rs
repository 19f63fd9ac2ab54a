//! Seeing to check-backs.

use std::sync::Arc;

use rocketmq_producer_core::{
    command::LocalTransactionState,
    model::{Address, Message},
    trace::TracedEnd,
    transaction::{Answer, Confirmation},
};

use crate::{
    AsyncTransactionListener, Session, Wire,
    desk::{Task, say_unknown},
    settled,
    transaction::Told,
};

/// A question from a broker, in the hands of whoever answers it. Dropped, it is counted as
/// overlooked, and the broker will ask again.
#[derive(Debug)]
pub struct Check<W: Wire> {
    session: Arc<Session<W>>,
    task: Option<Box<Task>>,
}

impl<W: Wire> Session<W> {
    /// Sees to check-backs, one after the other, until the session is over.
    pub async fn answer_checks(self: Arc<Self>, listener: &impl AsyncTransactionListener) {
        while let Some(mut check) = self.next_check().await {
            if let Some((message, id)) = check.question() {
                let ask = async { listener.check_local_transaction(message, id).await };
                let state = settled(ask).await;
                check.decide(state);
            }
            if let Some(answer) = check.answer() {
                // Brokers that are not told ask again.
                let _ = answer.await;
            }
        }
    }

    /// The next check-back that is to be seen to; none once the session is over.
    pub async fn next_check(self: &Arc<Self>) -> Option<Check<W>> {
        let task = self.desk.next().await?;
        Some(Check { session: Arc::clone(self), task: Some(task) })
    }
}

impl<W: Wire> Check<W> {
    /// What the listener is to be asked, if it is to be asked at all.
    pub fn question(&self) -> Option<(&Message, &str)> {
        let task = self.task.as_ref().filter(|task| task.answer.is_none())?;
        Some((&task.check.message, &task.check.half.transaction_id))
    }

    /// The listener has answered.
    pub fn decide(&mut self, state: LocalTransactionState) {
        let Some(task) = &mut self.task else { return };
        let now = self.session.clock.now();
        let id = task.check.half.transaction_id.clone();
        let answer =
            self.session.desk.with(|table| table.handle_listener(now, task.link, &id, state));
        task.answer = match answer {
            Answer::State { state, settles } => Some((state, settles)),
            Answer::Ask => None,
        };
    }

    /// Tells the broker, if there is more to tell than *unknown*, which is told by now.
    pub fn answer(mut self) -> Option<CheckAnswer<W>> {
        let task = self.task.take()?;
        let (state, settles) = task.answer.unwrap_or((LocalTransactionState::Unknown, false));
        let guard = match state {
            LocalTransactionState::Unknown => None,
            _ => self.session.look_in(),
        };
        let told = if guard.is_some() { state } else { LocalTransactionState::Unknown };
        if settles || told == LocalTransactionState::Unknown {
            // What is said of a copy is not the transaction's end.
            self.trace(&task, told);
        }
        let Some(guard) = guard else {
            self.say_unknown(&task);
            if settles {
                self.session.desk.with(|table| table.told(&task.check.half.transaction_id, None));
            }
            return None;
        };
        let id = task.check.half.transaction_id.to_string();
        let (now, config) = (self.session.clock.now(), Arc::clone(&self.session.config));
        let (half, broker) = (task.check.half, task.check.broker_name);
        let confirmation = Confirmation::of_check(now, config, half, broker, task.link, state);
        Some(CheckAnswer::new(confirmation, guard, id, settles))
    }

    fn trace(&self, task: &Task, state: LocalTransactionState) {
        if self.session.tracer.is_none() {
            return;
        }
        let view = self.session.view.load();
        let peer = view.links.get(task.link).and_then(|link| link.peer());
        self.session.trace_end(&TracedEnd {
            producer_group: &self.session.config.producer_group,
            message: &task.check.message,
            transaction_id: &task.check.half.transaction_id,
            broker: peer.map(Address::from).as_ref(),
            region: task.check.region.as_deref(),
            state,
            from_check: true,
        });
    }

    fn say_unknown(&self, task: &Task) {
        let view = self.session.view.load();
        if let Some(link) = view.links.get(task.link) {
            say_unknown(&self.session.config, link, &task.check);
        }
    }
}

impl<W: Wire> Drop for Check<W> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.session.desk.give_up(&task);
            self.say_unknown(&task);
        }
    }
}

/// An answer on its way to the broker that has asked.
pub type CheckAnswer<W> = Told<W>;
