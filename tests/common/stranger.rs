//! Tests that speak the protocol themselves: a stranger at the door of a machine, who may know the
//! secret of the run; and a door at which a machine knocks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use scalemodel::machine::secret::{Nonce, Role, Secret, Transcript};
use scalemodel::machine::wire::{
    Asking, Boot, CheckupId, Hello, Line, MessageLine, PROTOCOL, TrialDigest,
};
use scalemodel::model::{Arrival, MachineId, Tick, Timestamp};
use scalemodel::trial::Trial;

use super::{Bench, LIMIT};

/// One connection to a machine.
pub(crate) struct Stranger {
    stream: BufReader<TcpStream>,
    secret: Secret,
    /// The hello that is said; it may be changed before.
    pub(crate) hello: Hello,
    /// All lines that were said.
    pub(crate) said: Vec<String>,
}

impl Stranger {
    /// Connects to a machine, as its peer 2.
    pub(crate) fn connect(bench: &Bench, machine: u16) -> Self {
        let stream = TcpStream::connect(bench.address(machine.into())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let trial = Trial::load_resolved(&bench.trial_file()).unwrap();
        let hello = Hello {
            protocol: PROTOCOL,
            run: "the-run".parse().unwrap(),
            from: MachineId::new(2),
            to: MachineId::new(machine),
            incarnation: 1,
            boot: Boot(0),
            is_virtual: false,
            trial: TrialDigest::of(&trial),
            nonce: Nonce::draw().unwrap(),
        };
        let secret = Secret::load(&bench.folder().join("secret")).unwrap();
        Self { stream: BufReader::new(stream), secret, hello, said: Vec::new() }
    }

    /// Says lines.
    pub(crate) fn say(&mut self, text: &str) {
        self.said.push(text.to_owned());
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Hears a line, without its line feed; nothing at the end of the connection.
    pub(crate) fn hear(&mut self) -> Option<String> {
        hear(&mut self.stream)
    }

    /// Says hello.
    pub(crate) fn say_hello(&mut self, incarnation: u32, boot: Boot) {
        (self.hello.incarnation, self.hello.boot) = (incarnation, boot);
        let line = format!("{}\n", self.hello);
        self.say(&line);
    }

    /// Hears the challenge, answers it, and gives what the machine says to that.
    pub(crate) fn prove(&mut self) -> String {
        let proof = self.hear_challenge();
        self.say(&proof);
        self.hear().unwrap()
    }

    /// Hears the challenge, and gives the line that answers it.
    pub(crate) fn hear_challenge(&mut self) -> String {
        let challenge = self.hear().unwrap();
        let Ok(Line::Challenge { nonce, proof }) = challenge.parse() else {
            panic!("no challenge: {challenge}");
        };
        let hello = self.hello.to_string();
        let transcript = Transcript { hello: &hello, connector: self.hello.nonce, listener: nonce };
        assert!(self.secret.verifies(Role::Listener, &transcript, &proof));
        let proof = self.secret.proof(Role::Connector, &transcript);
        format!("{}\n", Line::Proof(proof))
    }
}

/// The door of a machine that the test plays.
pub(crate) struct Host {
    listener: TcpListener,
    secret: Secret,
}

/// A connection that a machine has made to the test, and which it has welcomed.
pub(crate) struct Guest {
    stream: BufReader<TcpStream>,
    pub(crate) hello: Hello,
}

impl Host {
    /// Listens in the place of a machine.
    pub(crate) fn new(bench: &Bench, machine: usize) -> Self {
        let secret = Secret::load_or_create(&bench.folder().join("secret")).unwrap();
        Self { listener: TcpListener::bind(bench.address(machine)).unwrap(), secret }
    }

    /// Lets the next machine in, and tells it which message is due.
    pub(crate) fn welcome(&self, next: u64) -> Guest {
        let mut stream = BufReader::new(self.listener.accept().unwrap().0);
        stream.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
        let said = hear(&mut stream).unwrap();
        let Ok(Line::Hello(hello)) = said.parse() else { panic!("no hello: {said}") };
        let mut guest = Guest { stream, hello };
        let nonce = Nonce::draw().unwrap();
        let transcript = Transcript { hello: &said, connector: guest.hello.nonce, listener: nonce };
        let proof = self.secret.proof(Role::Listener, &transcript);
        guest.say(&format!("{}\n", Line::Challenge { nonce, proof }));
        let answer = guest.hear().unwrap();
        let Ok(Line::Proof(proof)) = answer.parse() else { panic!("no proof: {answer}") };
        assert!(self.secret.verifies(Role::Connector, &transcript, &proof));
        guest.say(&format!("welcome {next} -\n"));
        guest
    }
}

impl Guest {
    /// Answers.
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Hears a line, without its line feed; nothing at the end of the connection.
    pub(crate) fn hear(&mut self) -> Option<String> {
        hear(&mut self.stream)
    }

    /// Hears the next message, and passes over all other lines.
    pub(crate) fn hear_message(&mut self) -> MessageLine {
        loop {
            let line = self.hear().unwrap();
            if let Ok(Line::Message(message)) = line.parse() {
                return message;
            }
        }
    }
}

/// A message with this place on its channel.
pub(crate) fn message(sequence: u64) -> String {
    let tick = Tick(sequence);
    let timestamp = Timestamp(sequence);
    format!("{}\n", MessageLine { timestamp, tick, sequence, arrival: Arrival::at_once(tick) })
}

fn hear(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.strip_suffix('\n').map(ToOwned::to_owned)
}

/// Someone who asks a machine how it is, line by line.
pub(crate) struct Asker {
    stream: BufReader<TcpStream>,
    asking: Asking,
}

impl Asker {
    /// Connects to a machine, says so much, and hears the challenge.
    pub(crate) fn connect(bench: &Bench, machine: u16, checkup: u64) -> Self {
        let stream = TcpStream::connect(bench.address(machine.into())).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let trial = Trial::load_resolved(&bench.trial_file()).unwrap();
        let asking = Asking {
            protocol: PROTOCOL,
            checkup: CheckupId(checkup),
            to: MachineId::new(machine),
            trial: TrialDigest::of(&trial),
            nonce: Nonce::draw().unwrap(),
        };
        let mut asker = Self { stream: BufReader::new(stream), asking };
        asker.say(&asker.asking.to_string());
        asker
    }

    /// Connects to a machine, and proves to know the secret of the run.
    pub(crate) fn prove(bench: &Bench, machine: u16, checkup: u64) -> Self {
        let mut asker = Self::connect(bench, machine, checkup);
        let challenge = asker.hear().unwrap();
        let Ok(Line::Challenge { nonce, proof }) = challenge.parse() else {
            panic!("no challenge: {challenge}");
        };
        let said = asker.asking.to_string();
        let transcript =
            Transcript { hello: &said, connector: asker.asking.nonce, listener: nonce };
        let secret = Secret::load(&bench.folder().join("secret")).unwrap();
        assert!(secret.verifies(Role::Listener, &transcript, &proof));
        asker.say(&Line::Proof(secret.proof(Role::Connector, &transcript)).to_string());
        asker
    }

    /// Says a line.
    pub(crate) fn say(&mut self, line: &str) {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Hears a line, without its line feed; nothing at the end of the connection.
    pub(crate) fn hear(&mut self) -> Option<String> {
        hear(&mut self.stream)
    }
}
