//! Rows in the text format of PostgreSQL's `COPY`.

/// Appends a value to the current row.
pub(super) fn put(rows: &mut Vec<u8>, value: &str) {
    separate(rows);
    for byte in value.bytes() {
        match byte {
            b'\\' => rows.extend(b"\\\\"),
            b'\n' => rows.extend(b"\\n"),
            b'\r' => rows.extend(b"\\r"),
            b'\t' => rows.extend(b"\\t"),
            byte => rows.push(byte),
        }
    }
}

/// Appends a value that may be null.
pub(super) fn put_optional(rows: &mut Vec<u8>, value: Option<&str>) {
    if let Some(value) = value {
        put(rows, value);
    } else {
        separate(rows);
        rows.extend(b"\\N");
    }
}

/// Ends the row.
pub(super) fn end(rows: &mut Vec<u8>) {
    rows.push(b'\n');
}

fn separate(rows: &mut Vec<u8>) {
    // Values contain no raw line breaks or tabs. A row never begins with an empty value, because it begins with an id.
    if rows.last().is_some_and(|last| *last != b'\n') {
        rows.push(b'\t');
    }
}
