//! Disk: where a machine may not write, and where it can write no more.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::process::{must_end_well, resume};
use crate::bench::{Bench, FAST, is_tick};
use crate::row::{Extent, Row, skipped};
use crate::running::Running;
use crate::scene::{Scene, must_say, needs_root, scalemodel, tool};
use crate::stranger::Stranger;

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "D1",
        extent: Extent::Quick,
        fault: "the disk is full in mid-run",
        injected: "the log of one machine on a tmpfs of 16 KiB",
        must: "it ends with path and reason; what was logged stands; no send without an entry",
        act: full_disk,
    },
    Row {
        id: "D2",
        extent: Extent::Quick,
        fault: "no inode is free",
        injected: "a tmpfs of one inode",
        must: "the machine ends at once with path and reason",
        act: no_inodes,
    },
    Row {
        id: "D3",
        extent: Extent::Quick,
        fault: "the folder of the logs may not be written",
        injected: "a read-only mount; an immutable folder; a folder of another user's",
        must: "the machine ends at once with path and reason; there is no log",
        act: read_only,
    },
    Row {
        id: "D4",
        extent: Extent::Quick,
        fault: "the folder of the logs is none",
        injected: "missing, a file, a loop of links",
        must: "the machine ends at once with path and reason",
        act: no_folder,
    },
    Row {
        id: "D5",
        extent: Extent::Quick,
        fault: "something has the name of the log",
        injected: "an earlier log, a folder, a pipe, a link to a file, a link to nothing",
        must: "the machine ends; what was there is not touched, nor what it links to",
        act: name_taken,
    },
    Row {
        id: "D6",
        extent: Extent::Quick,
        fault: "too few file descriptors to begin with",
        injected: "prlimit --nofile 4 to 10",
        must: "the machine ends with a reason, or cannot be started; nothing panics",
        act: few_descriptors,
    },
    Row {
        id: "D7",
        extent: Extent::Quick,
        fault: "too few file descriptors for strangers, in mid-run",
        injected: "prlimit --nofile on the running machine, then strangers",
        must: "it says so, does not spin, and the run holds",
        act: fewer_descriptors,
    },
    Row {
        id: "D8",
        extent: Extent::Quick,
        fault: "the port is taken",
        injected: "another program listens there",
        must: "address, reason and fix are named; there is no log",
        act: port_taken,
    },
    Row {
        id: "D9",
        extent: Extent::Quick,
        fault: "the host is not this computer's",
        injected: "192.0.2.1 in the trial",
        must: "address, reason and fix are named; there is no log",
        act: foreign_host,
    },
    Row {
        id: "D10",
        extent: Extent::Quick,
        fault: "standard output is full, or closed",
        injected: "check with standard output /dev/full, and into a pipe that nobody reads",
        must: "full: exit code 2 with a reason; closed: a normal end",
        act: full_output,
    },
    Row {
        id: "D11",
        extent: Extent::Quick,
        fault: "standard error is full, or closed",
        injected: "machines with standard error /dev/full, closed, and into a pipe that nobody reads",
        must: "the run goes on and holds, while strangers are refused",
        act: full_error,
    },
    Row {
        id: "D12",
        extent: Extent::Full,
        fault: "a write of the log fails",
        injected: "strace: EIO at the k-th write of the log, k = 3, 20, 100",
        must: "the machine ends with path and reason; what was logged stands",
        act: failing_write,
    },
    Row {
        id: "D13",
        extent: Extent::Full,
        fault: "the disk is slow",
        injected: "strace: every write of one machine's log takes 250 ms longer",
        must: "ticks are late and say so; the run holds",
        act: slow_disk,
    },
    Row {
        id: "D14",
        extent: Extent::Full,
        fault: "the host dies between the record and the message",
        injected: "durability = \"host\"; strace: killed at the k-th fdatasync, k = 5, 20, 60",
        must: "every message that was sent is on the disk; --resume goes on, and the run holds",
        act: unsynced_death,
    },
    Row {
        id: "D15",
        extent: Extent::Full,
        fault: "the disk refuses to sync",
        injected: "durability = \"host\"; strace: EIO at the 20th fdatasync",
        must: "the machine ends with path and reason, and sends nothing that is not on the disk",
        act: failing_sync,
    },
];

/// A file system in memory, mounted for one row.
struct Mount(PathBuf);

impl Mount {
    fn new(folder: &Path, options: &str) -> Result<Self> {
        needs_root()?;
        fs::create_dir(folder)?;
        let name = folder.to_string_lossy();
        tool(&["mount", "-t", "tmpfs", "-o", options, "scalemodel-battery", &name])?;
        Ok(Self(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Every whole line of the log must be one that the run wrote: nothing is glued or lost.
fn must_be_whole(log: &str) -> Result<usize> {
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let ticks: Vec<u64> = whole
        .lines()
        .filter(|line| is_tick(line))
        .map(|line| line.split_ascii_whitespace().nth(1)?.parse().ok())
        .collect::<Option<_>>()
        .context("every tick has a number")?;
    ensure!((1..).zip(&ticks).all(|(due, tick)| due == *tick), "the log has a gap");
    Ok(ticks.len())
}

fn full_disk(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 600, &[6, 6, 6])?;
    let folder = scene.folder().join("full");
    let _mount = Mount::new(&folder, "size=16k")?;
    let options = ["--speed", "20", "--goodbye-limit", "1"];
    let secret = bench.folder.join("secret");
    let mut peers =
        vec![bench.launch(1).with(&options).start()?, bench.launch(3).with(&options).start()?];
    share_secret(scene, &secret, &folder)?;
    let victim = bench.launch(2).with(&options).logging_to(&folder).start()?;
    let said = victim.fail()?;
    must_say(&said, "cannot write the log")?;
    must_say(&said, "log21002.txt")?;
    must_say(&said, "No space left on device")?;
    let log = fs::read_to_string(folder.join("log21002.txt"))?;
    ensure!(10 < must_be_whole(&log)?, "the disk was full at once");
    end_all(&mut peers);
    fs::copy(folder.join("log21002.txt"), bench.log_file(2))?;
    bench.must_be_unsure("log21002.txt")?;
    Ok("it ends, and names path and reason; the log stands".to_owned())
}

/// Lets a machine that logs elsewhere find the secret of the run, if the run has one.
fn share_secret(scene: &Scene, secret: &Path, folder: &Path) -> Result<()> {
    let program = scene.run(scalemodel().args(["machine", "--help"]))?;
    if String::from_utf8_lossy(&program.stdout).contains("--secret") {
        scene.wait_until("a machine makes the secret", || secret.exists())?;
        fs::copy(secret, folder.join("secret"))?;
    }
    Ok(())
}

fn end_all(machines: &mut Vec<Running>) {
    machines.clear();
}

fn no_inodes(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let folder = scene.folder().join("full");
    let _mount = Mount::new(&folder, "nr_inodes=1")?;
    let said = bench.launch(1).logging_to(&folder).start()?.fail()?;
    must_say(&said, &folder.to_string_lossy())?;
    must_say(&said, "No space left on device")?;
    Ok("path and reason are named".to_owned())
}

fn read_only(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let mut ways = 0;
    let frozen = scene.folder().join("frozen");
    let mount = Mount::new(&frozen, "ro")?;
    must_refuse_folder(&bench, &frozen, &[], "Read-only file system")?;
    drop(mount);
    ways += 1;
    let immutable = scene.folder().join("immutable");
    fs::create_dir(&immutable)?;
    let name = immutable.to_string_lossy();
    if tool(&["chattr", "+i", &name]).is_ok() {
        let refused = must_refuse_folder(&bench, &immutable, &[], "Operation not permitted");
        tool(&["chattr", "-i", &name])?;
        refused?;
        ways += 1;
    }
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    tool(&[nobody.as_slice(), &["true"]].concat())?;
    fs::set_permissions(scene.folder(), fs::Permissions::from_mode(0o755))?;
    let foreign = scene.folder().join("foreign");
    fs::create_dir(&foreign)?;
    must_refuse_folder(&bench, &foreign, &nobody, "Permission denied")?;
    ways += 1;
    ensure!(2 <= ways, "only {ways} ways could be tried");
    Ok("path and reason are named".to_owned())
}

fn must_refuse_folder(bench: &Bench, folder: &Path, by: &[&str], reason: &str) -> Result<()> {
    let said = bench.launch(1).by(by).logging_to(folder).start()?.fail()?;
    must_say(&said, reason)?;
    must_say(&said, &folder.to_string_lossy())?;
    ensure!(!folder.join("log21001.txt").exists(), "there is a log");
    Ok(())
}

fn no_folder(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let path = |name: &str| scene.folder().join(name);
    fs::write(path("file"), "")?;
    symlink(path("loop"), path("loop"))?;
    for (name, reason) in [
        ("missing", "No such file or directory"),
        ("file", "Not a directory"),
        ("loop", "symbolic link"),
    ] {
        let said = bench.launch(1).logging_to(&path(name)).start()?.fail()?;
        must_say(&said, reason)?;
        must_say(&said, &path(name).to_string_lossy())?;
    }
    Ok("path and reason are named".to_owned())
}

fn name_taken(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let file = bench.log_file(1);
    let precious = bench.folder.join("precious");
    fs::write(&precious, "precious\n")?;
    let refuse = |what: &str| -> Result<()> {
        let said = bench.launch(1).start()?.fail()?;
        must_say(&said, "cannot create the log").with_context(|| what.to_owned())?;
        must_say(&said, "log21001.txt")
    };
    fs::write(&file, "earlier\n")?;
    refuse("an earlier log")?;
    ensure!(fs::read_to_string(&file)? == "earlier\n", "the earlier log was changed");
    fs::remove_file(&file)?;
    fs::create_dir(&file)?;
    refuse("a folder")?;
    fs::remove_dir(&file)?;
    tool(&["mkfifo", &file.to_string_lossy()])?;
    refuse("a pipe")?;
    for target in [precious.clone(), bench.folder.join("nothing")] {
        fs::remove_file(&file)?;
        symlink(&target, &file)?;
        refuse("a link")?;
    }
    ensure!(fs::read_to_string(&precious)? == "precious\n", "what the link names was changed");
    ensure!(!bench.folder.join("nothing").exists(), "what the link names was made");
    Ok("refused; nothing was touched".to_owned())
}

fn few_descriptors(scene: &Scene) -> Result<String> {
    tool(&["prlimit", "--version"])?;
    let bench = scene.bench("run", 10, &[5, 5, 5])?;
    for limit in 4..=10 {
        let _ = fs::remove_file(bench.log_file(1));
        let limit = format!("--nofile={limit}");
        let machine =
            bench.launch(1).by(&["prlimit", &limit]).with(&["--connect-limit", "0.5"]).start()?;
        let ended = machine.finish()?;
        ensure!(!ended.status.success(), "{limit}: it ended well");
        ensure!(!ended.said.trim().is_empty(), "{limit}: it ended without a word");
    }
    Ok("it ends with a reason each time".to_owned())
}

fn fewer_descriptors(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 60, &[5, 3, 6])?;
    let machines = bench.start_all(&FAST)?;
    bench.wait_for_ticks(3)?;
    let victim = &machines[1];
    let process = victim.process().to_string();
    let open = fs::read_dir(format!("/proc/{process}/fd"))?.count();
    let limit = format!("--nofile={open}:");
    tool(&["prlimit", "--pid", &process, &limit])?;
    let strangers: Vec<Stranger> =
        (0..10).map(|_| Stranger::connect(&bench.address(2))).collect::<Result<_>>()?;
    bench.wait_until("it says that it cannot accept", || {
        victim.said().contains("Too many open files")
    })?;
    let (before, began) = (victim.processor_ticks()?, std::time::Instant::now());
    bench.wait_until("a second passes", || Duration::from_secs(1) < began.elapsed())?;
    let busy = victim.processor_ticks()? - before;
    ensure!(busy < 50, "it used {busy} of 100 ticks of the processor");
    ensure!(victim.said().len() < 100_000, "it says so without an end");
    drop(strangers);
    tool(&["prlimit", "--pid", &process, "--nofile=1024:"])?;
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok("it says so and does not spin; the run holds".to_owned())
}

fn port_taken(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let other = TcpListener::bind(bench.address(1))?;
    let said = bench.launch(1).start()?.fail()?;
    must_say(&said, &format!("cannot listen on {}", bench.address(1)))?;
    must_say(&said, "another in the trial")?;
    drop(other);
    ensure!(!bench.log_file(1).exists(), "there is a log");
    Ok("address, reason and fix are named".to_owned())
}

fn foreign_host(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 10, &[5, 5])?;
    let trial = fs::read_to_string(bench.trial_file())?;
    fs::write(bench.trial_file(), trial.replace(&bench.host, "192.0.2.1"))?;
    let said = bench.launch(1).start()?.fail()?;
    must_say(&said, "cannot listen on 192.0.2.1:21001")?;
    must_say(&said, "give a host in the trial that this computer has")?;
    ensure!(!bench.log_file(1).exists(), "there is a log");
    Ok("address, reason and fix are named".to_owned())
}

fn full_output(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 5])?;
    let logs = scene.folder().join("logs");
    scene.run(scalemodel().arg("simulate").arg(bench.trial_file()).arg("--logs").arg(&logs))?;
    for command in ["check", "stats"] {
        let full = fs::File::options().write(true).open("/dev/full")?;
        let mut child = scalemodel();
        let child = child.arg(command).arg(&logs).stdout(full).stderr(Stdio::piped()).spawn()?;
        let (code, text) = crate::scene::told(&child.wait_with_output()?)?;
        ensure!(code == 2, "{command}: exit code {code}: {text}");
        must_say(&text, "standard output")?;
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut child = scalemodel();
        let child = child.arg(command).arg(&logs).stdout(writer).stderr(Stdio::piped()).spawn()?;
        let (code, text) = crate::scene::told(&child.wait_with_output()?)?;
        ensure!(code == 0 && text.is_empty(), "{command}: exit code {code}: {text}");
    }
    Ok("full: exit code 2 with a reason; closed: a normal end".to_owned())
}

fn full_error(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 200, &[5, 3, 6])?;
    let full = fs::File::options().write(true).open("/dev/full")?;
    let (reader, unread) = std::io::pipe()?;
    let (nobody, closed) = std::io::pipe()?;
    drop(nobody);
    let outputs = [Stdio::from(full), Stdio::from(unread), Stdio::from(closed)];
    let mut children = Vec::new();
    for (machine, output) in bench.machines().zip(outputs) {
        let child = bench.launch(machine).with(&FAST).command().stderr(output).spawn()?;
        let said = bench.folder.join(format!("said{machine}"));
        children.push(Running::new(machine, child, said, scene.deadline));
    }
    bench.wait_for_ticks(3)?;
    for machine in bench.machines() {
        for _ in 0..20 {
            crate::stranger::must_be_refused(&bench.address(machine), b"500000\n")?;
        }
    }
    for child in children {
        child.succeed()?;
    }
    drop(reader);
    bench.must_hold()?;
    Ok("the run holds".to_owned())
}

/// Machine 2 under strace, which spoils what it does with its log.
fn under_strace(bench: &Bench, inject: &str, options: &[&str]) -> Result<(Vec<Running>, Running)> {
    tool(&["strace", "--version"])?;
    let log = bench.log_file(2).to_string_lossy().into_owned();
    let inject = format!("inject=write:{inject}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &log, "-e", &inject];
    let victim = bench.launch(2).by(&strace).with(options).start()?;
    let peers = [1, 3].map(|machine| bench.launch(machine).with(options).start());
    Ok((peers.into_iter().collect::<Result<_>>()?, victim))
}

/// A bench whose machines bring every entry to the disk, and machine 2 under strace, which strikes
/// when it does.
fn syncing(scene: &Scene, name: &str, inject: &str) -> Result<(Bench, Vec<Running>, Running)> {
    tool(&["strace", "--version"])?;
    let bench = scene.bench(name, 60, &[6, 6, 6])?;
    let trial = fs::read_to_string(bench.trial_file())?;
    let durable = trial.replacen("seed = 7\n", "seed = 7\ndurability = \"host\"\n", 1);
    fs::write(bench.trial_file(), durable)?;
    let inject = format!("inject=fdatasync:{inject}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
    let victim = bench.launch(2).by(&strace).with(&FAST).start()?;
    let peers = [1, 3].map(|machine| bench.launch(machine).with(&FAST).start());
    Ok((bench, peers.into_iter().collect::<Result<_>>()?, victim))
}

fn unsynced_death(scene: &Scene) -> Result<String> {
    for when in [5, 20, 60] {
        let inject = format!("signal=KILL:when={when}");
        let (bench, mut machines, victim) = syncing(scene, &format!("at-{when}"), &inject)?;
        let ended = victim.finish()?;
        if ended.said.contains("PTRACE") {
            return skipped("strace may not trace here");
        }
        ensure!(!ended.status.success(), "it was not killed: {}", ended.status);
        machines.push(resume(&bench, 2)?);
        must_end_well(&bench, machines)?;
    }
    Ok("the run holds".to_owned())
}

fn failing_sync(scene: &Scene) -> Result<String> {
    let (bench, peers, victim) = syncing(scene, "run", "error=EIO:when=20")?;
    let ended = victim.finish()?;
    if ended.said.contains("PTRACE") {
        return skipped("strace may not trace here");
    }
    must_say(&ended.said, "cannot write the log")?;
    must_say(&ended.said, "Input/output error")?;
    let sent = bench.log(2).lines().filter(|line| line.contains(" send ")).count();
    ensure!(0 < sent, "nothing was sent before");
    drop(peers);
    bench.must_be_unsure("log21002.txt")?;
    Ok("it ends, and names path and reason".to_owned())
}

fn failing_write(scene: &Scene) -> Result<String> {
    for when in [3, 20, 100] {
        let bench = scene.bench(&format!("at-{when}"), 600, &[6, 6, 6])?;
        let options = ["--speed", "20", "--goodbye-limit", "1"];
        let (peers, victim) = under_strace(&bench, &format!("error=EIO:when={when}"), &options)?;
        let ended = victim.finish()?;
        if ended.said.contains("PTRACE") {
            return skipped("strace may not trace here");
        }
        ensure!(ended.status.code() == Some(2), "{}: {}", ended.status, ended.said);
        must_say(&ended.said, "cannot write the log")?;
        must_say(&ended.said, "Input/output error")?;
        must_be_whole(&bench.log(2))?;
        drop(peers);
        bench.must_be_unsure("log21002.txt")?;
    }
    Ok("it ends, and names path and reason; the log stands".to_owned())
}

fn slow_disk(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[5, 3, 6])?;
    let (peers, victim) = under_strace(&bench, "delay_enter=250000", &["--speed", "2"])?;
    let ended = victim.finish()?;
    if ended.said.contains("PTRACE") {
        return skipped("strace may not trace here");
    }
    ensure!(ended.status.success(), "{}: {}", ended.status, ended.said);
    for peer in peers {
        peer.succeed()?;
    }
    bench.must_hold()?;
    let log = bench.log(2);
    let late = log
        .lines()
        .filter(|line| is_tick(line))
        .filter_map(|line| line.split_ascii_whitespace().nth(3)?.parse::<u64>().ok());
    let most = late.max().unwrap_or_default();
    ensure!(100_000 < most, "no tick is late: {most} us at most");
    Ok("ticks are late and say so; the run holds".to_owned())
}
