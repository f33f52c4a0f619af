//! CSV, read and written.
//!
//! Read with the core of the `csv` crate, which writes into buffers of its caller's: these are wiped, because a file may hold secrets.

use csv_core::{ReadFieldResult, Reader};
use zeroize::Zeroizing;

/// A field of a record.
pub(crate) type Field = Zeroizing<String>;

/// All records, each with the number of its first line. Lines without any character are left out.
pub(crate) fn records(text: &str) -> Vec<(u64, Vec<Field>)> {
    let (mut reader, mut input) = (Reader::new(), text.as_bytes());
    let mut buffer = Zeroizing::new(vec![0; text.len() + 1]);
    let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), Zeroizing::new(Vec::new()));
    // The reader's own count stands at a record's end, before the empty lines that follow it.
    let (mut line, mut began) = (1, None);
    loop {
        let empty = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        began.get_or_insert(line + ends(input, empty));
        let (result, read, wrote) = reader.read_field(input, &mut buffer);
        line += ends(input, read);
        input = &input[read..];
        field.extend_from_slice(&buffer[..wrote]);
        match result {
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            ReadFieldResult::End => break,
            ReadFieldResult::Field { record_end } => {
                // A part of a text, cut at ASCII characters, is a text.
                record.push(Zeroizing::new(String::from_utf8_lossy(&field).trim().to_owned()));
                field = Zeroizing::new(Vec::new());
                if record_end {
                    records.push((began.take().unwrap_or(line), std::mem::take(&mut record)));
                }
            }
        }
    }
    records
}

/// How many lines end within the first `length` bytes: with a line feed, a carriage return, or both.
fn ends(input: &[u8], length: usize) -> u64 {
    let is_end = |place: usize| match input[place] {
        b'\n' => true,
        b'\r' => input.get(place + 1) != Some(&b'\n'),
        _ => false,
    };
    (0..length).map(|place| u64::from(is_end(place))).sum()
}

/// A record as a line. A spreadsheet takes none of its fields for a formula: one that could be begins with an apostrophe.
pub(crate) fn line(fields: &[&str]) -> String {
    let field = |text: &&str| {
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r'])
            || text.starts_with(['\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
        let text = format!("{}{text}", if is_formula { "'" } else { "" });
        if text.contains(['"', ',', ';', '\n', '\r', '\t']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_and_every_line_reads_back() {
        let fields = [
            "=HYPERLINK(\"http://x\")",
            "+1",
            "-2",
            "@SUM(A1)",
            "\t=1",
            "a,b",
            "say \"hi\"",
            "two\nlines",
            "",
            "plain",
            "\u{ff1d}1",
        ];
        let read: Vec<_> = records(&format!("{}\r\n", line(&fields))).remove(0).1;
        for (read, written) in read.iter().zip(fields) {
            assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\u{ff1d}']), "{read:?}");
            assert_eq!(read.trim_start_matches('\''), written);
        }
        assert_eq!(line(&["a", "b c"]), "a,b c");
    }
}
