//! A bare prototype of a run's start: as many OS processes and connections, and nothing else.
//!
//! Each process listens, has a thread for each connection that comes in, connects to every peer, sends
//! it one byte, and is up when it has a byte of every peer. No trial, no proof, no log.

use std::env;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use scalemodel::trial::Trial;

/// The argument that makes this program one of the processes.
pub(crate) const ROLE: &str = "--bare-machine";

const HOST: &str = "127.30.0.3";

/// How long it takes until all are up that the machines of a trial have connections with, in
/// milliseconds.
pub(crate) fn start_ms(trial: &Trial) -> f64 {
    let port = |machine| trial.spec(machine).port.to_string();
    let begin = Instant::now();
    let start = |machine| {
        Command::new(env::current_exe().unwrap())
            .args([ROLE, &port(machine)])
            .args(trial.contacts(machine).into_iter().map(port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut children: Vec<_> = trial.machine_ids().map(start).collect();
    for child in &mut children {
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "up\n", "a bare machine has failed");
    }
    let took = begin.elapsed();
    // Each goes when its input ends.
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    took.as_secs_f64() * 1e3
}

/// One of the processes.
pub(crate) fn machine(ports: &[String]) {
    let ports: Vec<u16> = ports.iter().map(|port| port.parse().unwrap()).collect();
    let (own, peers) = ports.split_first().unwrap();
    let listener = TcpListener::bind((HOST, *own)).unwrap();
    let (heard, hear) = mpsc::channel();
    let expected = peers.len();
    thread::spawn(move || {
        for stream in listener.incoming().take(expected) {
            let (heard, mut stream) = (heard.clone(), stream.unwrap());
            thread::spawn(move || {
                stream.read_exact(&mut [0]).unwrap();
                heard.send(()).unwrap();
                // Nothing more comes before the end.
                let _ = stream.read(&mut [0]);
            });
        }
    });
    let producers: Vec<TcpStream> = peers.iter().map(|peer| connect(*peer)).collect();
    producers.iter().for_each(|mut producer| producer.write_all(&[1]).unwrap());
    hear.iter().take(expected).for_each(drop);
    println!("up");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Tries again until the peer listens.
fn connect(port: u16) -> TcpStream {
    loop {
        if let Ok(stream) = TcpStream::connect((HOST, port)) {
            stream.set_nodelay(true).unwrap();
            return stream;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
