//! A bare round trip: two OS processes, one TCP connection, lines there and back.
//!
//! Both ends read in the plainest way, blocking, with `TCP_NODELAY`; the other end is this program in
//! another role.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

/// The argument that makes this program the other end.
pub(crate) const ROLE: &str = "--bare-echo";

const HOST: &str = "127.30.0.2";

/// Which lines travel, and when.
#[derive(Clone, Copy)]
pub(crate) struct PingPong {
    /// The length of a line, with its end, there and back.
    pub(crate) lengths: [usize; 2],
    pub(crate) trips: u32,
    /// How long after one trip the next begins; zero: as soon as the first is over.
    pub(crate) period: Duration,
    /// Whether both ends are held on one core.
    pub(crate) is_on_one_core: bool,
}

impl PingPong {
    /// How long each round trip took, in microseconds.
    pub(crate) fn play(self) -> Vec<f64> {
        // Only this thread keeps to a core, and the OS process that it starts.
        thread::scope(|scope| scope.spawn(|| self.play_here()).join().unwrap())
    }

    fn play_here(self) -> Vec<f64> {
        if self.is_on_one_core {
            let mut core = CpuSet::new();
            core.set(0);
            sched_setaffinity(None, &core).unwrap();
        }
        let [there, back] = self.lengths;
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let mut other = Command::new(env::current_exe().unwrap())
            .args([ROLE, &listener.local_addr().unwrap().to_string(), &back.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let (line, mut heard) = (line(there), Vec::new());
        let mut reader = BufReader::new(&stream);
        let begin = Instant::now();
        let trip = |number| {
            let due = begin + self.period * number;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let left = Instant::now();
            (&stream).write_all(&line).unwrap();
            heard.clear();
            reader.read_until(b'\n', &mut heard).unwrap();
            assert_eq!(heard.len(), back, "the other end answers");
            left.elapsed().as_secs_f64() * 1e6
        };
        let trips = (0..self.trips).map(trip).collect();
        drop(stream);
        assert!(other.wait().unwrap().success());
        trips
    }
}

/// The other end: answers every line, until there is none.
pub(crate) fn echo(arguments: &[String]) {
    let [address, back] = arguments else { panic!("expected ADDRESS LENGTH") };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (line, mut heard) = (line(back.parse().unwrap()), Vec::new());
    let mut reader = BufReader::new(&stream);
    while 0 < reader.read_until(b'\n', &mut heard).unwrap() {
        (&stream).write_all(&line).unwrap();
        heard.clear();
    }
}

/// A line of a length, with its end.
fn line(len: usize) -> Vec<u8> {
    let mut line = vec![b'x'; len - 1];
    line.push(b'\n');
    line
}
