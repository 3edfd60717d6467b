//! Every line reads as it was written, and nothing else is a line.

use super::*;
use crate::logbook::SystemTime;
use crate::model::{Arrival, Timestamp};
use proptest::prelude::*;

fn hex<T: FromStr<Err = String> + fmt::Debug>(digits: usize) -> impl Strategy<Value = T> {
    proptest::string::string_regex(&format!("[0-9a-f]{{{digits}}}"))
        .unwrap()
        .prop_map(|text| text.parse().unwrap())
}

fn message() -> impl Strategy<Value = Line> {
    let ticks = (1..=Tick::MAX.0, 1..=Tick::MAX.0);
    (1..=Timestamp::MAX.0, ticks, 1_u64.., 0..1_u64 << 40).prop_map(
        |(clock, (tick, arrival_tick), sequence, extra_ms)| {
            Line::Message(MessageLine {
                timestamp: Timestamp(clock),
                tick: Tick(tick),
                sequence,
                arrival: Arrival { tick: Tick(arrival_tick), extra_ms },
            })
        },
    )
}

fn hello() -> impl Strategy<Value = Line> {
    let names = ("[a-zA-Z0-9-]{1,64}", 1_u16.., 1_u16.., 1_u32..);
    (any::<u32>(), names, any::<bool>(), hex(16), hex(16), hex(32)).prop_map(
        |(protocol, (run, from, to, incarnation), is_virtual, boot, trial, nonce)| {
            Line::Hello(Hello {
                protocol,
                run: run.parse().unwrap(),
                from: MachineId::new(from),
                to: MachineId::new(to),
                incarnation,
                boot,
                is_virtual,
                trial,
                nonce,
            })
        },
    )
}

fn times() -> impl Strategy<Value = [SystemTime; 4]> {
    [(); 4].map(|()| (-i64::MAX..=i64::MAX).prop_map(SystemTime))
}

fn of_a_checkup() -> impl Strategy<Value = Line> {
    let probe =
        || (hex(16), any::<u32>()).prop_map(|(checkup, number)| ProbeId { checkup, number });
    let asking = (any::<u32>(), hex(16), 1_u16.., hex(16), hex(32)).prop_map(
        |(protocol, checkup, to, trial, nonce)| {
            Line::Health(Asking { protocol, checkup, to: MachineId::new(to), trial, nonce })
        },
    );
    let progress =
        proptest::option::of((-i64::MAX..=i64::MAX, "[1-9][0-9]{0,5}")).prop_map(|progress| {
            progress
                .map(|(elapsed_us, speed)| Progress { elapsed_us, speed: speed.parse().unwrap() })
        });
    let state = ("[a-zA-Z0-9-]{1,64}", progress, any::<[u32; 3]>(), any::<[u64; 5]>());
    let state = state.prop_map(|(run, progress, [incarnation, pid, echoes], numbers)| {
        let [next, done, clock, queue_len, lateness_us] = numbers;
        Line::State(StateLine {
            run: run.parse().unwrap(),
            incarnation,
            pid,
            progress,
            next: Tick(next),
            done,
            clock: Timestamp(clock),
            queue_len,
            lateness_us,
            echoes,
        })
    });
    let standing =
        || prop::sample::select(vec![Standing::Stands, Standing::Broken, Standing::Over]);
    let channel = (1_u16.., standing(), standing(), any::<[u64; 4]>(), any::<u32>());
    let channel = channel.prop_map(|(peer, out, back, numbers, probes)| {
        let ([sent, settled, accepted, recorded], peer) = (numbers, MachineId::new(peer));
        let line = ChannelLine { peer, out, sent, settled, back, accepted, recorded, probes };
        Line::Channel(line)
    });
    let back = (1_u16.., any::<u32>(), times()).prop_map(|(peer, number, times)| {
        let [sent, heard, answered, back] = times;
        let peer = MachineId::new(peer);
        Line::Back(BackLine { peer, number, sent, heard, answered, back })
    });
    let echo = (probe(), times())
        .prop_map(|(probe, [heard, answered, ..])| Line::Echo(EchoLine { probe, heard, answered }));
    prop_oneof![
        asking,
        Just(Line::Look),
        any::<u32>().prop_map(|number| Line::Send { number }),
        state,
        channel,
        back,
        probe().prop_map(Line::Probe),
        echo,
    ]
}

fn line() -> impl Strategy<Value = Line> {
    let welcome = (1_u64.., proptest::option::of(-i64::MAX..=i64::MAX))
        .prop_map(|(next, start_in_ns)| Line::Welcome { next, start_in_ns });
    let goodbye = (any::<u64>(), proptest::option::of(1_u16..)).prop_map(|(sent, left_for)| {
        Line::Goodbye { sent, left_for: left_for.map(MachineId::new) }
    });
    prop_oneof![
        message(),
        hello(),
        (hex(32), hex(64)).prop_map(|(nonce, proof)| Line::Challenge { nonce, proof }),
        hex(64).prop_map(Line::Proof),
        welcome,
        (1..=Tick::MAX.0 + 1).prop_map(|tick| Line::Promise(Tick(tick))),
        Just(Line::Ready),
        Just(Line::Heard),
        "[ -~]{0,80}".prop_map(Line::Refused),
        (-i64::MAX..=i64::MAX).prop_map(|in_ns| Line::Start { in_ns }),
        any::<u64>().prop_map(|next| Line::Again { next }),
        any::<[u64; 2]>().prop_map(|[accepted, recorded]| Line::Ack { accepted, recorded }),
        goodbye,
        of_a_checkup(),
    ]
}

fn read_all(mut bytes: &[u8]) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    while let Some(line) = read_line(&mut bytes, LINE_LEN_MAX, &mut Vec::new())? {
        lines.push(line);
    }
    Ok(lines)
}

proptest! {
    #[test]
    fn lines_that_arrive_in_one_read_do_not_fuse(lines in proptest::collection::vec(line(), 0..9)) {
        let bytes: String = lines.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(read_all(bytes.as_bytes()).unwrap(), lines);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(&bytes);
    }
}

/// A line with the checksum that its text has.
fn sealed(body: &str) -> String {
    format!("{body} {:08x}", crc32fast::hash(body.as_bytes()))
}

#[test]
fn only_canonical_numbers_are_messages() {
    for text in [
        "500000",
        "0 1 1 1 0",
        "1 0 1 1 0",
        "1 1 0 1 0",
        "1 1 1 0 0",
        "01 1 1 1 0",
        "1e3 1 1 1 0",
        "1 1 1",
        "1  1 1 1 0",
        "1 1 1 1 0 1",
        "1 1 1 1 0 ",
        "9223372036854775808 1 1 1 0",
        "1.0 1 1 1 0",
    ] {
        assert!(sealed(text).parse::<Line>().is_err(), "{text}");
    }
    assert!(sealed("9223372036854775807 1 1 1 0").parse::<Line>().is_ok());
    for text in ["", "+1 1 1 1 0", "-1 1 1 1 0", "１ 1 1 1 0", "١ 1 1 1 0"] {
        assert!(text.parse::<Line>().is_err(), "{text}");
    }
    assert!("promise 0".parse::<Line>().is_err());
    assert!("promise 10000000000002".parse::<Line>().is_err());
}

proptest! {
    #[test]
    fn a_message_with_one_wrong_digit_is_none(line in message(), place in any::<usize>()) {
        let mut bytes = line.to_string().into_bytes();
        let place = place % bytes.len();
        bytes[place] ^= 1;
        let text = String::from_utf8(bytes).unwrap();
        prop_assert!(text.parse::<Line>().is_err(), "{}", text);
    }
}

#[test]
fn a_line_at_the_limit_is_read_and_one_byte_more_is_refused() {
    let line = |len: usize| format!("refused {}\n", "x".repeat(len - "refused ".len()));
    assert_eq!(read_all(line(LINE_LEN_MAX).as_bytes()).unwrap().len(), 1);
    let refusal = read_all(line(LINE_LEN_MAX + 1).as_bytes()).unwrap_err().to_string();
    assert!(refusal.starts_with("a line of more than 256 bytes: 'refused xxx"), "{refusal}");
}

#[test]
fn a_line_that_is_cut_is_never_parsed() {
    let refusal = read_all(b"ready\n17 3 1").unwrap_err().to_string();
    assert_eq!(refusal, "the connection ended inside the line '17 3 1'");
}
