//! Process: signals and deaths of machines. Whatever dies, what was logged is gone on with.

use std::fs;
use std::ops::RangeInclusive;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::bench::{Bench, FAST};
use crate::row::{Extent, Row, skipped};
use crate::running::Running;
use crate::scene::{Scene, must_say, scalemodel, told, tool};

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "P1",
        extent: Extent::Quick,
        fault: "a machine is interrupted",
        injected: "INT, and TERM in another run",
        must: "it takes its leave, writes its end entry and dies by the signal; its peers say who left",
        act: interrupted,
    },
    Row {
        id: "P2",
        extent: Extent::Quick,
        fault: "a machine is interrupted twice",
        injected: "INT while a peer stands still, and INT again",
        must: "it dies at once",
        act: interrupted_twice,
    },
    Row {
        id: "P3",
        extent: Extent::Quick,
        fault: "a machine crashes and comes back",
        injected: "kill -9 and --resume of each of three machines, one after the other",
        must: "the run holds; each log tells of one restart",
        act: each_crashes,
    },
    Row {
        id: "P4",
        extent: Extent::Quick,
        fault: "all machines crash at one time",
        injected: "kill -9 of all, then --resume of all",
        must: "the run holds",
        act: all_crash,
    },
    Row {
        id: "P5",
        extent: Extent::Quick,
        fault: "a machine crashes again and again",
        injected: "kill -9 and --resume, five times in a row",
        must: "the run holds; the log tells of five restarts",
        act: crash_loop,
    },
    Row {
        id: "P6",
        extent: Extent::Quick,
        fault: "two of three machines crash, and come back in the other order",
        injected: "kill -9 of 1 and 2; --resume of 2, then of 1, which names the common start",
        must: "the run holds",
        act: two_crash,
    },
    Row {
        id: "P7",
        extent: Extent::Full,
        fault: "a machine crashes at every single write of its log",
        injected: "strace: killed before the k-th write of the log, k = 1..=25; then --resume",
        must: "every run holds",
        act: crash_at_every_write,
    },
    Row {
        id: "P8",
        extent: Extent::Full,
        fault: "a machine crashes while it comes back",
        injected: "strace: killed before the k-th write of the log after --resume, k = 1..=8",
        must: "every run holds",
        act: crash_in_recovery,
    },
    Row {
        id: "P9",
        extent: Extent::Quick,
        fault: "a machine crashes before the common start",
        injected: "kill -9 of machine 2 while machine 3 is not there yet; then --resume, then 3",
        must: "the run begins and holds",
        act: crash_before_start,
    },
    Row {
        id: "P10",
        extent: Extent::Quick,
        fault: "a machine crashes after its last tick",
        injected: "kill -9 while it waits for a goodbye; then --resume",
        must: "the run holds",
        act: crash_after_last_tick,
    },
    Row {
        id: "P11",
        extent: Extent::Quick,
        fault: "a machine crashes and never comes back",
        injected: "kill -9",
        must: "the others tick on to their end, then name it: peer-silent; cannot say",
        act: never_back,
    },
    Row {
        id: "P12",
        extent: Extent::Quick,
        fault: "the terminal of a machine closes",
        injected: "HUP, then --resume",
        must: "the run holds",
        act: hang_up,
    },
    Row {
        id: "P13",
        extent: Extent::Quick,
        fault: "a machine stands still, and skips what it missed",
        injected: "STOP for more than --skip-after, then CONT",
        must: "it skips, and says so; nobody is lost; the run holds",
        act: paused,
    },
    Row {
        id: "P14",
        extent: Extent::Full,
        fault: "a machine stands still for longer than a dead connection lasts",
        injected: "STOP for 8 s, then CONT",
        must: "nobody is lost; the run holds",
        act: paused_for_long,
    },
    Row {
        id: "P15",
        extent: Extent::Quick,
        fault: "two copies of one machine",
        injected: "a second start of a running machine: as it is, and with --resume",
        must: "the copy is refused; the run holds",
        act: second_copy,
    },
    Row {
        id: "P16",
        extent: Extent::Quick,
        fault: "a machine stands still, and a copy of it comes back",
        injected: "STOP, --resume of a copy in the same folder, CONT",
        must: "the copy is refused while the first one lives; the run holds",
        act: copy_of_a_paused_one,
    },
    Row {
        id: "P17",
        extent: Extent::Quick,
        fault: "what has ended is started again",
        injected: "a run to its end; then every machine again, with and without --resume",
        must: "refused without --resume; with it all end at once, and the logs tell of a restart",
        act: after_the_end,
    },
    Row {
        id: "P18",
        extent: Extent::Quick,
        fault: "no thread can be started",
        injected: "prlimit --nproc 1 to 3, as a user without rights",
        must: "it ends with a reason, and leaves nobody waiting; nothing panics",
        act: no_threads,
    },
    Row {
        id: "P19",
        extent: Extent::Quick,
        fault: "a machine crashes at the virtual pace",
        injected: "kill -9 of one of three",
        must: "the run ends, and the machine is named; what is logged holds so far: cannot say",
        act: crash_at_the_virtual_pace,
    },
    Row {
        id: "P20",
        extent: Extent::Full,
        fault: "a computer that is busy",
        injected: "two endless loops for each core beside the run",
        must: "ticks are late and say so; the run holds",
        act: busy,
    },
    Row {
        id: "P21",
        extent: Extent::Quick,
        fault: "the trial kills machines, again and again",
        injected: "three kills in the trial file, two at one time; scalemodel inflict",
        must: "at both paces the run holds; the log tells of each kill and restart",
        act: killed_by_the_trial,
    },
    Row {
        id: "P22",
        extent: Extent::Quick,
        fault: "the trial stops machines",
        injected: "a pause in the trial file; scalemodel inflict sends STOP and CONT",
        must: "at both paces the run holds; what was due is skipped",
        act: stopped_by_the_trial,
    },
];

fn killed_by_the_trial(scene: &Scene) -> Result<String> {
    let kill = |at_ms, who| {
        format!("\n[[fault]]\nkind = \"kill\"\nat_ms = {at_ms}\nfor_ms = 1500\nmachine = {who}\n")
    };
    let faults = kill(2000, "1") + &kill(9000, "[1, 2]") + &kill(12_000, "3");
    for (name, options) in PACES {
        let bench = inflicted(scene, name, &faults, options)?;
        let found = [1, 2, 3].map(|machine| restarts(&bench, machine));
        ensure!(found == [2, 1, 1], "the machines came back {found:?} times at the {name} pace");
    }
    Ok("it holds at both paces".to_owned())
}

fn stopped_by_the_trial(scene: &Scene) -> Result<String> {
    let pause = "\n[[fault]]\nkind = \"pause\"\nat_ms = 2000\nfor_ms = 4000\nmachine = 2\n";
    for (name, options) in PACES {
        let bench = inflicted(scene, name, pause, options)?;
        must_say(&bench.log(2), "\n# fault: number=1 kind=pause hits=1 ")?;
        must_say(&bench.log(2), "\n# skipped: ticks=")?;
    }
    Ok("it holds at both paces".to_owned())
}

/// The real pace leaves a machine the time to come back before it is killed again, if the computer is
/// busy, too.
const PACES: [(&str, &[&str]); 2] =
    [("real", &["--speed", "3"]), ("virtual", &["--pace", "virtual"])];

/// Runs a trial with these faults to its end; it must hold.
fn inflicted(scene: &Scene, name: &str, faults: &str, options: &[&str]) -> Result<Bench> {
    let bench = scene.bench(name, 16, &[10, 9, 8])?;
    let trial = fs::read_to_string(bench.trial_file())?;
    fs::write(bench.trial_file(), trial + faults)?;
    let machines = bench.start_all(options)?;
    let pids: Vec<String> = machines.iter().map(|machine| machine.process().to_string()).collect();
    let inflict = ["inflict", "--run", "the-run", "--pids", &pids.join(",")];
    let mut command = scalemodel();
    command.args(inflict).arg("--trial").arg(bench.trial_file());
    command.arg("--logs").arg(&bench.folder).args(options);
    let (code, said) = told(&scene.run(&mut command)?)?;
    ensure!(code == 0, "inflict: {said}");
    for machine in machines {
        let ended = machine.finish()?;
        let is_well = ended.status.success() || ended.died_by(Signal::KILL).is_ok();
        ensure!(is_well, "machine {}: {}: {}", ended.number, ended.status, ended.said);
    }
    bench.must_hold().with_context(|| format!("at the {name} pace"))?;
    Ok(bench)
}

/// A run of three machines that is under way.
fn under_way(scene: &Scene, name: &str, options: &[&str]) -> Result<(Bench, Vec<Running>)> {
    running(scene, name, 3600, options)
}

fn running(
    scene: &Scene,
    name: &str,
    duration_s: u64,
    options: &[&str],
) -> Result<(Bench, Vec<Running>)> {
    let bench = scene.bench(name, duration_s, &[10, 9, 8])?;
    let machines = bench.start_all(&[FAST.as_slice(), options].concat())?;
    bench.wait_for_ticks(3)?;
    Ok((bench, machines))
}

/// Starts a machine again that has crashed.
pub(crate) fn resume(bench: &Bench, machine: usize) -> Result<Running> {
    bench.launch(machine).with(&FAST).with(&["--resume"]).start()
}

/// How often a machine has come back, by its log.
pub(crate) fn restarts(bench: &Bench, machine: usize) -> usize {
    bench.log(machine).lines().filter(|line| line.starts_with("# restart: ")).count()
}

/// All machines must end well, and causality must have held.
pub(crate) fn must_end_well(bench: &Bench, machines: Vec<Running>) -> Result<()> {
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()
}

fn must_have_restarted(bench: &Bench, machine: usize, times: usize) -> Result<()> {
    let found = restarts(bench, machine);
    ensure!(found == times, "machine {machine} came back {found} times, not {times}");
    Ok(())
}

fn interrupted(scene: &Scene) -> Result<String> {
    for (name, signal) in [("int", Signal::INT), ("term", Signal::TERM)] {
        let (bench, mut machines) = under_way(scene, name, &[])?;
        let victim = machines.remove(2);
        victim.signal(signal)?;
        victim.finish()?.died_by(signal)?;
        bench.must_end(3, "interrupted")?;
        for machine in machines {
            machine.fail()?;
        }
        bench.must_end(1, "peer-left:21003")?;
        bench.must_end(2, "peer-left:21003")?;
        bench.must_be_unsure("the machine ended early: interrupted")?;
    }
    Ok("it leaves with an end entry; its peers say who left".to_owned())
}

fn interrupted_twice(scene: &Scene) -> Result<String> {
    let (bench, machines) = under_way(scene, "run", &["--goodbye-limit", "60"])?;
    machines[0].signal(Signal::STOP)?;
    machines[1].signal(Signal::INT)?;
    let mut machines = machines.into_iter();
    let (stopped, twice) = (machines.next(), machines.next());
    let mut twice = twice.context("there are three machines")?;
    bench.wait_until("it takes its leave", || {
        let ticks = bench.ticks(2);
        std::thread::sleep(Duration::from_millis(30));
        ticks == bench.ticks(2)
    })?;
    ensure!(twice.is_running(), "it did not wait for the goodbye of the one that stands still");
    twice.signal(Signal::INT)?;
    twice.finish()?.died_by(Signal::INT)?;
    drop(stopped);
    Ok("it dies at the second signal".to_owned())
}

fn each_crashes(scene: &Scene) -> Result<String> {
    let (bench, mut machines) = running(scene, "run", 60, &[])?;
    for place in 0..3 {
        let number = place + 1;
        let victim = machines.remove(place);
        victim.kill()?;
        machines.insert(place, resume(&bench, number)?);
        bench.wait_until("it comes back", || restarts(&bench, number) == 1)?;
    }
    must_end_well(&bench, machines)?;
    bench.machines().try_for_each(|machine| must_have_restarted(&bench, machine, 1))?;
    Ok("the run holds, with a restart in each log".to_owned())
}

fn all_crash(scene: &Scene) -> Result<String> {
    let (bench, machines) = running(scene, "run", 60, &[])?;
    machines.into_iter().try_for_each(Running::kill)?;
    let machines = bench.machines().map(|machine| resume(&bench, machine));
    must_end_well(&bench, machines.collect::<Result<_>>()?)?;
    bench.machines().try_for_each(|machine| must_have_restarted(&bench, machine, 1))?;
    Ok("the run holds, with a restart in each log".to_owned())
}

fn crash_loop(scene: &Scene) -> Result<String> {
    let (bench, mut machines) = running(scene, "run", 60, &[])?;
    for times in 1..=5 {
        machines.remove(1).kill()?;
        machines.insert(1, resume(&bench, 2)?);
        bench.wait_until("it comes back", || restarts(&bench, 2) == times)?;
    }
    must_end_well(&bench, machines)?;
    must_have_restarted(&bench, 2, 5)?;
    Ok("the run holds, with five restarts".to_owned())
}

fn two_crash(scene: &Scene) -> Result<String> {
    let (bench, mut machines) = running(scene, "run", 60, &[])?;
    machines.remove(0).kill()?;
    machines.remove(0).kill()?;
    for machine in [2, 1] {
        machines.push(resume(&bench, machine)?);
        bench.wait_until("it comes back", || restarts(&bench, machine) == 1)?;
    }
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}

/// Runs machine 2 under strace until it is killed before the k-th write of its log.
fn killed_at_write(bench: &Bench, write: usize, options: &[&str]) -> Result<Running> {
    tool(&["strace", "--version"])?;
    let log = bench.log_file(2).to_string_lossy().into_owned();
    let inject = format!("inject=write:signal=KILL:when={write}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", &log, "-e", &inject];
    bench.launch(2).by(&strace).with(&FAST).with(options).start()
}

/// Waits until strace tells that the machine was killed.
fn must_be_killed(victim: Running) -> Result<()> {
    let ended = victim.finish()?;
    if ended.said.contains("PTRACE") {
        return skipped("strace may not trace here");
    }
    ended.died_by(Signal::KILL)
}

fn crash_at_every_write(scene: &Scene) -> Result<String> {
    const WRITES: RangeInclusive<usize> = 1..=25;
    for write in WRITES {
        let bench = scene.bench(&format!("at-{write}"), 8, &[10, 9, 8])?;
        let peers = [1, 3].map(|machine| bench.launch(machine).with(&FAST).start());
        let mut machines: Vec<Running> = peers.into_iter().collect::<Result<_>>()?;
        must_be_killed(killed_at_write(&bench, write, &[])?)?;
        machines.push(resume(&bench, 2)?);
        must_end_well(&bench, machines).with_context(|| format!("killed at write {write}"))?;
    }
    Ok("25 runs hold".to_owned())
}

fn crash_in_recovery(scene: &Scene) -> Result<String> {
    const WRITES: RangeInclusive<usize> = 1..=8;
    for write in WRITES {
        let (bench, mut machines) = running(scene, &format!("at-{write}"), 20, &[])?;
        machines.remove(1).kill()?;
        must_be_killed(killed_at_write(&bench, write, &["--resume"])?)?;
        machines.push(resume(&bench, 2)?);
        must_end_well(&bench, machines).with_context(|| format!("killed at write {write}"))?;
    }
    Ok("eight runs hold".to_owned())
}

fn crash_before_start(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 20, &[10, 9, 8])?;
    let first = bench.launch(1).with(&FAST).start()?;
    let victim = bench.launch(2).with(&FAST).start()?;
    bench.wait_until("machine 2 has its log", || bench.log(2).contains("# machine 3: "))?;
    victim.kill()?;
    ensure!(!bench.log(2).contains("# start: "), "the run had begun");
    let machines = vec![first, resume(&bench, 2)?, bench.launch(3).with(&FAST).start()?];
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}

fn crash_after_last_tick(scene: &Scene) -> Result<String> {
    let (bench, mut machines) = running(scene, "run", 60, &[])?;
    machines[0].signal(Signal::STOP)?;
    bench.wait_until("machine 2 has made its last tick", || bench.ticks(2) == 540)?;
    let victim = machines.remove(1);
    ensure!(!bench.last_line(2).starts_with("# end: "), "it did not wait for machine 1");
    victim.kill()?;
    machines.push(resume(&bench, 2)?);
    bench.wait_until("it comes back", || restarts(&bench, 2) == 1)?;
    machines[0].signal(Signal::CONT)?;
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}

fn never_back(scene: &Scene) -> Result<String> {
    let (bench, mut machines) = running(scene, "run", 20, &["--goodbye-limit", "3"])?;
    machines.remove(1).kill()?;
    for machine in machines {
        must_say(&machine.fail()?, "21002")?;
    }
    ensure!(bench.ticks(1) == 200 && bench.ticks(3) == 160, "the others did not tick to the end");
    bench.must_end(1, "peer-silent:21002")?;
    bench.must_end(3, "peer-silent:21002")?;
    bench.must_be_unsure("log21002.txt")?;
    Ok("the others end after their last tick, and name it".to_owned())
}

fn hang_up(scene: &Scene) -> Result<String> {
    // Whoever runs the tests may ignore the signal, and machines inherit that.
    let hearing = ["env", "--default-signal=HUP"];
    tool(&[hearing.as_slice(), &["true"]].concat())?;
    let bench = scene.bench("run", 30, &[10, 9, 8])?;
    let start = |machine| bench.launch(machine).by(&hearing).with(&FAST).start();
    let mut machines = bench.machines().map(start).collect::<Result<Vec<_>>>()?;
    bench.wait_for_ticks(3)?;
    let victim = machines.remove(1);
    victim.signal(Signal::HUP)?;
    victim.finish()?.died_by(Signal::HUP)?;
    machines.push(resume(&bench, 2)?);
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}

fn pause(bench: &Bench, victim: &Running, length: Duration) -> Result<()> {
    victim.signal(Signal::STOP)?;
    let begin = Instant::now();
    bench.wait_until("the pause is over", || length < begin.elapsed())?;
    victim.signal(Signal::CONT)
}

fn paused(scene: &Scene) -> Result<String> {
    let (bench, machines) = running(scene, "run", 60, &["--skip-after", "0.3"])?;
    pause(&bench, &machines[1], Duration::from_millis(800))?;
    must_end_well(&bench, machines)?;
    let skips = bench.log(2).lines().filter(|line| line.starts_with("# skipped: ")).count();
    ensure!(0 < skips, "it skipped nothing");
    Ok("it skips and says so; the run holds".to_owned())
}

fn paused_for_long(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 60, &[10, 9, 8])?;
    let options = ["--speed", "5", "--skip-after", "1"];
    let machines = bench.start_all(&options)?;
    bench.wait_for_ticks(3)?;
    pause(&bench, &machines[1], Duration::from_secs(8))?;
    must_end_well(&bench, machines)?;
    must_say(&bench.log(2), "# skipped: ")?;
    Ok("it skips and says so; the run holds".to_owned())
}

fn second_copy(scene: &Scene) -> Result<String> {
    let (bench, machines) = running(scene, "run", 200, &[])?;
    for options in [[].as_slice(), &["--resume"]] {
        let said = bench.launch(2).with(&FAST).with(options).start()?.fail()?;
        must_say(&said, &bench.address(2))?;
    }
    must_end_well(&bench, machines)?;
    must_have_restarted(&bench, 2, 0)?;
    Ok("the copy is refused; the run holds".to_owned())
}

fn copy_of_a_paused_one(scene: &Scene) -> Result<String> {
    let (bench, machines) = running(scene, "run", 200, &[])?;
    machines[1].signal(Signal::STOP)?;
    let said = resume(&bench, 2)?.fail()?;
    must_say(&said, &bench.address(2))?;
    machines[1].signal(Signal::CONT)?;
    must_end_well(&bench, machines)?;
    must_have_restarted(&bench, 2, 0)?;
    Ok("the copy is refused; the run holds".to_owned())
}

fn after_the_end(scene: &Scene) -> Result<String> {
    let (bench, machines) = running(scene, "run", 10, &[])?;
    must_end_well(&bench, machines)?;
    let logs: Vec<String> = bench.machines().map(|machine| bench.log(machine)).collect();
    for machine in bench.machines() {
        let log = format!("log{}.txt", bench.ports[machine - 1]);
        let said = bench.launch(machine).with(&FAST).start()?.fail()?;
        must_say(&said, &log)?;
    }
    let machines = bench.machines().map(|machine| resume(&bench, machine));
    must_end_well(&bench, machines.collect::<Result<_>>()?)?;
    for (machine, before) in bench.machines().zip(&logs) {
        let after = bench.log(machine);
        let more = after.strip_prefix(before.as_str()).context("the log was changed")?;
        ensure!(more.starts_with("# restart: ") && more.lines().count() == 1, "{more}");
    }
    Ok("refused; or ended at once, with a restart in each log".to_owned())
}

fn no_threads(scene: &Scene) -> Result<String> {
    crate::scene::needs_root()?;
    // A user of its own, as the limit is on all threads of a user.
    let user = ["setpriv", "--reuid", "65531", "--regid", "65531", "--clear-groups"];
    tool(&[user.as_slice(), &["true"]].concat())?;
    let bench = scene.bench("run", 10, &[5, 5])?;
    crate::scene::open_to_all(scene, &bench)?;
    for limit in ["--nproc=1", "--nproc=2", "--nproc=3"] {
        let _ = fs::remove_file(bench.log_file(1));
        let wrapper = [user.as_slice(), &["prlimit", limit]].concat();
        let machine = bench.launch(1).by(&wrapper).with(&["--connect-limit", "0.5"]).start()?;
        let said = machine.fail()?;
        must_say(&said, "thread")?;
        must_say(&said, "ulimit -u")?;
    }
    Ok("it ends, and names the limit to raise".to_owned())
}

fn crash_at_the_virtual_pace(scene: &Scene) -> Result<String> {
    let bench = scene.bench("run", 30_000, &[6, 5, 4])?;
    let mut machines = bench.start_all(&["--pace", "virtual", "--goodbye-limit", "2"])?;
    bench.wait_until("the run is under way", || {
        bench
            .machines()
            .all(|machine| fs::metadata(bench.log_file(machine)).is_ok_and(|log| 4000 < log.len()))
    })?;
    machines.remove(1).kill()?;
    for machine in machines {
        must_say(&machine.fail()?, "21002")?;
    }
    bench.must_be_unsure("log21002.txt")?;
    Ok("the run ends, and the machine is named".to_owned())
}

/// Programs that keep a computer busy; they end with the row.
struct Loops(Vec<std::process::Child>);

impl Drop for Loops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn busy(scene: &Scene) -> Result<String> {
    let cores = std::thread::available_parallelism()?.get();
    let endless = || Command::new("sh").args(["-c", "while :; do :; done"]).spawn();
    let _loops = Loops((0..2 * cores).map(|_| endless()).collect::<Result<_, _>>()?);
    let (bench, machines) = running(scene, "run", 60, &[])?;
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}
