//! How faults show, alone and together.

use super::*;
use crate::model::{FLOW_CONTROL_REMARKS, Fault, RESPONSE_CODES, STORED_CODES};

fn after_acting(code: i32, times: u32) -> Fault {
    Fault::AnswerAfterActing { code, remark: "hidden".to_owned(), times }
}

fn refusing(code: i32) -> Fault {
    Fault::Answer { code, remark: String::new(), times: 1 }
}

#[test]
fn every_code_can_be_answered_without_and_after_acting() {
    for &code in RESPONSE_CODES.iter().chain(&[7777, -1]) {
        let mut cluster = cluster();
        cluster.set_fault(broker_a(), refusing(code));
        assert_eq!(send(&mut cluster, "a", 0), code);
        assert_eq!(cluster.stored("T"), [], "code {code}");
        cluster.set_fault(broker_a(), after_acting(code, 1));
        let answer = ask(&mut cluster, &broker_a(), &message(0)).header;
        assert_eq!((answer.code, answer.remark.as_deref()), (code, Some("hidden")));
        let place = answer.ext.get("queueOffset");
        assert_eq!(place.is_some(), STORED_CODES.contains(&code), "code {code}");
        assert_eq!(cluster.stored("T").len(), 1, "code {code}");
        assert_eq!(send(&mut cluster, "a", 0), 0, "it is used up");
    }
}

#[test]
fn a_send_that_the_broker_refuses_itself_is_not_answered_as_acted_on() {
    let mut cluster = cluster();
    cluster.set_fault(broker_a(), after_acting(10, 1));
    assert_eq!(send(&mut cluster, "a", 4), 29);
    assert_eq!(send(&mut cluster, "a", 0), 10);
}

#[test]
fn a_server_that_goes_away_says_so_to_all_requests_of_clients_that_know_it() {
    let mut cluster = cluster();
    cluster.set_fault(broker_a(), Fault::GoAway);
    cluster.set_fault(Node::NameServer(0), Fault::GoAway);
    for (node, code) in [(broker_a(), 34), (broker_a(), 310), (Node::NameServer(0), 105)] {
        let answer = ask(&mut cluster, &node, &request(code, 476, [], "")).header;
        assert_eq!((answer.code, answer.remark.as_deref()), (1500, Some("please go away")));
    }
    assert_eq!(send(&mut cluster, "a", 0), 1500);
    let mut old = message(0);
    old.header.version = 475;
    assert_eq!(ask(&mut cluster, &broker_a(), &old).header.code, 0);
    assert_eq!(cluster.stored("T").len(), 1);
}

#[test]
fn one_way_requests_are_never_answered_and_use_no_fault_up_that_changes_answers() {
    let mut cluster = cluster();
    let mut one_way = message(0);
    one_way.header.flag = 2;
    cluster.set_fault(broker_a(), after_acting(2, 1));
    cluster.add_fault(broker_a(), Fault::SwallowSends(1));
    assert_eq!(handle(&mut cluster, &broker_a(), &one_way), []);
    assert_eq!(cluster.stored("T").len(), 1);
    assert_eq!(handle(&mut cluster, &broker_a(), &message(0)), []);
    assert_eq!(send(&mut cluster, "a", 0), 0);
    cluster.set_fault(broker_a(), Fault::GoAway);
    assert_eq!(handle(&mut cluster, &broker_a(), &one_way), []);
}

#[test]
fn faults_that_refuse_are_used_up_one_after_the_other() {
    let mut cluster = cluster();
    for code in [2, 14, 16] {
        cluster.add_fault(broker_a(), refusing(code));
    }
    let answers = [0; 4].map(|queue| send(&mut cluster, "a", queue));
    assert_eq!(answers, [2, 14, 16, 0]);
}

#[test]
fn faults_that_change_answers_are_given_what_the_one_before_has_left() {
    let mut cluster = cluster();
    cluster.add_fault(broker_a(), Fault::RepeatReplies);
    cluster.add_fault(broker_a(), Fault::CloseInsteadOfReply(2));
    for _ in 0..2 {
        let outputs = handle(&mut cluster, &broker_a(), &message(0));
        assert_eq!(outputs, [Output::Close(CONNECTION)], "three answers count as one");
    }
    assert_eq!(handle(&mut cluster, &broker_a(), &message(0)).len(), 3);
    cluster.set_fault(broker_a(), Fault::Speak(Bytes::from_static(b"\0\0\0\x05\x01")));
    cluster.add_fault(broker_a(), Fault::RepeatReplies);
    assert_eq!(handle(&mut cluster, &broker_a(), &message(0)).len(), 3, "short bytes are repeated");
}

#[test]
fn setting_a_fault_replaces_all_and_clearing_lifts_all() {
    let mut cluster = cluster();
    cluster.add_fault(broker_a(), Fault::Hang);
    cluster.add_fault(broker_a(), refusing(2));
    cluster.set_fault(broker_a(), refusing(14));
    assert_eq!(send(&mut cluster, "a", 0), 14);
    cluster.add_fault(broker_a(), Fault::Hang);
    assert_eq!(handle(&mut cluster, &broker_a(), &message(0)), []);
    cluster.clear_faults(&broker_a());
    assert_eq!(send(&mut cluster, "a", 0), 0);
    cluster.add_fault(broker_a(), Fault::Hang);
    cluster.set_fault(broker_a(), None);
    assert_eq!(send(&mut cluster, "a", 0), 0);
}

#[test]
fn the_tables_name_each_thing_once() {
    assert!(RESPONSE_CODES.is_sorted_by(|one, next| one < next));
    assert!(STORED_CODES.iter().all(|code| RESPONSE_CODES.contains(code)));
    let first_words = FLOW_CONTROL_REMARKS.map(|remark| remark.split_once(']').unwrap().0);
    let distinct = std::collections::BTreeSet::from(first_words);
    assert_eq!(distinct.len(), FLOW_CONTROL_REMARKS.len());
}
