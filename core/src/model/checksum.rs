//! The checksum that RocketMQ uses: CRC-32 without its highest bit.

/// The reversed polynomial of CRC-32 (IEEE 802.3).
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// What eight steps of the division make of each byte.
const TABLE: [u32; 256] = table();

#[expect(clippy::indexing_slicing, reason = "the loop ends where the table does")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut rest, mut bit) = (byte as u32, 0);
        while bit < 8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ POLYNOMIAL } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
}

/// The checksum of a body: CRC-32 & 0x7FFFFFFF, as `UtilAll.crc32` of Apache RocketMQ. What brokers
/// store beside a message is that of the body as it was sent, so of the compressed one where it was.
pub fn body_crc(body: &[u8]) -> i32 {
    let step = |crc: u32, byte: &u8| {
        let index = (crc ^ u32::from(*byte)) & 0xFF;
        TABLE.get(index as usize).copied().unwrap_or_default() ^ crc >> 8
    };
    let crc = !body.iter().fold(u32::MAX, step);
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
