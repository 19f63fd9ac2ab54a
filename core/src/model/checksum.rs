//! The checksum that RocketMQ uses: CRC-32 without its highest bit.

/// The reversed polynomial of CRC-32 (IEEE 802.3).
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// Bytes that are looked up at one time: one after the other, each would wait for the one before.
const AT_ONCE: usize = 8;

/// What eight steps of the division make of each byte, and of one that so many bytes follow.
const TABLES: [[u32; 256]; AT_ONCE] = tables();

#[expect(clippy::indexing_slicing, reason = "the loops end where the tables do")]
const fn tables() -> [[u32; 256]; AT_ONCE] {
    let mut tables = [[0; 256]; AT_ONCE];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut table = 0;
        while table < AT_ONCE {
            let mut bit = 0;
            while bit < 8 {
                rest = if rest & 1 == 1 { rest >> 1 ^ POLYNOMIAL } else { rest >> 1 };
                bit += 1;
            }
            tables[table][byte] = rest;
            table += 1;
        }
        byte += 1;
    }
    tables
}

fn look_up(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// The checksum of a body: CRC-32 & 0x7FFFFFFF, as `UtilAll.crc32` of Apache RocketMQ. What brokers
/// store beside a message is that of the body as it was sent, so of the compressed one where it was.
pub fn body_crc(body: &[u8]) -> i32 {
    let (chunks, rest) = body.as_chunks::<AT_ONCE>();
    let of_chunk = |crc: u32, chunk: &[u8; AT_ONCE]| {
        // All that came before bears on the first bytes, which have the most behind them.
        let bytes = (u64::from_le_bytes(*chunk) ^ u64::from(crc)).to_le_bytes();
        let looked_up = bytes.into_iter().zip(TABLES.iter().rev());
        looked_up.fold(0, |crc, (byte, table)| crc ^ look_up(table, byte))
    };
    let [table, ..] = &TABLES;
    let of_byte = |crc: u32, byte: &u8| look_up(table, crc as u8 ^ byte) ^ crc >> 8;
    let crc = !rest.iter().fold(chunks.iter().fold(u32::MAX, of_chunk), of_byte);
    (crc & 0x7FFF_FFFF) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_crc_32_without_the_sign() {
        // The check value that catalogues of CRCs give for this polynomial.
        assert_eq!(body_crc(b"123456789"), 0xCBF4_3926_u32 as i32 & 0x7FFF_FFFF);
        assert_eq!(body_crc(b""), 0);
    }

    #[test]
    fn bytes_count_alike_whether_they_are_looked_up_by_themselves_or_with_others() {
        let by_itself = |crc: u32, byte: &u8| look_up(&TABLES[0], crc as u8 ^ byte) ^ crc >> 8;
        let mut random = fastrand::Rng::with_seed(8);
        for length in 0..100 {
            let body: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            let crc = !body.iter().fold(u32::MAX, by_itself);
            assert_eq!(body_crc(&body), (crc & 0x7FFF_FFFF) as i32, "{length}");
        }
    }

    #[test]
    fn checksums_are_those_that_brokers_store() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors.json")).unwrap();
        for name in ["stored_message_v1", "stored_message_v1_zlib", "stored_message_v2_long_topic"]
        {
            let hex = vectors[name]["hex"].as_str().unwrap();
            let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let stored: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
            let number = |at: usize| i32::from_be_bytes(stored[at..at + 4].try_into().unwrap());
            let length = number(84) as usize;
            // Over what was sent: of the second one that is the compressed body.
            assert_eq!(body_crc(&stored[88..88 + length]), number(8), "{name}");
        }
        let told = &vectors["stored_message_v1"]["fields"]["bodyCrc"];
        assert_eq!(told.as_i64(), Some(body_crc(b"Hello RocketMQ").into()));
    }
}
