//! Encodes the bytes that a mac covers.

/// An encoding that differs for any two lists of fields: each is preceded by its length, a missing one by a length that none has.
pub(crate) fn encode(fields: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for field in fields {
        let length = field.map_or(u64::MAX, |field| field.len() as u64);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(field.unwrap_or_default());
    }
    out
}
