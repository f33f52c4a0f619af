//! Compressed bodies of answers, decompressed whether or not compression was asked for.

use std::io::{Cursor, Read};

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use lanyard_secret::SecretBytes;
use zeroize::Zeroizing;

/// The value of `Accept-Encoding` where compression pays: for lists. Not for tokens, which are short and worth more than a few bytes.
pub const ACCEPTED_CODINGS: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");

/// A body that is longer than its limit once it is decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

/// A content coding (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// No honest answer is compressed more often than this.
const MOST_LAYERS: usize = 3;

/// Decompresses a body as its `Content-Encoding` says, and one that says nothing if it plainly is compressed although it should
/// be a text. The headers afterwards describe what is returned. A body that cannot be decompressed is returned as it came:
/// whoever expects JSON finds none, and can name the header.
pub(crate) fn decoded(headers: &mut HeaderMap, body: SecretBytes, limit: usize) -> Result<SecretBytes, TooLong> {
    if body.expose_secret().is_empty() {
        return Ok(body);
    }
    let stated = stated(headers);
    let mut current = body;
    let mut undone = false;
    for layer in 0..MOST_LAYERS {
        let next = stated.len().checked_sub(layer + 1).map(|last| stated[last]);
        let evident = evident(current.expose_secret()).filter(|_| is_text(headers));
        let Some(coding) = next.or(evident) else { break };
        // A header that outlived its compression: the body is plain already.
        let Some(plain) = coding.decode(current.expose_secret(), limit)? else { break };
        current = plain;
        undone = true;
    }
    // A gateway may decompress a body and leave the header in place.
    if undone || is_json(current.expose_secret()) {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Ok(current)
}

/// The codings that the headers state, in the order in which they were applied. Unknown words are passed over.
fn stated(headers: &HeaderMap) -> Vec<Coding> {
    let words = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let words = words.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase());
    let coding = |word: String| match word.as_str() {
        "gzip" | "x-gzip" => Some(Coding::Gzip),
        "deflate" => Some(Coding::Deflate),
        "br" => Some(Coding::Brotli),
        "zstd" => Some(Coding::Zstd),
        _ => None,
    };
    words.filter_map(coding).collect()
}

/// The coding that the first bytes of a body give away; no text begins so.
fn evident(body: &[u8]) -> Option<Coding> {
    match body {
        [0x1f, 0x8b, 8, ..] => Some(Coding::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Coding::Zstd),
        _ => None,
    }
}

/// Whether the headers announce a text: a downloaded archive stays what it is.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase();
    kind.starts_with("text/") || kind.contains("json") || kind.contains("xml")
}

fn is_json(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    matches!(body, [b'{' | b'[', ..])
}

impl Coding {
    /// Decompresses a body to at most `limit` bytes; `None` where it is not compressed so.
    fn decode(self, body: &[u8], limit: usize) -> Result<Option<SecretBytes>, TooLong> {
        match self {
            Self::Gzip => whole(flate2::read::MultiGzDecoder::new(body), body.len(), limit),
            // Meant is the zlib format; some servers send the stream without it (RFC 9110, section 8.4.1.2).
            Self::Deflate => match whole(flate2::read::ZlibDecoder::new(body), body.len(), limit)? {
                Some(plain) => Ok(Some(plain)),
                None => whole(flate2::read::DeflateDecoder::new(body), body.len(), limit),
            },
            Self::Brotli => whole(brotli_decompressor::Decompressor::new(body, BUFFER), body.len(), limit),
            Self::Zstd => match ruzstd::decoding::StreamingDecoder::new(Cursor::new(body)) {
                Ok(decoder) => whole(decoder, body.len(), limit),
                Err(_) => Ok(None),
            },
        }
    }
}

/// The buffer of the decoder that wants one.
const BUFFER: usize = 4096;
/// How large a buffer begins, in bodies as they came.
const USUAL_RATIO: usize = 4;

/// Reads a decoder to its end, into buffers that are wiped. An error in the middle spoils the whole.
fn whole(mut decoder: impl Read, compressed: usize, limit: usize) -> Result<Option<SecretBytes>, TooLong> {
    let mut plain = Zeroizing::new(Vec::with_capacity(compressed.saturating_mul(USUAL_RATIO).min(limit)));
    let mut chunk = Zeroizing::new([0; BUFFER]);
    loop {
        let read = match decoder.read(chunk.as_mut_slice()) {
            Ok(0) => return Ok(Some(SecretBytes::new(std::mem::take(&mut *plain)))),
            Ok(read) => read,
            Err(_) => return Ok(None),
        };
        if plain.len() + read > limit {
            return Err(TooLong);
        }
        if plain.len() + read > plain.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * plain.capacity() + read));
            larger.extend_from_slice(&plain);
            plain = larger;
        }
        plain.extend_from_slice(&chunk[..read]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const PLAIN: &[u8] = br#"{"access_token":"a"}"#;
    /// `PLAIN`, compressed by the reference programs.
    const BROTLI: &[u8] = &[
        0x8b, 0x09, 0x80, 0x7b, 0x22, 0x61, 0x63, 0x63, 0x65, 0x73, 0x73, 0x5f, 0x74, 0x6f, 0x6b, 0x65, 0x6e, 0x22,
        0x3a, 0x22, 0x61, 0x22, 0x7d, 0x03,
    ];
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x14, 0xa1, 0x00, 0x00, 0x7b, 0x22, 0x61, 0x63, 0x63, 0x65, 0x73, 0x73, 0x5f,
        0x74, 0x6f, 0x6b, 0x65, 0x6e, 0x22, 0x3a, 0x22, 0x61, 0x22, 0x7d,
    ];

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(body: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    fn read(list: &[(&'static str, &'static str)], body: &[u8], limit: usize) -> (Vec<u8>, HeaderMap) {
        let mut headers = headers(list);
        let body = decoded(&mut headers, SecretBytes::new(body.to_vec()), limit).unwrap();
        (body.expose_secret().to_vec(), headers)
    }

    #[test]
    fn a_body_is_decompressed_whatever_its_header_says() {
        for (list, body) in [
            (&[("content-encoding", "gzip")][..], gzip(PLAIN)),
            (&[("content-encoding", "GZip")], gzip(PLAIN)),
            (&[("content-encoding", "x-gzip")], gzip(PLAIN)),
            (&[("content-encoding", "deflate")], zlib(PLAIN)),
            (&[("content-encoding", "deflate")], deflate(PLAIN)),
            (&[("content-encoding", "br")], BROTLI.to_vec()),
            (&[("content-encoding", "zstd")], ZSTD.to_vec()),
            (&[("content-encoding", "deflate, gzip")], gzip(&zlib(PLAIN))),
            (&[("content-encoding", "deflate"), ("content-encoding", "gzip")], gzip(&zlib(PLAIN))),
            (&[("content-encoding", "gzip")], gzip(&gzip(PLAIN))),
            (&[("content-encoding", "utf-8, gzip")], gzip(PLAIN)),
            (&[("content-type", "application/json")], gzip(PLAIN)),
            (&[], gzip(PLAIN)),
            (&[], ZSTD.to_vec()),
            (&[("content-encoding", "identity")], gzip(PLAIN)),
            (&[("content-encoding", "gzip")], PLAIN.to_vec()),
            (&[("content-encoding", "br")], PLAIN.to_vec()),
            (&[("content-encoding", "none")], PLAIN.to_vec()),
        ] {
            let (plain, headers) = read(list, &body, 1024);
            assert_eq!(plain, PLAIN, "{list:?}");
            assert!(!headers.contains_key(CONTENT_ENCODING), "{list:?}");
        }
    }

    #[test]
    fn a_body_that_cannot_be_decompressed_stays_as_it_came_and_keeps_its_header() {
        let mut cut = gzip(PLAIN);
        cut.truncate(cut.len() - 9);
        for body in [cut, b"\x00\x01\x02".to_vec(), b"<html>".to_vec()] {
            let (kept, headers) = read(&[("content-encoding", "gzip")], &body, 1024);
            assert_eq!(kept, body);
            assert!(headers.contains_key(CONTENT_ENCODING));
        }
    }

    #[test]
    fn an_archive_and_an_empty_body_stay_what_they_are() {
        let archive = gzip(PLAIN);
        assert_eq!(read(&[("content-type", "application/gzip")], &archive, 1024).0, archive);
        assert_eq!(read(&[("content-encoding", "gzip")], b"", 1024).0, b"");
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = gzip(&vec![b' '; 10 << 20]);
        for limit in [1024, 1 << 20] {
            let mut headers = headers(&[("content-encoding", "gzip")]);
            assert_eq!(decoded(&mut headers, SecretBytes::new(bomb.clone()), limit).err(), Some(TooLong));
        }
        let within = gzip(&[b' '; 1024]);
        assert_eq!(read(&[("content-encoding", "gzip")], &within, 1024).0.len(), 1024);
    }
}
