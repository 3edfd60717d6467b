//! Wire: what strangers say to the listening socket of a machine. None of it may reach a clock.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::bench::{Bench, FAST};
use crate::guest::{Play, Talk, message};
use crate::row::{Extent, Row};
use crate::running::Running;
use crate::scene::{Scene, must_say};
use crate::stranger::{Stranger, must_be_refused};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "W1",
        extent: Extent::Quick,
        fault: "a stranger says nothing",
        injected: "connect and wait",
        must: "closed at the named limit; the run holds",
        act: silence,
    },
    Row {
        id: "W2",
        extent: Extent::Quick,
        fault: "a stranger speaks very slowly",
        injected: "a byte every 50 ms (slow loris)",
        must: "closed at the same limit, however much it says; the run holds",
        act: slow_speech,
    },
    Row {
        id: "W3",
        extent: Extent::Quick,
        fault: "more strangers than may wait",
        injected: "60 connections that say nothing",
        must: "no more than the limit stay open; all are closed at last; the run holds",
        act: too_many,
    },
    Row {
        id: "W4",
        extent: Extent::Quick,
        fault: "lines at the limit, one byte longer, and without an end",
        injected: "256 bytes, 257 bytes, 64 MiB without a line feed",
        must: "refused; memory stays flat; the run holds",
        act: long_lines,
    },
    Row {
        id: "W5",
        extent: Extent::Quick,
        fault: "bytes that are no text of the protocol",
        injected: "invalid UTF-8, NUL, CR, a byte order mark, empty lines, blanks",
        must: "refused; the run holds",
        act: wrong_bytes,
    },
    Row {
        id: "W6",
        extent: Extent::Quick,
        fault: "messages and numbers out of the blue",
        injected: "500000, -1, 007, 1e3, 0x10, 2^63, 2^64, full-width and Arabic digits",
        must: "refused; no clock jumps; the run holds",
        act: numbers,
    },
    Row {
        id: "W7",
        extent: Extent::Quick,
        fault: "other programs at the port",
        injected: "HTTP, TLS, SSH, SMTP, Redis, random bytes",
        must: "refused; the run holds",
        act: other_programs,
    },
    Row {
        id: "W8",
        extent: Extent::Quick,
        fault: "a hello with fields missing, doubled, in another order, or of another version",
        injected: "each field left out, doubled, swapped with the next; protocols 0, 1, 4, 2^32",
        must: "refused; the run holds",
        act: wrong_hellos,
    },
    Row {
        id: "W9",
        extent: Extent::Quick,
        fault: "a stranger leaves in the middle of a line",
        injected: "a hello cut at every byte",
        must: "what was cut is never taken for a line; the run holds",
        act: cut_lines,
    },
    Row {
        id: "W10",
        extent: Extent::Full,
        fault: "a flood of strangers",
        injected: "connections one after the other without a pause, for two seconds",
        must: "all refused; ticks go on at their times; the run holds",
        act: flood,
    },
    Row {
        id: "W11",
        extent: Extent::Quick,
        fault: "a peer says a message twice",
        injected: "every message three times, old ones again much later",
        must: "each is received once",
        act: doubled,
    },
    Row {
        id: "W12",
        extent: Extent::Quick,
        fault: "a message is missing",
        injected: "messages 1, 3 and 4, then 2 to 4",
        must: "nothing is passed over; it is asked for again; each is received once, in order",
        act: gap,
    },
    Row {
        id: "W13",
        extent: Extent::Quick,
        fault: "the last message before the goodbye is missing",
        injected: "a goodbye that counts one more than came",
        must: "it is asked for again, and the run ends well with it",
        act: lost_tail,
    },
    Row {
        id: "W14",
        extent: Extent::Quick,
        fault: "a message was changed on its way",
        injected: "each byte of a message, one at a time; then the right one",
        must: "none is taken for another; the right one is received",
        act: changed,
    },
    Row {
        id: "W15",
        extent: Extent::Quick,
        fault: "lines that come in pieces, and many at once",
        injected: "100 messages a byte at a time, and in one piece",
        must: "each is received once, in order",
        act: in_pieces,
    },
    Row {
        id: "W16",
        extent: Extent::Quick,
        fault: "a peer breaks the protocol after its proof",
        injected: "an unknown word, a line without an end, not UTF-8, hello, welcome, a promise, and more",
        must: "it ends, and says which peer said what; nothing panics",
        act: broken_protocol,
    },
    Row {
        id: "W17",
        extent: Extent::Quick,
        fault: "a goodbye that counts fewer messages than came",
        injected: "goodbye 1 after two messages",
        must: "it ends: peer-lost, with both counts",
        act: too_few,
    },
    Row {
        id: "W18",
        extent: Extent::Quick,
        fault: "acknowledgements of what was never said",
        injected: "ack and again beyond the last message; heard; a message on the way back",
        must: "it ends: peer-lost, with what was said",
        act: wrong_answers,
    },
    Row {
        id: "W19",
        extent: Extent::Quick,
        fault: "the largest timestamp",
        injected: "a message with 2^63 - 1, and one with 2^63",
        must: "the first is received, the second is none; nothing wraps, nothing panics",
        act: largest_timestamp,
    },
    Row {
        id: "W20",
        extent: Extent::Full,
        fault: "a peer that reads nothing",
        injected: "it takes no byte of 20,000 messages, while another peer is served",
        must: "the other peer is served at once; nobody is held up",
        act: reads_nothing,
    },
    Row {
        id: "W21",
        extent: Extent::Quick,
        fault: "a connection breaks, again and again",
        injected: "reset after every third message, ten times, in both directions",
        must: "it is taken up where it broke; each message is received once",
        act: resets,
    },
];

/// Lets something be done to machine 2 of a run while it goes on. The run must not notice.
fn during_a_run(
    scene: &Scene,
    act: impl FnOnce(&Bench, &Running) -> Result<String>,
) -> Result<String> {
    let bench = scene.bench("run", 200, &[5, 3, 6])?;
    let machines = bench.start_all(&FAST)?;
    bench.wait_for_ticks(3)?;
    let seen = act(&bench, &machines[1])?;
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok(seen)
}

/// Says each of these to machine 2, on a connection of its own. All must be refused, and the machine
/// must have said so.
fn refused_each(scene: &Scene, inputs: &[Vec<u8>]) -> Result<String> {
    during_a_run(scene, |bench, machine| {
        let refusals = || machine.said().matches("refused ").count();
        let before = refusals();
        for input in inputs {
            must_be_refused(&bench.address(2), input)?;
        }
        let all = before + inputs.len();
        bench.wait_until("every refusal is told", || all <= refusals())?;
        Ok(format!("{} inputs refused, and said so", inputs.len()))
    })
}

fn silence(scene: &Scene) -> Result<String> {
    during_a_run(scene, |bench, machine| {
        let begin = Instant::now();
        let answer = Stranger::connect(&bench.address(2))?.hear_out()?;
        ensure!(answer.starts_with("refused"), "it was answered '{answer}'");
        let took = begin.elapsed();
        ensure!(Duration::from_secs(1) < took, "it was closed at once");
        ensure!(took < Duration::from_secs(4), "it was closed after {took:?}");
        must_say(&machine.said(), "within 2 s")?;
        Ok("refused after 2 s".to_owned())
    })
}

fn slow_speech(scene: &Scene) -> Result<String> {
    during_a_run(scene, |bench, machine| {
        let begin = Instant::now();
        let mut stranger = Stranger::connect(&bench.address(2))?;
        scene.wait_until("the slow stranger is closed", || {
            std::thread::sleep(Duration::from_millis(45));
            !stranger.say(b"x") || stranger.is_closed()
        })?;
        let took = begin.elapsed();
        ensure!(Duration::from_secs(1) < took, "it was closed at once");
        ensure!(took < Duration::from_secs(4), "it was closed after {took:?}");
        must_say(&machine.said(), "within 2 s")?;
        Ok("refused after 2 s".to_owned())
    })
}

/// Two peers, and sixteen more.
const STRANGERS_MAX: usize = 18;

fn too_many(scene: &Scene) -> Result<String> {
    during_a_run(scene, |bench, _| {
        let connect = |_| Stranger::connect(&bench.address(2));
        let begin = Instant::now();
        let mut strangers: Vec<Stranger> = (0..60).map(connect).collect::<Result<_>>()?;
        scene.wait_until("those beyond the limit are closed", || {
            strangers.retain(|stranger| !stranger.is_closed());
            strangers.len() <= STRANGERS_MAX
        })?;
        let took = begin.elapsed();
        ensure!(took < Duration::from_millis(1800), "all were kept until their time was over");
        scene.wait_until("all are closed", || {
            strangers.retain(|stranger| !stranger.is_closed());
            strangers.is_empty()
        })?;
        Ok(format!("at once no more than {STRANGERS_MAX} stay, in the end none"))
    })
}

fn long_lines(scene: &Scene) -> Result<String> {
    during_a_run(scene, |bench, machine| {
        let address = bench.address(2);
        for len in [255, 256, 257, 100_000] {
            must_be_refused(&address, "x".repeat(len).as_bytes())?;
            must_be_refused(&address, format!("{}\n", "7".repeat(len)).as_bytes())?;
        }
        let before = machine.memory_kib()?;
        let mut stranger = Stranger::connect(&address)?;
        let block = [b'9'; 64 << 10];
        // Not vacuous: the machine stops reading, so that not all of it can be said.
        let is_all_said = (0..1024).all(|_| stranger.say(&block));
        ensure!(!is_all_said, "the machine has read 64 MiB of a line");
        let grown = machine.memory_kib()?.saturating_sub(before);
        ensure!(grown < 4096, "the memory has grown by {grown} KiB");
        Ok("refused; less than 4 MiB of memory".to_owned())
    })
}

fn wrong_bytes(scene: &Scene) -> Result<String> {
    let inputs: [&[u8]; 16] = [
        b"\xff\xfe\xfd\n",
        b"hello \xc3\x28\n",
        b"\0\n",
        b"\0\0\0\0\0\0\0\0",
        b"hello\0\n",
        b"hello\r\n",
        b"\r\n",
        b"\xef\xbb\xbfhello\n",
        b"\n",
        b"\n\n\n\n",
        b" \n",
        b" hello\n",
        b"hello \n",
        b"HELLO 1\n",
        b"\x1b[2J\x1b]0;title\x07\n",
        b"\xf0\x9f\x92\xa9\n",
    ];
    refused_each(scene, &inputs.map(<[u8]>::to_vec))
}

fn numbers(scene: &Scene) -> Result<String> {
    let inputs = [
        "500000",
        "500000 1 1",
        "500000 1 1 1 0 00000000",
        "0",
        "-1",
        "+1 1 1",
        "007 1 1",
        "1e3 1 1",
        "0x10 1 1",
        "1.0 1 1",
        "9223372036854775807 1 1",
        "9223372036854775808 1 1",
        "18446744073709551615",
        "18446744073709551616",
        "１ 1 1",
        "١ 1 1",
        "1 0 1",
        "1 1 0",
        "promise 99999",
        "goodbye 0 finished",
        "ready",
        "start 0",
        "welcome",
        "welcome 1 -",
        "refused",
        "heard",
        "ack 1 1",
        "again 1",
    ];
    refused_each(scene, &inputs.map(|input| format!("{input}\n").into_bytes()))
}

fn other_programs(scene: &Scene) -> Result<String> {
    // Random bytes that are the same in every run.
    let mut state = 1_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..200).map(|_| random()).collect();
    let inputs: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /clock HTTP/1.0\r\nContent-Length: 6\r\n\r\n500000",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x55\x01\x00\x00\x51\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07\x08",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO mail.example\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"{\"clock\": 500000}\n",
        &noise,
    ];
    refused_each(scene, &inputs.map(<[u8]>::to_vec))
}

/// A hello of this run, and one of the first protocol.
const HELLOS: [&str; 2] = [
    "hello 3 the-run 1 2 1 00000000000000aa real 00000000000000bb 000102030405060708090a0b0c0d0e0f",
    "hello 1 the-run 1 2 1 real",
];

fn wrong_hellos(scene: &Scene) -> Result<String> {
    let mut inputs = Vec::new();
    for hello in HELLOS {
        let fields: Vec<&str> = hello.split(' ').collect();
        for place in 0..fields.len() {
            let mut without = fields.clone();
            without.remove(place);
            let mut doubled = fields.clone();
            doubled.insert(place, fields[place]);
            inputs.extend([without.join(" "), doubled.join(" ")]);
            if place + 1 < fields.len() && fields[place] != fields[place + 1] {
                let mut swapped = fields.clone();
                swapped.swap(place, place + 1);
                inputs.push(swapped.join(" "));
            }
        }
        inputs.extend(["0", "4", "4294967296"].map(|version| {
            let mut other = fields.clone();
            other[1] = version;
            other.join(" ")
        }));
        inputs.extend([format!("{hello} "), format!("{hello} more"), hello.replace(' ', "  ")]);
    }
    // Numbers that happen to be alike make a hello of the right form; it has no proof.
    let inputs: Vec<Vec<u8>> =
        inputs.iter().map(|input| format!("{input}\n").into_bytes()).collect();
    refused_each(scene, &inputs)
}

fn cut_lines(scene: &Scene) -> Result<String> {
    let hello = HELLOS[0].as_bytes();
    let inputs: Vec<Vec<u8>> = (1..hello.len()).map(|len| hello[..len].to_vec()).collect();
    refused_each(scene, &inputs)
}

fn flood(scene: &Scene) -> Result<String> {
    let bench = scene.bench("flood", 120, &[5, 3, 6])?;
    let machines = bench.start_all(&FAST)?;
    bench.wait_for_ticks(3)?;
    let end = Instant::now() + Duration::from_secs(2);
    let before = bench.ticks(2);
    let mut strangers = 0;
    while Instant::now() < end {
        must_be_refused(&bench.address(2), b"500000\n")?;
        strangers += 1;
    }
    let ticks = bench.ticks(2) - before;
    ensure!(200 < strangers, "only {strangers} strangers came");
    // Two seconds at speed 20 are 40 of model time, in which machine 2 ticks 120 times.
    ensure!(90 < ticks, "machine 2 ticked only {ticks} times");
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok("hundreds of strangers refused; the ticks went on".to_owned())
}

/// A run of two machines at speed 20, in which this row plays machine 1.
fn play(scene: &Scene, name: &str) -> Result<Play> {
    Play::new(scene.bench(name, 300, &[10, 10])?, &["--speed", "20", "--goodbye-limit", "3"])
}

/// Waits until machine 2 has received these timestamps, and then looks whether it receives more.
fn must_receive(play: &Play, timestamps: &[u64]) -> Result<()> {
    let waited =
        play.bench.wait_until("all is received", || timestamps.len() <= play.received().len());
    let ticks = play.bench.ticks(2);
    play.bench.wait_until("it ticks on", || ticks + 5 <= play.bench.ticks(2))?;
    let received = play.received();
    ensure!(received == timestamps, "received {received:?}, not {timestamps:?}");
    waited
}

fn doubled(scene: &Scene) -> Result<String> {
    let play = play(scene, "run")?;
    for number in 1..=9 {
        for _ in 0..3 {
            play.out.say(&message(10 * number, number, number))?;
        }
    }
    play.out.say(&message(10, 1, 1))?;
    must_receive(&play, &[10, 20, 30, 40, 50, 60, 70, 80, 90])?;
    Ok("each is received once".to_owned())
}

fn gap(scene: &Scene) -> Result<String> {
    let mut play = play(scene, "run")?;
    for number in [1, 3, 4] {
        play.out.say(&message(10 * number, number, number))?;
    }
    must_receive(&play, &[10])?;
    for number in [2, 3, 4] {
        play.out.say(&message(10 * number, number, number))?;
    }
    ensure!(
        play.out.hear_text()?.is_some_and(|line| line.starts_with("again ")),
        "nothing is asked for"
    );
    must_receive(&play, &[10, 20, 30, 40])?;
    Ok("asked for again; each is received once, in order".to_owned())
}

fn lost_tail(scene: &Scene) -> Result<String> {
    let mut play = play(scene, "run")?;
    play.out.say(&message(10, 1, 1))?;
    play.out.say("goodbye 2 finished")?;
    let answer = play.out.hear_text()?.unwrap_or_default();
    ensure!(answer == "again 2", "it answered '{answer}'");
    play.out.say(&message(20, 2, 2))?;
    play.out.say("goodbye 2 finished")?;
    must_receive(&play, &[10, 20])?;
    Ok("asked for again, and received".to_owned())
}

fn changed(scene: &Scene) -> Result<String> {
    let play = play(scene, "run")?;
    let right = message(10, 1, 1);
    for place in 0..right.len() {
        let mut wrong = right.clone().into_bytes();
        wrong[place] = if wrong[place] == b'7' { b'8' } else { b'7' };
        play.out.say_bytes(&[wrong.as_slice(), b"\n"].concat())?;
    }
    must_receive(&play, &[])?;
    play.out.say(&right)?;
    must_receive(&play, &[10])?;
    Ok("only the right one is received".to_owned())
}

fn in_pieces(scene: &Scene) -> Result<String> {
    let play = play(scene, "run")?;
    let lines = |numbers: std::ops::RangeInclusive<u64>| -> String {
        numbers.map(|number| message(number, number, number) + "\n").collect()
    };
    for byte in lines(1..=50).into_bytes() {
        play.out.say_bytes(&[byte])?;
    }
    play.out.say_bytes(lines(51..=100).as_bytes())?;
    must_receive(&play, &(1..=100).collect::<Vec<_>>())?;
    Ok("100 messages, each once, in order".to_owned())
}

/// Lets machine 1 say something wrong; machine 2 must end because of it, and say so.
fn must_lose(
    scene: &Scene,
    name: &str,
    act: impl FnOnce(&mut Play) -> Result<()>,
) -> Result<String> {
    let mut play = play(scene, name)?;
    act(&mut play)?;
    let said = play.victim.fail()?;
    must_say(&said, "peer 1 (")?;
    must_say(&play.bench.last_line(2), "# end: why=peer-lost:21001 ")?;
    Ok(said)
}

fn broken_protocol(scene: &Scene) -> Result<String> {
    let endless = "x".repeat(300);
    let lines = [
        "unknown",
        "",
        " ",
        "hello 2",
        HELLOS[0],
        "welcome 1 -",
        "refused",
        "promise 3",
        "heard",
        "again 1",
        "ack 1 1",
        "start x",
        "goodbye 0 left 9",
        "goodbye",
        "challenge",
        &endless,
        "proof 00",
    ];
    for (place, line) in lines.iter().enumerate() {
        must_lose(scene, &format!("line-{place}"), |play| play.out.say(line))
            .map_err(|error| error.context(format!("after '{line}'")))?;
    }
    must_lose(scene, "bytes", |play| play.out.say_bytes(b"\xff\xfe\n"))?;
    Ok(format!("{} lines, each ends the machine: peer-lost", lines.len() + 1))
}

fn too_few(scene: &Scene) -> Result<String> {
    let said = must_lose(scene, "run", |play| {
        play.out.say(&message(10, 1, 1))?;
        play.out.say(&message(20, 2, 2))?;
        play.out.say("goodbye 1 finished")
    })?;
    must_say(&said, "it sent 1 messages, and 2 arrived")?;
    Ok("peer-lost, with both counts".to_owned())
}

fn wrong_answers(scene: &Scene) -> Result<String> {
    let answers =
        ["ack 999999 1", "ack 1 999999", "again 999999", "again 0", "heard", "500 5 1", "what"];
    for (place, answer) in answers.iter().enumerate() {
        must_lose(scene, &format!("answer-{place}"), |play| play.back.say(answer))
            .map_err(|error| error.context(format!("after '{answer}'")))?;
    }
    Ok(format!("{} answers, each ends the machine: peer-lost", answers.len()))
}

fn largest_timestamp(scene: &Scene) -> Result<String> {
    let play = play(scene, "run")?;
    play.out.say(&message(1 << 63, 1, 1))?;
    must_receive(&play, &[])?;
    play.out.say(&message((1 << 63) - 1, 1, 1))?;
    must_receive(&play, &[(1 << 63) - 1])?;
    let said = play.victim.said();
    ensure!(!said.contains("panicked"), "{said}");
    Ok("received; the clock goes on from there".to_owned())
}

fn reads_nothing(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 60, &[1000, 1000])?;
    let play = Play::new(bench, &["--speed", "2"])?;
    // Nothing is read from here on, and much is sent: the tick loop must not wait for it.
    let ticks = play.bench.ticks(2);
    play.bench.wait_until("machine 2 has sent much", || ticks + 40_000 < play.bench.ticks(2))?;
    let late = play.bench.log(2);
    let lateness =
        late.lines().filter_map(|line| line.split_ascii_whitespace().nth(3)?.parse().ok());
    let most: u64 = lateness.max().unwrap_or_default();
    ensure!(most < 1_000_000, "a tick was {most} us late");
    Ok("the ticks go on".to_owned())
}

fn resets(scene: &Scene) -> Result<String> {
    let mut play = play(scene, "run")?;
    let mut sequence = 0;
    for _ in 0..10 {
        for _ in 0..3 {
            sequence += 1;
            play.out.say(&message(sequence, sequence, sequence))?;
        }
        must_receive(&play, &(1..=sequence).collect::<Vec<_>>())?;
        let (out, welcome) = play.guest.visit(&play.bench.address(2))?;
        let expected = format!("welcome {} ", sequence + 1);
        ensure!(welcome.to_string().starts_with(&expected), "it answered '{welcome}'");
        play.out = out;
        // The other direction breaks as well, and machine 2 takes it up.
        let (back, _) = {
            play.back = Talk::connect(&play.bench.address(2))?;
            play.guest.receive(&play.listener)?
        };
        play.back = back;
    }
    Ok("taken up ten times; each message is received once".to_owned())
}
