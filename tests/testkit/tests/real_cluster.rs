//! The launcher of real clusters: what it starts answers, and nothing of it is left behind.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rocketmq_producer_testkit::real::{LaunchError, Progress, RealCluster, Version};

#[test]
#[ignore = "needs a real cluster"]
fn version_5_5_0_starts_and_answers() {
    starts_and_answers(Version::V5_5_0, 513);
}

#[test]
#[ignore = "needs a real cluster"]
fn version_4_9_5_starts_and_answers() {
    starts_and_answers(Version::V4_9_5, 403);
}

fn starts_and_answers(version: Version, header_version: u32) {
    let cluster = RealCluster::start(version).expect("a cluster");
    assert_eq!(cluster.version(), version);

    let broker = cluster.broker_addr("broker-a").expect("the only broker");
    let answer = route_of_template_topic(&cluster);
    assert!(answer.contains("\"code\":0"), "{answer}");
    assert!(answer.contains(&format!("\"version\":{header_version}")), "{answer}");
    assert!(answer.contains(&format!("{{\"0\":\"{broker}\"}}")), "{answer}");
    assert_eq!(cluster.broker_addr("broker-b"), None);
}

#[test]
#[ignore = "needs a real cluster"]
fn several_clusters_and_brokers_run_at_once() {
    let starts = Version::ALL.map(|version| {
        thread::spawn(move || RealCluster::builder(version).brokers(2).start().expect("a cluster"))
    });
    let clusters = starts.map(|start| start.join().expect("no panic"));

    for cluster in &clusters {
        assert_eq!(cluster.broker_names().collect::<Vec<_>>(), ["broker-a", "broker-b"]);
        let answer = route_of_template_topic(cluster);
        for name in cluster.broker_names() {
            let addr = cluster.broker_addr(name).expect("a broker of the cluster");
            assert!(answer.contains(&format!("{{\"0\":\"{addr}\"}}")), "{answer}");
        }
        assert_eq!(answer.matches("brokerAddrs").count(), 2, "{answer}");
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn properties_reach_the_servers() {
    let cluster = RealCluster::builder(Version::V5_5_0)
        .broker_property("defaultTopicQueueNums", "3")
        .system_property("rocketmq.serialize.type", "ROCKETMQ")
        .start()
        .expect("a cluster whose servers answer in binary");
    let answer = route_of_template_topic(&cluster);
    assert!(!answer.contains("\"code\":"), "the header is not JSON: {answer}");
    assert!(answer.contains("\"writeQueueNums\":3"), "{answer}");
}

#[test]
#[ignore = "needs a real cluster"]
fn a_killed_broker_leaves_the_route_and_comes_back() {
    for version in Version::ALL {
        let mut cluster = RealCluster::builder(version).brokers(2).start().expect("a cluster");
        let victim = cluster.broker_addr("broker-b").expect("the second broker");
        let before = cluster.pids();

        cluster.kill_broker("broker-b").expect("a known broker");
        assert!(TcpStream::connect(victim).is_err(), "{victim} still listens");
        assert!(!is_running(before[2]));
        assert_eq!(cluster.pids(), before[..2]);
        eventually("the route forgets the broker", || {
            !route_of_template_topic(&cluster).contains(&format!("\"{victim}\""))
        });
        cluster.check().expect("a broker killed on request is no failure");

        cluster.restart_broker("broker-b").expect("the broker comes back");
        assert_eq!(cluster.broker_addr("broker-b"), Some(victim));
        assert!(route_of_template_topic(&cluster).contains(&format!("\"{victim}\"")));
        let unknown = cluster.kill_broker("broker-c").expect_err("there is no third broker");
        assert!(matches!(unknown, LaunchError::UnknownBroker(name) if name == "broker-c"));
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn properties_of_one_broker_change_while_it_runs() {
    for version in Version::ALL {
        let mut cluster = RealCluster::builder(version).brokers(2).start().expect("a cluster");
        cluster
            .configure_broker("broker-b", "transientStorePoolEnable=true")
            .expect("the broker takes it");
        for (name, busy) in [("broker-a", false), ("broker-b", true)] {
            let broker = cluster.broker_addr(name).expect("a broker of the cluster");
            let answer = ask(broker, GET_BROKER_CONFIG);
            assert!(answer.contains(&format!("transientStorePoolEnable={busy}")), "{answer}");
        }
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_broker_that_leaves_gracefully_says_go_away_first() {
    let builder = RealCluster::builder(Version::V5_5_0).brokers(2);
    let builder = builder.graceful_shutdown(Duration::from_secs(4));
    let mut cluster = builder.start().expect("a cluster");
    let leaving = cluster.broker_addr("broker-b").expect("the second broker");

    cluster.stop_broker("broker-b").expect("a known broker");
    let told = || ask(leaving, GET_BROKER_CONFIG).contains("\"code\":1500");
    eventually("it says so", told);
    eventually("it listens no more", || TcpStream::connect(leaving).is_err());
    cluster.check().expect("a broker stopped on request is no failure");
    cluster.restart_broker("broker-b").expect("the broker comes back");
    assert!(!told(), "it serves again");
}

#[test]
#[ignore = "needs a real cluster"]
fn dropping_ends_every_process_and_removes_the_folder() {
    for version in Version::ALL {
        let cluster = RealCluster::start(version).expect("a cluster");
        let (pids, home) = (cluster.pids(), cluster.home().to_owned());
        assert_eq!(pids.len(), 2);
        assert!(home.is_dir() && pids.iter().copied().all(is_running));

        drop(cluster);
        assert_nothing_left(&pids, &home);
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_panic_ends_every_process_and_removes_the_folder() {
    for version in Version::ALL {
        let cluster = RealCluster::start(version).expect("a cluster");
        let (pids, home) = (cluster.pids(), cluster.home().to_owned());

        let test = thread::spawn(move || panic!("as a failing test does, holding {cluster:?}"));
        test.join().expect_err("the thread panics");
        assert_nothing_left(&pids, &home);
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_cluster_outlives_the_thread_that_started_it() {
    let start = thread::spawn(|| RealCluster::start(Version::V5_5_0).expect("a cluster"));
    let mut cluster = start.join().expect("no panic");
    thread::sleep(Duration::from_secs(1));
    cluster.check().expect("every server runs");
}

#[test]
#[ignore = "needs a real cluster"]
fn a_server_that_cannot_start_is_named_with_its_last_words() {
    for version in Version::ALL {
        let error = RealCluster::builder(version)
            .namesrv_property("listenPort", "70000")
            .start()
            .expect_err("there is no such port");
        let LaunchError::Exited { who, log, .. } = &error else { panic!("{error}") };
        assert_eq!(who, "namesrv");
        assert!(log.contains("port out of range:70000"), "{error}");
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_taken_port_is_recognised_and_other_ports_are_tried() {
    for version in Version::ALL {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let taken = listener.local_addr().expect("its address").port().to_string();
        let (steps, seen) = channel();
        let error = RealCluster::builder(version)
            .namesrv_property("listenPort", &taken)
            .on_progress(move |step| drop(steps.send(step.clone())))
            .start()
            .expect_err("the port is taken at every attempt");

        assert!(
            matches!(&error, LaunchError::PortTaken { who, .. } if who == "namesrv"),
            "{error}"
        );
        let restarts = seen.iter().filter(|step| matches!(step, Progress::PortTaken { .. }));
        assert_eq!(restarts.count(), 4);
    }
}

#[test]
#[ignore = "needs a real cluster"]
fn a_server_that_takes_too_long_is_named_with_what_is_missing() {
    let error = RealCluster::builder(Version::V4_9_5)
        .ready_within(Duration::ZERO)
        .start()
        .expect_err("no Java process is ready at once");
    let LaunchError::NotReady { who, missing, .. } = &error else { panic!("{error}") };
    assert_eq!((who.as_str(), missing.as_str()), ("namesrv", "it has not said `boot success`"));
}

#[test]
#[ignore = "needs a real cluster"]
fn a_server_that_dies_is_noticed() {
    let mut cluster = RealCluster::start(Version::V4_9_5).expect("a cluster");
    cluster.check().expect("both servers run");
    let broker = cluster.pids()[1];
    assert!(shell(&format!("kill -KILL {broker}")));
    eventually(
        "the broker's end is noticed",
        || matches!(cluster.check(), Err(LaunchError::Exited { who, .. }) if who == "broker-a"),
    );
}

/// A process that is killed cannot clean up, but its servers must not stay.
#[test]
#[ignore = "needs a real cluster"]
#[cfg(target_os = "linux")]
fn killing_the_launching_process_ends_the_servers() {
    if !shell("setpriv --pdeathsig KILL -- true") {
        return;
    }
    let leftovers = tempfile::tempdir().expect("a folder for what a killed process leaves");
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_cluster"))
        .args(["4.9.5", "--brokers", "2"])
        .env("TMPDIR", leftovers.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the launcher");
    let mut line = [0; "export NAMESRV_ADDR=127.0.0.1:".len()];
    launcher.stdout.take().expect("a pipe").read_exact(&mut line).expect("the address");
    let children = format!("/proc/{0}/task", launcher.id());
    let servers = pids_of_children(Path::new(&children));
    assert_eq!(servers.len(), 3, "{servers:?}");

    launcher.kill().expect("a running process");
    launcher.wait().expect("its end");
    eventually("the servers end", || !servers.iter().copied().any(is_running));
}

/// SIGTERM, as service managers and CI send it.
#[test]
#[ignore = "needs a real cluster"]
fn the_cluster_program_prints_the_address_and_stops_when_asked() {
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_cluster"))
        .arg("5.5.0")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the launcher");
    let prefix = "export NAMESRV_ADDR=127.0.0.1:";
    let mut line = vec![0; prefix.len()];
    launcher.stdout.as_mut().expect("a pipe").read_exact(&mut line).expect("the address");
    assert_eq!(line, prefix.as_bytes());

    assert!(shell(&format!("kill -TERM {}", launcher.id())));
    let output = launcher.wait_with_output().expect("its end");
    let steps = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{steps}");
    assert!(steps.contains("starting broker-a on") && steps.contains("ready in"), "{steps}");
    assert!(steps.ends_with("stopping\n"), "{steps}");
}

const GET_BROKER_CONFIG: &str =
    r#"{"code":26,"extFields":{},"flag":0,"language":"RUST","opaque":9,"version":479}"#;
const GET_ROUTE_OF_TEMPLATE_TOPIC: &str = r#"{"code":105,"extFields":{"topic":"TBW102"},"flag":0,"language":"RUST","opaque":9,"version":479}"#;

fn route_of_template_topic(cluster: &RealCluster) -> String {
    let name_server = cluster.namesrv_addr().parse().expect("an address and a port");
    ask(name_server, GET_ROUTE_OF_TEMPLATE_TOPIC)
}

/// A server's whole answer to a request of this header, header and body, as text.
fn ask(addr: SocketAddr, header: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("a listening server");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a positive time");
    stream.write_all(&(header.len() as u32 + 4).to_be_bytes()).expect("an open connection");
    stream.write_all(&(header.len() as u32).to_be_bytes()).expect("an open connection");
    stream.write_all(header.as_bytes()).expect("an open connection");

    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).expect("the whole answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn assert_nothing_left(pids: &[u32], home: &Path) {
    for pid in pids {
        assert!(!is_running(*pid), "process {pid} is still there");
    }
    assert!(!home.exists(), "{} is still there", home.display());
}

fn is_running(pid: u32) -> bool {
    shell(&format!("kill -0 {pid}"))
}

fn shell(command: &str) -> bool {
    let shell = Command::new("sh").args(["-c", command]).stderr(Stdio::null()).status();
    shell.expect("a shell").success()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "in 20 s it did not happen that {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(target_os = "linux")]
fn pids_of_children(tasks: &Path) -> Vec<u32> {
    let tasks = std::fs::read_dir(tasks).expect("a running process");
    let lists = tasks.filter_map(|task| {
        std::fs::read_to_string(task.expect("a thread").path().join("children")).ok()
    });
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect::<Vec<u32>>()
        })
        .collect()
}
