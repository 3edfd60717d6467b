//! The outgoing side of a machine, as the tick loop sees it: one producer for each peer.
//!
//! Messages and promises wait here until their records are in the log; then they go into their
//! channels, and out as far as the connections take them.

use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;

use super::channel::{Channel, Sent};
use super::courier::Bell;
use super::inbox::Halt;
use super::shim::Shim;
use crate::model::{MachineId, Tick};

/// So many messages may be under way, or received and not acknowledged yet, beyond those that may
/// wait in a queue.
const UNDER_WAY_MAX: usize = 4096;

/// The producer of one peer.
#[derive(Debug)]
struct Producer {
    channel: Arc<Channel>,
    sent: u64,
    /// Messages whose records have not reached the log yet.
    posted: Vec<Sent>,
    promise: Option<Tick>,
}

/// All producers of a machine, in the order of its peers.
#[derive(Debug)]
pub(super) struct Producers {
    producers: Vec<Producer>,
    /// By number of a machine: its place among the producers, if it is a peer.
    places: Vec<Option<usize>>,
    /// The places in the order in which they are flushed.
    turns: Vec<usize>,
    have_messages: bool,
    bell: Bell,
    kept_max: usize,
}

impl Producers {
    /// Producers for these channels. A peer that does not receive may have so many messages waiting
    /// for it as may wait in a queue.
    pub(super) fn new(channels: &[Arc<Channel>], bell: Bell, queue_limit: usize) -> Self {
        let kept_max = queue_limit.saturating_add(UNDER_WAY_MAX);
        let last = channels.iter().map(|channel| channel.peer.index()).max().unwrap_or(0);
        let mut places = vec![None; last + 1];
        for (place, channel) in channels.iter().enumerate() {
            places[channel.peer.index()] = Some(place);
        }
        let producers = channels.iter().map(|channel| Producer {
            channel: Arc::clone(channel),
            sent: channel.lock().sent(),
            posted: Vec::new(),
            promise: None,
        });
        let producers = producers.collect();
        let turns = (0..channels.len()).collect();
        Self { producers, places, turns, have_messages: false, bell, kept_max }
    }

    /// Flushes these peers after the others, which is for those on the core of this machine: lines to
    /// other cores are used there at once, and a peer on this core that wakes holds up those that
    /// follow. Each channel keeps its own order, so nothing of what is said depends on this.
    pub(super) fn write_last(&mut self, is_last: impl Fn(MachineId) -> bool) {
        self.turns.sort_by_key(|place| is_last(self.producers[*place].channel.peer));
    }

    /// Puts a promise down for the next flush.
    pub(super) fn post_promise(&mut self, to: MachineId, promise: Tick) {
        self.producer(to).promise = Some(promise);
    }

    /// Puts a message of a send event down for the next flush.
    ///
    /// The event is recorded already, so a message counts as sent even if its connection breaks.
    pub(super) fn post_message(&mut self, to: MachineId, sent: Sent) {
        let producer = self.producer(to);
        producer.sent += 1;
        producer.posted.push(sent);
        self.have_messages = true;
    }

    /// Lets the trial's faults strike the lines of a channel.
    pub(super) fn distort(&mut self, to: MachineId, shim: Shim) {
        self.producer(to).channel.lock().distort(shim);
        self.bell.ring();
    }

    /// Whether a message waits for the next flush; its record has to reach the log first.
    pub(super) fn have_messages(&self) -> bool {
        self.have_messages
    }

    /// Sends what was put down, to every peer that can be reached; the courier sees to the others.
    pub(super) fn flush(&mut self) -> Result<(), Halt> {
        self.have_messages = false;
        let mut is_stuck = false;
        for place in &self.turns {
            let producer = &mut self.producers[*place];
            if producer.posted.is_empty() && producer.promise.is_none() {
                continue;
            }
            let mut state = producer.channel.lock();
            state.post(producer.posted.drain(..));
            if let Some(promise) = producer.promise.take() {
                state.promise(promise);
            }
            state.pump();
            is_stuck |= state.is_stuck() || state.next_due().is_some();
            if self.kept_max < state.kept_len() {
                return Err(Halt::Failed(anyhow!(
                    "{} messages wait for machine {}, which has not received them; the limit is \
                     {UNDER_WAY_MAX} more than may wait in its queue (--queue-limit)",
                    state.kept_len(),
                    producer.channel.peer,
                )));
            }
        }
        if is_stuck {
            self.bell.ring();
        }
        Ok(())
    }

    /// Tells machine 1 that all connections of this machine stand.
    pub(super) fn get_ready(&mut self, starter: MachineId) {
        let mut state = self.producer(starter).channel.lock();
        state.get_ready();
        state.pump();
    }

    /// Names the common start to every peer.
    pub(super) fn name_start(&mut self, start: Instant) {
        for producer in &self.producers {
            let mut state = producer.channel.lock();
            state.name_start(start);
            state.pump();
        }
    }

    /// Says goodbye to every peer, and because of whom if this is not the end of the trial.
    pub(super) fn say_goodbye(&mut self, left_for: Option<MachineId>) {
        for producer in &self.producers {
            let mut state = producer.channel.lock();
            state.say_goodbye(left_for);
            state.pump();
        }
        self.bell.ring();
    }

    /// The peers that have not said that they heard the goodbye.
    pub(super) fn unheard(&self) -> Vec<MachineId> {
        let unheard = self.producers.iter().filter(|producer| !producer.channel.lock().is_heard);
        unheard.map(|producer| producer.channel.peer).collect()
    }

    /// How many messages were sent to each peer.
    pub(super) fn sent(&self) -> impl Iterator<Item = (MachineId, u64)> {
        self.producers.iter().map(|producer| (producer.channel.peer, producer.sent))
    }

    /// Why each peer that is not connected is not.
    pub(super) fn troubles(&self) -> Vec<(MachineId, String)> {
        let trouble = |producer: &Producer| {
            let trouble = producer.channel.lock().trouble.clone();
            Some((producer.channel.peer, trouble?))
        };
        self.producers.iter().filter_map(trouble).collect()
    }

    /// Whether every peer was tried at least once.
    pub(super) fn are_tried(&self) -> bool {
        self.producers.iter().all(|producer| producer.channel.lock().is_tried)
    }

    fn producer(&mut self, peer: MachineId) -> &mut Producer {
        let place = self.places.get(peer.index()).copied().flatten();
        &mut self.producers[place.expect("a machine has a producer to each of its peers")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_that_are_written_last_keep_their_order() {
        let channel = |peer| Arc::new(Channel::new(MachineId::new(peer), Vec::new()));
        let channels = [3, 4, 5, 1].map(channel);
        let mut producers = Producers::new(&channels, Bell::new().unwrap(), 10);
        producers.write_last(|peer| peer.get() < 4);
        let peers = producers.turns.iter().map(|place| channels[*place].peer.get());
        assert_eq!(peers.collect::<Vec<_>>(), [4, 5, 3, 1]);
        // Everything else goes by the order of the trial.
        let sent = producers.sent().map(|(peer, _)| peer.get());
        assert_eq!(sent.collect::<Vec<_>>(), [3, 4, 5, 1]);
    }
}
