//! What a server is run with: its folder, its configuration file, its command line.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::LaunchError;
use super::process::Process;
use super::spawner;

/// The cluster every broker belongs to.
const CLUSTER_NAME: &str = "DefaultCluster";

/// RocketMQ 4.x does not start without a logback file of this name; it is told to print what an
/// error report wants to show, and no more.
pub(super) const LOGBACK: &str = r#"<configuration>
  <appender name="stdout" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5p %c{1} - %m%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="stdout"/></root>
</configuration>
"#;

/// Environment variables that would change what servers and clients do behind the test's back.
const FOREIGN_VARIABLES: [&str; 4] =
    ["NAMESRV_ADDR", "ROCKETMQ_SERIALIZE_TYPE", "ROCKETMQ_ZONE", "ROCKETMQ_ZONE_MODE"];

/// Keys and values; a later one of the same key wins, as in a Java properties file.
pub(super) type Properties = Vec<(String, String)>;

/// All that is needed to start a server, and to start it again on the same files.
#[derive(Debug)]
pub(super) struct Server {
    name: String,
    home: PathBuf,
    main_class: &'static str,
    memory: &'static [&'static str],
    jars: PathBuf,
    system_properties: Properties,
}

impl Server {
    /// A name server on `addr` with its files in `home`.
    pub(super) fn namesrv(
        home: PathBuf,
        addr: SocketAddr,
        jars: &Path,
        extra: &Properties,
        system_properties: &Properties,
    ) -> Result<Server, LaunchError> {
        let own = |file: &str| home.join(file).display().to_string();
        let properties = [
            ("listenPort", addr.port().to_string()),
            ("bindAddress", addr.ip().to_string()),
            ("kvConfigPath", own("kvConfig.json")),
            ("configStorePath", own("namesrv.properties")),
        ];
        let server = Server {
            name: "namesrv".to_owned(),
            main_class: "org.apache.rocketmq.namesrv.NamesrvStartup",
            memory: &["-Xms64m", "-Xmx256m"],
            jars: jars.to_owned(),
            system_properties: system_properties.clone(),
            home,
        };
        server.write_files(&properties, extra)?;
        Ok(server)
    }

    /// The broker `name` on `addr`, known to the name server at `namesrv`, with its files in
    /// `home`.
    pub(super) fn broker(
        name: &str,
        home: PathBuf,
        addr: SocketAddr,
        namesrv: SocketAddr,
        jars: &Path,
        extra: &Properties,
        system_properties: &Properties,
    ) -> Result<Server, LaunchError> {
        let properties = broker_properties(name, &home, addr, namesrv);
        let server = Server {
            name: name.to_owned(),
            main_class: "org.apache.rocketmq.broker.BrokerStartup",
            // Direct memory: 64 MiB of shared buffers, 39 MB of timer wheel, the rest for traffic.
            memory: &["-Xms256m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m"],
            jars: jars.to_owned(),
            system_properties: system_properties.clone(),
            home,
        };
        server.write_files(&properties, extra)?;
        Ok(server)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn start(&self) -> Result<Process, LaunchError> {
        Process::spawn(self.command(), &self.home.join("stdout.log"))
    }

    fn write_files(
        &self,
        properties: &[(&str, String)],
        extra: &Properties,
    ) -> Result<(), LaunchError> {
        for folder in [self.home.join("conf"), self.home.join("tmp")] {
            fs::create_dir_all(&folder).map_err(LaunchError::io("create the folder", &folder))?;
        }
        let mut text = String::new();
        let own = properties.iter().map(|(key, value)| (*key, value.as_str()));
        let added = extra.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in own.chain(added) {
            writeln!(text, "{key}={value}").expect("writing to a String cannot fail");
        }
        let logback = |server| self.home.join(format!("conf/logback_{server}.xml"));
        for (path, text) in [
            (self.conf_path(), text.as_str()),
            (logback("namesrv"), LOGBACK),
            (logback("broker"), LOGBACK),
        ] {
            fs::write(&path, text).map_err(LaunchError::io("write", &path))?;
        }
        Ok(())
    }

    fn conf_path(&self) -> PathBuf {
        self.home.join("conf/server.conf")
    }

    fn command(&self) -> Command {
        let mut command = spawner::command(java());
        command
            .args(self.memory)
            .args(["-XX:+UseSerialGC", "-XX:-UsePerfData"])
            // 4.x reaches into java.nio to unmap files, which Java 17 forbids unless told. Java 8
            // does not know the option and is told to overlook it.
            .args([
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                // The same when a broker comes back and drops what it had not finished.
                "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
                "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
            ])
            // Logs, default paths and unpacked native libraries stay in the folder.
            .arg(format!("-Duser.home={}", self.home.display()))
            .arg(format!("-Djava.io.tmpdir={}", self.home.join("tmp").display()))
            // A broker refuses everything when nine tenths of the disk are used, by whomever. 5.x
            // takes no more than that for an answer.
            .arg("-Drocketmq.broker.diskSpaceWarningLevelRatio=0.98")
            .arg("-Drocketmq.broker.diskSpaceCleanForciblyRatio=0.97")
            .args(self.system_properties.iter().map(|(key, value)| format!("-D{key}={value}")))
            .arg("-cp")
            .arg(self.jars.join("*"))
            .arg(self.main_class)
            .arg("-c")
            .arg(self.conf_path())
            .env("ROCKETMQ_HOME", &self.home)
            .current_dir(&self.home);
        remove_foreign_variables(&mut command);
        command
    }
}

/// Small files and short periods, so that several brokers fit on a small machine.
fn broker_properties(
    name: &str,
    home: &Path,
    addr: SocketAddr,
    namesrv: SocketAddr,
) -> Vec<(&'static str, String)> {
    let store = home.join("store");
    vec![
        ("brokerClusterName", CLUSTER_NAME.to_owned()),
        ("brokerName", name.to_owned()),
        ("brokerId", "0".to_owned()),
        // Clients find this address in routes and message ids.
        ("brokerIP1", addr.ip().to_string()),
        ("brokerIP2", addr.ip().to_string()),
        ("bindAddress", addr.ip().to_string()),
        ("listenPort", addr.port().to_string()),
        ("namesrvAddr", namesrv.to_string()),
        ("registerNameServerPeriod", "10000".to_owned()),
        ("storePathRootDir", store.display().to_string()),
        ("storePathCommitLog", store.join("commitlog").display().to_string()),
        ("mappedFileSizeCommitLog", "67108864".to_owned()),
        ("mappedFileSizeConsumeQueue", "200000".to_owned()),
        ("mappedFileSizeTimerLog", "1048576".to_owned()),
        ("maxHashSlotNum", "10000".to_owned()),
        ("maxIndexNum", "40000".to_owned()),
        // The highest the broker accepts. Above 90 % it refuses every message all the same.
        ("diskMaxUsedSpaceRatio", "95".to_owned()),
        ("diskSpaceWarningLevelRatio", "90".to_owned()),
        ("traceTopicEnable", "true".to_owned()),
    ]
}

/// Fails unless Java can be run, which the servers' own failure would tell less clearly.
pub(super) fn check_java() -> Result<(), LaunchError> {
    let program = java();
    Command::new(&program)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .map(|_| ())
        .map_err(|source| LaunchError::JavaMissing { program, source })
}

pub(super) fn remove_foreign_variables(command: &mut Command) {
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
}

/// The program that `check_java` has tried.
pub(super) fn java() -> String {
    match std::env::var("JAVA_HOME") {
        Ok(home) if !home.is_empty() => format!("{home}/bin/java"),
        _ => "java".to_owned(),
    }
}
