//! How long bodies may be, and how they are compressed.

use rocketmq_producer::ProducerConfig;
use rocketmq_producer_testkit::{StoredMessage, sim::TOPIC};

use super::table::{Row, Setting, row};

/// Compressed, and how.
const ZLIB: i32 = 0x301;
const ZSTD: i32 = 0x201;

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("max_message_size", a_kilobyte_is_taken, [("1023", false), ("1024", true)]),
        row("compress_msg_body_over_howmuch", compressed, [("1024", true), ("1025", false)]),
        row("compress_type", compressed_how, [("zlib", ZLIB), ("zstd", ZSTD)]),
        // Zlib writes the class of its level down.
        row("compress_level", second_byte, [("1", 0x01), ("9", 0xda)]),
    ]
}

fn a_kilobyte_is_taken(setting: Setting) -> bool {
    let (mut world, producer) = setting.in_world();
    let send = world.send_with(producer, TOPIC, 1024, |message| message);
    world.answer(send).is_ok()
}

/// A body of a kilobyte, as brokers store it.
fn stored(setting: Setting, others: fn(ProducerConfig) -> ProducerConfig) -> StoredMessage {
    let (mut world, producer) = setting.in_world_with(others);
    let send = world.send_with(producer, "bodies", 1024, |message| message);
    let _ = world.answer(send).expect("all is well");
    world.cluster().stored("bodies").pop().expect("it is stored")
}

fn compressed(setting: Setting) -> bool {
    stored(setting, |config| config).sys_flag & 1 == 1
}

fn compressed_how(setting: Setting) -> i32 {
    stored(setting, |config| config.with_compress_msg_body_over_howmuch(1)).sys_flag & 0x701
}

fn second_byte(setting: Setting) -> u8 {
    stored(setting, |config| config.with_compress_msg_body_over_howmuch(1)).body[1]
}

#[test]
fn what_becomes_of_bodies_has_an_effect() {
    super::table::show(rows());
}
