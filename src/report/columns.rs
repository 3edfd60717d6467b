//! Numbers, packed: each is told by how far it is from the one before, in as few bytes as that takes.
//!
//! The first byte of a difference has its sign in bit 0 (1: down), its lowest 6 bits in bits 1 to 6,
//! and in bit 7 whether more follow; each further byte has 7 bits, and its bit 7 says the same. A page
//! knows how many numbers a column has, so columns follow each other without a mark.

use std::io::{self, Write};

/// The largest number that is written exactly. A script counts in 64-bit floats: of differences
/// between such numbers it still knows the units.
pub(super) const NUMBER_MAX: i64 = 1 << 52;

/// Writes columns, one after the other.
#[derive(Debug)]
pub(super) struct Columns<W> {
    out: W,
    buffer: Vec<u8>,
    /// How many numbers were too large, and are written as the largest.
    pub(super) beyond: u64,
}

impl<W: Write> Columns<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, buffer: Vec::new(), beyond: 0 }
    }

    /// Writes a column.
    pub(super) fn column<N: TryInto<i64>>(
        &mut self,
        numbers: impl IntoIterator<Item = N>,
    ) -> io::Result<()> {
        let mut before = 0;
        for number in numbers {
            let number = self.exact(number);
            push_difference(&mut self.buffer, number - before);
            before = number;
            if (1 << 16) <= self.buffer.len() {
                self.out.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn exact<N: TryInto<i64>>(&mut self, number: N) -> i64 {
        let number = number.try_into().unwrap_or(i64::MAX);
        let exact = number.clamp(-NUMBER_MAX, NUMBER_MAX);
        self.beyond += u64::from(exact != number);
        exact
    }
}

fn push_difference(buffer: &mut Vec<u8>, difference: i64) {
    let low = |rest: u64, bits: u32| (rest & ((1 << bits) - 1)).to_le_bytes()[0];
    let mut rest = difference.unsigned_abs();
    let mut byte = low(rest, 6) << 1 | u8::from(difference < 0);
    rest >>= 6;
    while 0 < rest {
        buffer.push(byte | 0x80);
        byte = low(rest, 7);
        rest >>= 7;
    }
    buffer.push(byte);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a column back, as the page does.
    fn read(bytes: &[u8], count: usize) -> (Vec<i64>, &[u8]) {
        let (mut numbers, mut before, mut at) = (Vec::new(), 0, 0);
        for _ in 0..count {
            let first = bytes[at];
            let (mut magnitude, mut shift, mut byte) = (i64::from(first >> 1 & 0x3f), 6, first);
            while byte & 0x80 != 0 {
                at += 1;
                byte = bytes[at];
                magnitude += i64::from(byte & 0x7f) << shift;
                shift += 7;
            }
            at += 1;
            before += if first & 1 == 1 { -magnitude } else { magnitude };
            numbers.push(before);
        }
        (numbers, &bytes[at..])
    }

    fn written(columns: &[&[i64]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = Columns::new(&mut bytes);
        for column in columns {
            out.column(column.iter().copied()).unwrap();
        }
        assert_eq!(out.beyond, 0);
        bytes
    }

    proptest! {
        #[test]
        fn columns_are_read_back_as_they_were_written(
            one in proptest::collection::vec(-NUMBER_MAX..=NUMBER_MAX, 0..50),
            other in proptest::collection::vec(-70_i64..70, 0..50),
        ) {
            let bytes = written(&[&one, &other]);
            let (found, rest) = read(&bytes, one.len());
            prop_assert_eq!(found, one);
            let (found, rest) = read(rest, other.len());
            prop_assert_eq!(found, other);
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_rises_slowly_takes_a_byte_a_number() {
        let rising: Vec<i64> = (0..100).map(|number| 60 * number).collect();
        assert_eq!(written(&[&rising]).len(), 100);
        assert_eq!(written(&[&[1, 64, 0]]), [0b10, 0b111_1110, 0b1000_0001, 1]);
    }

    #[test]
    fn a_number_that_is_too_large_is_counted_and_becomes_the_largest() {
        let mut bytes = Vec::new();
        let mut out = Columns::new(&mut bytes);
        out.column([u64::MAX, 3]).unwrap();
        assert_eq!(out.beyond, 1);
        assert_eq!(read(&bytes, 2).0, [NUMBER_MAX, 3]);
    }
}
