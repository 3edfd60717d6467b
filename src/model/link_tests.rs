//! A link against the plain definition, try by try, and against known values.

use super::*;
use crate::model::{Channels, ClockRate, Phase, Schedule};
use proptest::prelude::*;

const ONE: u16 = 1;

fn ends() -> (MachineId, MachineId) {
    (MachineId::new(ONE), MachineId::new(2))
}

fn fault((at_ms, for_ms): (u64, u64), fault: ChannelFault) -> Fault {
    let (from, to) = ends();
    let channels = Channels { from: vec![from], to: vec![to], both_ways: false };
    Fault { span: Span { at_ms, for_ms }, kind: FaultKind::OnChannels(channels, fault) }
}

fn link(faults: &[Fault]) -> Link {
    link_of(faults, Seed::new(42).unwrap(), ends())
}

/// A channel, built from all faults of a trial by itself.
fn link_of(faults: &[Fault], seed: Seed, (from, to): (MachineId, MachineId)) -> Link {
    let mut link = Link::unstruck();
    for (number, fault) in numbered(faults) {
        if let FaultKind::OnChannels(channels, kind) = &fault.kind
            && channels.contain(from, to)
        {
            link.strike(number, fault.span, *kind, (seed, from, to));
        }
    }
    link
}

/// Ten ticks a second, at 50, 150, 250 ms and so on.
fn schedule() -> Schedule {
    Schedule::new(ClockRate(10), Phase(500), 60)
}

fn fates(faults: &[Fault], ticks: std::ops::RangeInclusive<u64>) -> (Vec<Fate>, Vec<u64>) {
    let (mut link, schedule) = (link(faults), schedule());
    let fates = ticks.map(Tick).map(|tick| link.send(tick, schedule.due(tick))).collect();
    let hits = link.hits().map(|(_, hits)| hits).collect();
    (fates, hits)
}

fn arrivals_ms(fates: &[Fate]) -> Vec<u64> {
    let in_ms = |fate: &Fate| fate.arrives_at.truncated_to(1000);
    for fate in fates {
        assert_eq!(fate.arrival.time(&schedule()), fate.arrives_at);
    }
    fates.iter().map(in_ms).collect()
}

#[test]
fn a_partition_holds_messages_until_the_first_try_after_it() {
    let (fates, hits) = fates(&[fault((100, 500), ChannelFault::Partition)], 1..=7);
    assert_eq!(arrivals_ms(&fates), [50, 750, 750, 750, 750, 750, 750]);
    assert_eq!(fates[1].stopped_tries, 3);
    assert_eq!(fates[5].stopped_tries, 1);
    assert_eq!(hits, [3 + 2 + 2 + 1 + 1]);
}

#[test]
fn a_message_never_overtakes_one_that_is_held_back() {
    let reordering = ChannelFault::Reordering { percent: 100, delay_ms: 130 };
    let (fates, hits) = fates(&[fault((100, 100), reordering)], 1..=4);
    assert_eq!(arrivals_ms(&fates), [50, 280, 280, 350]);
    assert_eq!(
        fates.iter().map(|fate| fate.is_held).collect::<Vec<_>>(),
        [false, true, false, false]
    );
    assert_eq!(fates[2].arrival, Arrival { tick: Tick(2), extra_ms: 130 });
    assert_eq!(hits, [1]);
}

#[test]
fn a_narrow_channel_carries_one_message_after_the_other() {
    let bandwidth = ChannelFault::Bandwidth { bytes_per_s: 100 };
    let (fates, hits) = fates(&[fault((0, 300), bandwidth)], 1..=4);
    // 32 bytes take 320 ms; what is sent after the fault waits for what was sent before.
    assert_eq!(arrivals_ms(&fates), [370, 690, 1010, 1010]);
    assert_eq!(hits, [3]);
}

#[test]
fn a_delay_and_its_jitter_are_whole_milliseconds() {
    let delay = ChannelFault::Delay { delay_ms: 20, jitter_ms: 5 };
    let (fates, hits) = fates(&[fault((0, 60_000), delay)], 1..=300);
    assert!(fates.iter().all(|fate| (20..=25).contains(&fate.hold_ms)));
    assert_eq!(fates.iter().map(|fate| fate.hold_ms).max(), Some(25));
    assert_eq!(hits, [300]);
}

#[test]
fn a_loss_of_a_thousand_years_is_counted_and_not_tried() {
    let span = (0, 1_000_000_000_000);
    let faults = [fault(span, ChannelFault::Loss { percent: 100 })];
    let (fates, hits) = fates(&faults, 1..=1);
    assert_eq!((fates[0].lost_tries, hits), (5_000_000_000, vec![5_000_000_000]));
}

#[test]
fn a_channel_that_is_jammed_for_ever_tells_a_time_beyond_every_trial() {
    let bandwidth = ChannelFault::Bandwidth { bytes_per_s: 1 };
    let delay = ChannelFault::Delay { delay_ms: 1_000_000_000, jitter_ms: 0 };
    let mut faults = vec![fault((0, 60_000), bandwidth)];
    faults.extend(std::iter::repeat_n(fault((0, 60_000), delay), 999));
    let (mut link, schedule) = (link(&faults), schedule());
    for _ in 0..300 {
        let fate = link.send(Tick(1), schedule.due(Tick(1)));
        assert!(fate.arrival.extra_ms <= Arrival::EXTRA_MS_MAX);
    }
}

#[test]
fn links_of_a_trial_are_its_channels() {
    let [one, two, three] = [1, 2, 3].map(MachineId::new);
    let channels = Channels { from: vec![one], to: vec![two, three], both_ways: true };
    let span = Span { at_ms: 0, for_ms: 60_000 };
    let loss = FaultKind::OnChannels(channels, ChannelFault::Loss { percent: 50 });
    let faults = [Fault { span, kind: loss }];
    let seed = Seed::new(7).unwrap();
    let mut links = Links::new(&faults, seed);
    let mut of_one = 0;
    for (from, to) in [(one, two), (one, three), (two, one), (three, two)] {
        let mut link = link_of(&faults, seed, (from, to));
        for tick in (1..50).map(Tick) {
            let due = schedule().due(tick);
            assert_eq!(links.send((from, to), (tick, due)), link.send(tick, due));
        }
        of_one += if from == one { link.hits().map(|(_, hits)| hits).sum() } else { 0 };
    }
    assert_eq!(links.hits(FaultId::at(0), one), of_one);
    assert!(0 < of_one && 0 < links.hits(FaultId::at(0), two));
    assert_eq!(links.hits(FaultId::at(0), three), 0);
}

/// The plain definition: every try on its own, and every time in thousandths of a millisecond.
struct Plain {
    faults: Vec<(Span, ChannelFault, Dice, u64)>,
    latest: u64,
    busy_until: u64,
}

impl Plain {
    fn new(faults: &[Fault]) -> Self {
        let (from, to) = ends();
        let of = |(number, fault): (FaultId, &Fault)| {
            let FaultKind::OnChannels(_, kind) = fault.kind else { panic!() };
            let stream = Stream::FaultLine { fault: number, from, to };
            (fault.span, kind, Dice::new(Seed::new(42).unwrap(), stream), 0)
        };
        Self { faults: numbered(faults).map(of).collect(), latest: 0, busy_until: 0 }
    }

    /// Whether a try comes through.
    fn comes_through(&mut self, now: u64) -> bool {
        let is_active = |span: &Span| 1000 * span.at_ms <= now && now < 1000 * span.end_ms();
        for (span, fault, _, hits) in &mut self.faults {
            use ChannelFault::{Corruption, Loss, Partition};
            if is_active(span)
                && matches!(fault, Partition | Loss { percent: 100 } | Corruption { percent: 100 })
            {
                *hits += 1;
                return false;
            }
        }
        for (span, fault, dice, hits) in &mut self.faults {
            if let ChannelFault::Loss { percent } | ChannelFault::Corruption { percent } = fault
                && is_active(span)
                && dice.roll(100) <= *percent
            {
                *hits += 1;
                return false;
            }
        }
        true
    }

    fn send(&mut self, sent_at: u64) -> u64 {
        let mut now = sent_at;
        while !self.comes_through(now) {
            now += 200_000;
        }
        let (mut passed, mut hold_ms) = (now, 0);
        for (span, fault, dice, hits) in &mut self.faults {
            if now < 1000 * span.at_ms || 1000 * span.end_ms() <= now {
                continue;
            }
            match *fault {
                ChannelFault::Delay { delay_ms, jitter_ms } => {
                    hold_ms += delay_ms;
                    if 0 < jitter_ms {
                        hold_ms += dice.roll(jitter_ms + 1) - 1;
                    }
                    *hits += 1;
                }
                ChannelFault::Reordering { percent, delay_ms } => {
                    let hit = dice.roll(100) <= percent;
                    hold_ms += if hit { delay_ms } else { 0 };
                    *hits += u64::from(hit);
                }
                ChannelFault::Duplication { percent } => {
                    *hits += u64::from(dice.roll(100) <= percent);
                }
                ChannelFault::Bandwidth { bytes_per_s } => {
                    let takes_ms = 32_000_u64.div_ceil(u64::from(bytes_per_s));
                    passed = passed.max(self.busy_until) + 1000 * takes_ms;
                    self.busy_until = passed;
                    *hits += 1;
                }
                _ => {}
            }
        }
        self.latest = self.latest.max(passed + 1000 * u64::from(hold_ms));
        self.latest
    }
}

fn channel_fault() -> impl Strategy<Value = ChannelFault> {
    prop_oneof![
        (1_u32..300, 0_u32..50)
            .prop_map(|(delay_ms, jitter_ms)| ChannelFault::Delay { delay_ms, jitter_ms }),
        (1_u32..=100).prop_map(|percent| ChannelFault::Loss { percent }),
        Just(ChannelFault::Loss { percent: 100 }),
        (1_u32..=100).prop_map(|percent| ChannelFault::Duplication { percent }),
        (1_u32..=100).prop_map(|percent| ChannelFault::Corruption { percent }),
        (1_u32..=100, 1_u32..500)
            .prop_map(|(percent, delay_ms)| ChannelFault::Reordering { percent, delay_ms }),
        Just(ChannelFault::Partition),
        (20_u32..5000).prop_map(|bytes_per_s| ChannelFault::Bandwidth { bytes_per_s }),
    ]
}

proptest! {
    #[test]
    fn a_link_does_what_the_plain_definition_says(
        faults in proptest::collection::vec(((0_u64..3000, 1_u64..2000), channel_fault()), 0..8),
        ticks in proptest::collection::btree_set(1_u64..50, 1..40),
    ) {
        let faults: Vec<Fault> = faults.into_iter().map(|(span, kind)| fault(span, kind)).collect();
        let (mut link, mut plain) = (link(&faults), Plain::new(&faults));
        for tick in ticks.into_iter().map(Tick) {
            let due = schedule().due(tick);
            let fate = link.send(tick, due);
            prop_assert_eq!(fate.arrives_at.micros(), plain.send(due.micros()));
            prop_assert_eq!(fate.arrival.time(&schedule()), fate.arrives_at);
            let tries = fate.stopped_tries + fate.lost_tries + fate.corrupted_tries;
            prop_assert_eq!(fate.release_ms, tries * RETRY_MS);
        }
        let hits: Vec<u64> = link.hits().map(|(_, hits)| hits).collect();
        prop_assert_eq!(hits, plain.faults.iter().map(|fault| fault.3).collect::<Vec<_>>());
    }
}
