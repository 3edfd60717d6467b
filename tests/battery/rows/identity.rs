//! Identity: who may take part, and what a stranger learns.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use anyhow::{Context as _, Result, bail, ensure};
use scalemodel::machine::secret::{Nonce, Role, Secret, Transcript};
use scalemodel::machine::wire::{Boot, Line, TrialDigest};
use scalemodel::model::MachineId;

use crate::bench::{Bench, FAST};
use crate::guest::{Guest, Talk};
use crate::row::{Extent, Row};
use crate::running::Running;
use crate::scene::{Scene, must_say, tool};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "I1",
        extent: Extent::Quick,
        fault: "a machine with another secret",
        injected: "machine 2 is given a secret of its own",
        must: "nobody lets it in; every machine says which peer it is; no tick happens",
        act: other_secret,
    },
    Row {
        id: "I2",
        extent: Extent::Quick,
        fault: "a hello and its proof are recorded and said again",
        injected: "the very bytes of a connection that was let in, on a new connection",
        must: "refused; the run holds",
        act: replayed,
    },
    Row {
        id: "I3",
        extent: Extent::Quick,
        fault: "a stranger knows all but the secret",
        injected: "a right hello, and a proof of zeros, of another secret, of the other role",
        must: "it reads a challenge and 'refused', never why; the run holds",
        act: all_but_the_secret,
    },
    Row {
        id: "I4",
        extent: Extent::Quick,
        fault: "somebody else listens at a peer's port",
        injected: "a squatter at the port of machine 2 answers with a false proof",
        must: "it learns nothing but the hello; it is named as a stranger",
        act: squatter,
    },
    Row {
        id: "I5",
        extent: Extent::Quick,
        fault: "a squatter lets the machine itself answer",
        injected: "it passes the hello on to the listener of the machine that said it, and to a third",
        must: "no machine proves what is meant for another; the squatter gets no proof",
        act: reflected,
    },
    Row {
        id: "I6",
        extent: Extent::Quick,
        fault: "the file of the secret is not for its owner alone, or is none",
        injected: "modes 0644 and 0620, another owner, a link, a pipe, a folder, empty, 5000 bytes",
        must: "the machine does not start; path, reason and fix are named; the secret is not shown",
        act: open_secret,
    },
    Row {
        id: "I7",
        extent: Extent::Quick,
        fault: "the secret is looked for where everybody can look",
        injected: "/proc/PID/cmdline and environ, logs, -vv, the folder of the run",
        must: "it stands nowhere but in its file, which has mode 0600",
        act: nowhere_else,
    },
    Row {
        id: "I8",
        extent: Extent::Quick,
        fault: "a machine of another run, with the secret",
        injected: "a hello of another run",
        must: "refused; the run holds",
        act: other_run,
    },
    Row {
        id: "I9",
        extent: Extent::Quick,
        fault: "a machine of another trial, or at another pace, with the secret",
        injected: "another digest of the trial; the virtual pace",
        must: "refused with the reason; the run holds",
        act: other_trial,
    },
    Row {
        id: "I10",
        extent: Extent::Quick,
        fault: "a name that is nobody's, or the machine's own, or meant for another",
        injected: "hellos from machine 2, from machine 9, and to machine 3, with the secret",
        must: "refused, with the reason if it is meant; the run holds",
        act: other_names,
    },
    Row {
        id: "I11",
        extent: Extent::Quick,
        fault: "a second copy of a machine",
        injected: "the name of machine 1 in its incarnation, by another OS process, with the secret",
        must: "refused as a second copy; the run holds",
        act: second_copy,
    },
    Row {
        id: "I12",
        extent: Extent::Quick,
        fault: "an earlier incarnation comes back",
        injected: "incarnation 1 of machine 1 after incarnation 2 was there",
        must: "refused, with both numbers; the run holds",
        act: earlier_incarnation,
    },
    Row {
        id: "I13",
        extent: Extent::Quick,
        fault: "the run and its machines disagree in their versions",
        injected: "protocols 2 and 4, otherwise right",
        must: "refused, with both versions; the run holds",
        act: other_version,
    },
];

/// A run under way, in which a guest plays another machine 1 to machine 2.
fn visit_a_run(
    scene: &Scene,
    act: impl FnOnce(&Bench, &mut Guest, &Running) -> Result<String>,
) -> Result<String> {
    let bench = scene.bench("run", 60, &[5, 3, 6])?;
    let machines = bench.start_all(&FAST)?;
    bench.wait_for_ticks(3)?;
    let mut guest = Guest::new(&bench, 1, 2)?;
    let seen = act(&bench, &mut guest, &machines[1])?;
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok(seen)
}

/// The guest, who has proved itself, must be told why it may not come in.
fn must_be_told(bench: &Bench, guest: &Guest, victim: &Running, why: &str) -> Result<()> {
    let (mut talk, answer) = guest.visit(&bench.address(2))?;
    let Line::Refused(told) = answer else { bail!("it answered '{answer}'") };
    must_say(&told, why)?;
    ensure!(talk.hear_text()?.is_none(), "the connection stays");
    bench.wait_until("the machine says so", || victim.said().contains(why))
}

fn other_secret(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 3, 6])?;
    let other = scene.folder().join("other-secret");
    Secret::create(&other)?;
    let other = other.to_string_lossy().into_owned();
    let options = ["--speed", "20", "--connect-limit", "2"];
    let machines = [
        bench.launch(1).with(&options).start()?,
        bench.launch(2).with(&options).with(&["--secret", &other]).start()?,
        bench.launch(3).with(&options).start()?,
    ];
    let said = machines.into_iter().map(Running::fail).collect::<Result<Vec<_>>>()?;
    // Whoever is the first to find out ends, and the others do not reach it any more.
    ensure!(said.iter().any(|said| said.contains("another secret")), "nobody says why: {said:?}");
    must_say(&said[0], "machine 2")?;
    must_say(&said[2], "machine 2")?;
    ensure!(bench.machines().all(|machine| bench.ticks(machine) == 0), "there are ticks");
    Ok("no tick happens; the peer is named".to_owned())
}

fn replayed(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        // What could be recorded: a right proof for what was said on one connection.
        let mut talk = Talk::connect(&bench.address(2))?;
        talk.say(&guest.hello.to_string())?;
        let Line::Challenge { nonce, .. } = talk.hear()? else { bail!("no challenge") };
        let hello = guest.hello.to_string();
        let transcript =
            Transcript { hello: &hello, connector: guest.hello.nonce, listener: nonce };
        let proof = guest.secret.proof(Role::Connector, &transcript).to_string();
        // The recorded bytes, on a new connection, and the proof for the first one.
        drop(talk);
        let mut replay = Talk::connect(&bench.address(2))?;
        replay.say(&hello)?;
        ensure!(matches!(replay.hear()?, Line::Challenge { .. }), "no challenge");
        replay.say(&format!("proof {proof}"))?;
        let heard = replay.hear_out()?;
        ensure!(heard == ["refused"], "it heard {heard:?}");
        bench.wait_until("the machine says so", || victim.said().contains("proof is wrong"))?;
        Ok("refused: a proof is good for one connection".to_owned())
    })
}

fn all_but_the_secret(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        let other = Secret::create(&scene.folder().join("other"))?;
        let hello = guest.hello.to_string();
        for kind in ["zeros", "other secret", "other role"] {
            let mut talk = Talk::connect(&bench.address(2))?;
            talk.say(&hello)?;
            let Line::Challenge { nonce, proof } = talk.hear()? else { bail!("no challenge") };
            let transcript =
                Transcript { hello: &hello, connector: guest.hello.nonce, listener: nonce };
            let given = match kind {
                "zeros" => "0".repeat(64),
                "other secret" => other.proof(Role::Connector, &transcript).to_string(),
                _ => proof.to_string(),
            };
            talk.say(&format!("proof {given}"))?;
            let heard = talk.hear_out()?;
            ensure!(heard == ["refused"], "{kind}: it heard {heard:?}");
        }
        let told = || victim.said().matches("its proof is wrong").count();
        bench.wait_until("the machine says so", || told() == 3)?;
        Ok("a challenge and 'refused', three times".to_owned())
    })
}

fn squatter(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 3])?;
    let squatter = TcpListener::bind(bench.address(2))?;
    let machine = bench.launch(1).with(&["--connect-limit", "2"]).start()?;
    let mut talk = Talk::accept(&squatter)?;
    let hello = talk.hear_text()?.context("the machine says hello")?;
    talk.say(&format!("challenge {} {}", Nonce::draw()?, "0".repeat(64)))?;
    let heard = talk.hear_out()?;
    ensure!(heard.is_empty(), "the squatter heard {heard:?}");
    let secret = fs::read_to_string(bench.folder.join("secret"))?;
    ensure!(!hello.contains(secret.trim()), "the hello tells the secret");
    drop(squatter);
    must_say(&machine.fail()?, "machine 2")?;
    Ok("it hears the hello and nothing else".to_owned())
}

fn reflected(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 3, 6])?;
    let squatter = TcpListener::bind(bench.address(2))?;
    let options = ["--connect-limit", "3"];
    let machines =
        [bench.launch(1).with(&options).start()?, bench.launch(3).with(&options).start()?];
    // Whoever connects first is asked to prove itself by its own word, and by the other's.
    for turn in 0..4 {
        let mut talk = Talk::accept(&squatter)?;
        let hello = talk.hear_text()?.context("the machine says hello")?;
        let oracle = bench.address(if turn % 2 == 0 { 1 } else { 3 });
        let mut mirror = Talk::connect(&oracle)?;
        mirror.say(&hello)?;
        let Some(answer) = mirror.hear_text()? else { continue };
        ensure!(
            answer.starts_with("refused"),
            "{oracle} proved what is meant for machine 2: '{answer}'"
        );
    }
    drop(machines);
    Ok("every machine refuses to prove what is meant for another".to_owned())
}

fn open_secret(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 3])?;
    let secret = bench.folder.join("secret");
    let digits = "5a".repeat(32);
    let whole = format!("{digits}\n");
    let write = |text: &str, mode: u32| -> Result<()> {
        let _ = fs::remove_file(&secret).or_else(|_| fs::remove_dir(&secret));
        fs::write(&secret, text)?;
        Ok(fs::set_permissions(&secret, fs::Permissions::from_mode(mode))?)
    };
    let refuse = |reason: &str| -> Result<()> {
        let said = bench.launch(1).with(&["--connect-limit", "1"]).start()?.fail()?;
        must_say(&said, reason)?;
        must_say(&said, &secret.to_string_lossy())?;
        ensure!(!said.contains(&digits), "the secret is shown: {said}");
        ensure!(!bench.log_file(1).exists(), "there is a log");
        Ok(())
    };
    for mode in [0o644, 0o640, 0o620, 0o606] {
        write(&whole, mode)?;
        refuse("chmod 600")?;
    }
    for text in ["", "\n", &digits, &whole.to_uppercase(), &"5a".repeat(2500)] {
        write(text, 0o600)?;
        refuse("secret")?;
    }
    write(&whole, 0o600)?;
    if chown(&secret, Some(65534), None).is_ok() {
        refuse("chown")?;
    }
    let target = bench.folder.join("target");
    write(&whole, 0o600)?;
    fs::rename(&secret, &target)?;
    symlink(&target, &secret)?;
    refuse("name the file itself")?;
    fs::remove_file(&secret)?;
    fs::create_dir(&secret)?;
    refuse("no regular file")?;
    fs::remove_dir(&secret)?;
    tool(&["mkfifo", "--mode=600", &secret.to_string_lossy()])?;
    refuse("no regular file")?;
    Ok("refused; path and reason are named".to_owned())
}

fn nowhere_else(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 30, &[5, 3, 6])?;
    let machines = bench.start_all(&["--speed", "20", "-vv"])?;
    bench.wait_for_ticks(3)?;
    let secret = fs::read(bench.folder.join("secret"))?;
    let digits = secret[..64].to_vec();
    let mut looked = 0;
    let mut must_lack = |what: &str, bytes: &[u8]| -> Result<()> {
        looked += usize::from(!bytes.is_empty());
        ensure!(!bytes.windows(64).any(|part| part == digits), "the secret stands in {what}");
        Ok(())
    };
    for machine in &machines {
        for file in ["cmdline", "environ"] {
            let path = format!("/proc/{}/{file}", machine.process());
            must_lack(&path, &fs::read(&path)?)?;
        }
    }
    for machine in machines {
        must_lack("what a machine says", machine.succeed()?.as_bytes())?;
    }
    for entry in fs::read_dir(&bench.folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name != "secret") {
            must_lack(&path.to_string_lossy(), &fs::read(&path)?)?;
        }
    }
    ensure!(9 < looked, "only {looked} places were looked at");
    let mode = fs::metadata(bench.folder.join("secret"))?.permissions().mode();
    ensure!(mode & 0o7777 == 0o600, "the mode of the secret is {mode:o}");
    bench.must_hold()?;
    Ok("it stands in its file alone".to_owned())
}

fn other_run(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        guest.hello.run = "another-run".parse().map_err(anyhow::Error::msg)?;
        let (_, answer) = guest.visit(&bench.address(2))?;
        ensure!(answer == Line::Refused(String::new()), "it answered '{answer}'");
        bench.wait_until("the machine says so", || victim.said().contains("another run"))?;
        Ok("refused".to_owned())
    })
}

fn other_trial(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        let right = guest.hello.clone();
        guest.hello.trial = TrialDigest(right.trial.0 ^ 1);
        must_be_told(bench, guest, victim, "another trial")?;
        guest.hello = right;
        guest.hello.is_virtual = true;
        must_be_told(bench, guest, victim, "another pace")?;
        Ok("refused, with the reason".to_owned())
    })
}

fn other_names(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        for from in [2, 9] {
            guest.hello.from = MachineId::new(from);
            must_be_told(bench, guest, victim, "is no peer of machine 2")?;
        }
        // Whether it is told why or is a stranger: it must not come in.
        guest.hello.from = MachineId::new(1);
        guest.hello.to = MachineId::new(3);
        let (_, answer) = guest.visit(&bench.address(2))?;
        ensure!(matches!(answer, Line::Refused(_)), "it answered '{answer}'");
        Ok("refused, with the reason".to_owned())
    })
}

fn second_copy(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        guest.hello.boot = Boot(77);
        must_be_told(bench, guest, victim, "second copy")?;
        Ok("refused as a second copy".to_owned())
    })
}

fn earlier_incarnation(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 60, &[5, 3, 6])?;
    let mut machines = bench.start_all(&FAST)?;
    bench.wait_for_ticks(3)?;
    machines.remove(0).kill()?;
    machines.insert(0, bench.launch(1).with(&FAST).with(&["--resume"]).start()?);
    bench.wait_for_ticks(3)?;
    let guest = Guest::new(&bench, 1, 2)?;
    must_be_told(&bench, &guest, &machines[1], "incarnation 1 of machine 1 is over")?;
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok("refused, with both numbers".to_owned())
}

fn other_version(scene: &Scene) -> Result<String> {
    visit_a_run(scene, |bench, guest, victim| {
        for protocol in [2, 4] {
            guest.hello.protocol = protocol;
            let (_, answer) = guest.visit(&bench.address(2))?;
            let Line::Refused(told) = answer else { bail!("it answered '{answer}'") };
            must_say(&told, &format!("protocol {protocol}; this machine speaks 3"))?;
        }
        bench.wait_until("the machine says so", || victim.said().contains("protocol 4"))?;
        Ok("refused, with both versions".to_owned())
    })
}
