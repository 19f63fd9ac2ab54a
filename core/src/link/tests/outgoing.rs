//! The bytes on their way out: nothing lost, doubled or reordered, whatever the socket takes.

use std::io::IoSlice;

use bytes::{BufMut, Bytes};

use super::*;

/// Small bodies, a large one, small ones again.
const SIZES: [usize; 5] = [0, 10, 6_000, 4_096, 5_000];

/// Everything that a link lends for calls with bodies of these sizes.
fn lent(sizes: &[usize]) -> (Outgoing, Vec<u8>) {
    let mut link = Link::new(LinkConfig::default());
    for (name, size) in (0..).zip(sizes) {
        let request = &Question { name, body: vec![name as u8; *size].into() };
        let call = Call {
            request,
            token: 0,
            deadline: Instant::FAR_FUTURE,
            linger: None,
            manner: Manner::Usual,
        };
        link.handle_call(Now::default(), call).unwrap();
    }
    let mut out = Outgoing::default();
    assert!(link.lend(Now::default(), &mut out));
    let whole = contents(&out);
    (out, whole)
}

fn contents(out: &Outgoing) -> Vec<u8> {
    let mut pieces = [IoSlice::new(&[]); 64];
    let count = out.chunks_vectored(&mut pieces);
    let contents = pieces[..count].iter().flat_map(|piece| piece.iter().copied()).collect();
    assert!(pieces[..count].iter().all(|piece| !piece.is_empty()), "no empty writes");
    contents
}

#[test]
fn a_write_may_stop_at_every_byte() {
    let (out, whole) = lent(&SIZES);
    assert_eq!(out.remaining(), whole.len());
    for at in 0..=whole.len() {
        let (mut out, _) = lent(&SIZES);
        out.advance(at);
        assert_eq!(out.remaining(), whole.len() - at);
        assert_eq!(contents(&out), whole[at..]);
        assert_eq!(out.has_remaining(), !out.chunk().is_empty());
    }
}

#[test]
fn writing_in_small_steps_writes_the_same() {
    for step in [1, 3, 1_000, 4_097] {
        let (mut out, whole) = lent(&SIZES);
        let mut written = Vec::new();
        while out.has_remaining() {
            let taken = step.min(out.chunk().len());
            written.put_slice(&out.chunk()[..taken]);
            out.advance(taken);
        }
        assert_eq!(written, whole);
        assert_eq!(out.chunk(), b"");
    }
}

#[test]
fn what_is_lent_later_follows_what_is_not_written_yet() {
    let (_, whole) = lent(&SIZES);
    for at in [0, 1, 500, whole.len() - 1, whole.len()] {
        let (mut out, _) = lent(&SIZES);
        out.advance(at);
        let (mut more, _) = lent(&[7, 9_000]);
        let mut expected = whole[at..].to_vec();
        expected.extend(contents(&more));
        out.append(&mut more);
        assert_eq!(more.remaining(), 0);
        assert_eq!(contents(&more), b"");
        assert_eq!(out.remaining(), expected.len());
        assert_eq!(contents(&out), expected);
    }
}

#[test]
fn large_bodies_are_chained_without_a_copy_and_small_ones_flattened() {
    let body = Bytes::from(vec![1; 100_000]);
    let mut out = Outgoing::default();
    out.tail().put_slice(b"head");
    out.push_body(body.clone());
    out.tail().put_slice(b"next");
    out.push_body(Bytes::from_static(b"small"));
    let mut pieces = [IoSlice::new(&[]); 8];
    assert_eq!(out.chunks_vectored(&mut pieces), 3);
    assert_eq!(&*pieces[0], b"head");
    assert_eq!(pieces[1].as_ptr(), body.as_ptr());
    assert_eq!(&*pieces[2], b"nextsmall");
    assert_eq!(out.chunks_vectored(&mut pieces[..2]), 2, "as many as there is space for");
}

#[test]
fn any_stretches_can_be_cut_out() {
    let (_, whole) = lent(&SIZES);
    let end = whole.len();
    for stretches in [
        vec![],
        vec![0..end - 1, end - 1..end],
        vec![0..1, 1..2, end - 1..end],
        vec![100..6_000, 6_000..6_001, 9_000..15_000],
    ] {
        let (mut out, mut expected) = lent(&SIZES);
        for stretch in stretches.iter().rev() {
            expected.drain(stretch.clone());
        }
        out.cut(stretches);
        assert_eq!(out.remaining(), expected.len());
        assert_eq!(contents(&out), expected);
        out.tail().put_slice(b"more");
        assert!(contents(&out).ends_with(b"more"));
    }
}

#[test]
fn memory_is_used_again_when_everything_is_written() {
    let mut out = Outgoing::default();
    for _ in 0..1_000 {
        out.tail().put_slice(&[0; 1_000]);
        out.advance(600);
        out.advance(400);
    }
    assert!(out.tail().capacity() < 64 * 1024, "{} bytes are held", out.tail().capacity());
}
