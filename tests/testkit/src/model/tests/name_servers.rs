//! What name servers know, and when they learn it.

use serde_json::{Value, json};

use super::*;

#[test]
fn by_default_a_change_reaches_every_name_server_at_once() {
    let mut cluster = cluster();
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)));
    assert_eq!(listed(&mut cluster, 1, "b"), Some((6, 4)));
    assert!(!cluster.take_news("a"), "it is spread already");
}

#[test]
fn held_registrations_reach_one_name_server_when_told_to() {
    let mut cluster = ModelCluster::new(2, ["a"]);
    cluster.hold_registrations();
    cluster.set_broker_address("a", address(MASTER));
    cluster.create_topic("T", 4);
    assert_eq!(route(&mut cluster, 0), Value::Null);
    cluster.register_broker("a", 1);
    assert_eq!(route(&mut cluster, 0), Value::Null);
    assert_eq!(listed(&mut cluster, 1, "a"), Some((6, 4)));
}

#[test]
fn news_is_told_once_for_each_change() {
    let mut cluster = cluster();
    cluster.hold_registrations();
    assert!(!cluster.take_news("a"));
    cluster.broker("a").set_queue_count("T", 6);
    assert!(cluster.take_news("a"));
    assert!(!cluster.take_news("a"));
    assert!(!cluster.take_news("b"), "the other broker has not changed");
}

#[test]
fn a_topic_that_a_send_creates_is_news() {
    let mut cluster = ModelCluster::new(1, ["a"]);
    cluster.hold_registrations();
    assert!(cluster.take_news("a"));
    assert_eq!(send(&mut cluster, "a", 0), 0);
    assert!(cluster.take_news("a"));
    assert_eq!(route(&mut cluster, 0), Value::Null);
}

#[test]
fn an_unregistered_broker_is_not_listed_until_it_registers() {
    let mut cluster = cluster();
    cluster.name_server(0).unregister("a");
    assert_eq!(listed(&mut cluster, 0, "a"), None);
    assert_eq!(listed(&mut cluster, 0, "b"), Some((6, 4)));
    assert_eq!(listed(&mut cluster, 1, "a"), Some((6, 4)));
    cluster.register_broker("a", 0);
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)));
}

#[test]
fn a_restarted_name_server_knows_nobody_and_keeps_its_order_configuration() {
    let mut cluster = cluster();
    cluster.name_server(0).set_order_conf("T", "a:4".to_owned());
    cluster.name_server(0).forget_all();
    assert_eq!(route(&mut cluster, 0), Value::Null);
    cluster.register_broker("a", 0);
    assert_eq!(route(&mut cluster, 0)["orderTopicConf"], "a:4");
}

#[test]
fn a_slave_is_listed_beside_its_master_and_without_it() {
    let mut cluster = cluster();
    cluster.set_slave_address("a", address(SLAVE));
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"0": MASTER, "1": SLAVE}));
    cluster.name_server(0).unregister("a");
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"1": SLAVE}));
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)), "its queues stay, writable");
    cluster.register_broker("a", 0);
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"0": MASTER, "1": SLAVE}));
}

#[test]
fn a_broker_is_forgotten_with_its_last_address() {
    let mut cluster = cluster();
    cluster.set_slave_address("a", address(SLAVE));
    cluster.name_server(0).lose_slave("a");
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"0": MASTER}));
    cluster.name_server(0).unregister("a");
    assert_eq!(listed(&mut cluster, 0, "a"), None);
    cluster.name_server(1).unregister("a");
    cluster.name_server(1).lose_slave("a");
    assert_eq!(listed(&mut cluster, 1, "a"), None);
}

#[test]
fn a_slave_acts_for_a_lost_master_without_the_write_permission() {
    let mut cluster = cluster();
    cluster.name_server(0).set_acting_master(true);
    cluster.set_slave_address("a", address(SLAVE));
    cluster.name_server(0).unregister("a");
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"0": SLAVE}));
    assert_eq!(listed(&mut cluster, 0, "a"), Some((4, 4)));
    cluster.register_broker("a", 0);
    assert_eq!(addresses(&mut cluster, 0, "a"), json!({"0": MASTER, "1": SLAVE}));
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)));
}

#[test]
fn a_wiped_permission_is_wiped_at_one_name_server_for_one_broker() {
    let mut cluster = cluster();
    cluster.name_server(0).wipe_write_perm("a");
    assert_eq!(listed(&mut cluster, 0, "a"), Some((4, 4)));
    assert_eq!(listed(&mut cluster, 0, "b"), Some((6, 4)));
    assert_eq!(listed(&mut cluster, 1, "a"), Some((6, 4)));
    assert_eq!(send(&mut cluster, "a", 0), 0, "the broker does not know of it");
    cluster.name_server(0).add_write_perm("a");
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)));
}

#[test]
fn a_wiped_permission_outlives_registrations_that_repeat_themselves() {
    let mut cluster = cluster();
    cluster.name_server(0).wipe_write_perm("a");
    cluster.register_broker("a", 0);
    assert_eq!(listed(&mut cluster, 0, "a"), Some((4, 4)));
    cluster.broker("a").set_queue_count("T", 5);
    cluster.register_broker("a", 0);
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 5)));
}

#[test]
fn a_wiped_permission_is_restored_by_whatever_makes_a_broker_new_to_the_name_server() {
    let anew: [fn(&mut ModelCluster); 4] = [
        |cluster| cluster.name_server(0).unregister("a"),
        |cluster| cluster.name_server(0).forget_all(),
        |cluster| cluster.restart_broker("a", None),
        |cluster| cluster.set_broker_address("a", address("127.0.0.1:1")),
    ];
    for (case, make_new) in anew.into_iter().enumerate() {
        let mut cluster = cluster();
        cluster.name_server(0).wipe_write_perm("a");
        make_new(&mut cluster);
        cluster.register_broker("a", 0);
        assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)), "case {case}");
    }
}

#[test]
fn a_frozen_name_server_neither_learns_nor_forgets() {
    let mut cluster = cluster();
    cluster.set_slave_address("b", address(SLAVE));
    cluster.name_server(0).set_frozen(true);
    cluster.create_topic("T", 8);
    cluster.name_server(0).unregister("a");
    cluster.name_server(0).lose_slave("b");
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 4)));
    assert_eq!(addresses(&mut cluster, 0, "b")["1"], SLAVE);
    assert_eq!(listed(&mut cluster, 1, "a"), Some((6, 8)), "the other one is ahead");
    cluster.name_server(0).set_frozen(false);
    cluster.register_broker("a", 0);
    assert_eq!(listed(&mut cluster, 0, "a"), Some((6, 8)));
}

#[test]
fn an_order_configuration_is_in_the_route_until_it_is_removed() {
    let mut cluster = cluster();
    assert_eq!(route(&mut cluster, 0).get("orderTopicConf"), None);
    cluster.name_server(0).set_order_conf("T", "a:2;b:4".to_owned());
    assert_eq!(route(&mut cluster, 0)["orderTopicConf"], "a:2;b:4");
    assert_eq!(route(&mut cluster, 1).get("orderTopicConf"), None);
    cluster.name_server(0).set_order_conf("T", None);
    assert_eq!(route(&mut cluster, 0).get("orderTopicConf"), None);
}

#[test]
fn old_clients_get_the_ids_of_masters_and_slaves_without_quotes() {
    let mut cluster = cluster();
    cluster.set_slave_address("a", address(SLAVE));
    let old = request(105, 400, [("topic", "T")], "");
    let answer = ask(&mut cluster, &Node::NameServer(0), &old);
    let both = format!("{{0:\"{MASTER}\",1:\"{SLAVE}\"}}");
    assert!(String::from_utf8_lossy(&answer.body).contains(&both), "{:?}", answer.body);
    cluster.name_server(0).unregister("a");
    let answer = ask(&mut cluster, &Node::NameServer(0), &old);
    let slave = format!("{{1:\"{SLAVE}\"}}");
    assert!(String::from_utf8_lossy(&answer.body).contains(&slave), "{:?}", answer.body);
}
