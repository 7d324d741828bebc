//! Metadata and statuses, between HTTP's headers and the hub's sections.

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::DecodePaddingMode;
use base64::{alphabet, Engine};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode;

use crate::service::{code, Status};
use crate::wire::Metadata;

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";

/// Reads base64 with padding or without.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Gives a client's metadata to a server. What HTTP cannot have in a header is
/// left out.
pub(super) fn to_headers(metadata: &Metadata, into: &mut HeaderMap) {
    for (key, value) in metadata {
        let value = match key.ends_with("-bin") {
            true => HeaderValue::from_str(&STANDARD.encode(value)),
            false => HeaderValue::from_bytes(value),
        };
        if let (Ok(key), Ok(value)) = (HeaderName::from_bytes(key.as_bytes()), value) {
            into.append(key, value);
        }
    }
}

/// Takes a server's metadata out of its headers, or trailers.
pub(super) fn from_headers(headers: &HeaderMap) -> Metadata {
    let mut metadata = Metadata::new();
    for (key, value) in headers {
        let key = key.as_str();
        if key.starts_with("grpc-") || matches!(key, "content-type" | "content-length" | "te" | "user-agent") {
            continue;
        }
        if !key.ends_with("-bin") {
            metadata.push((key.to_owned(), value.as_bytes().to_vec()));
            continue;
        }
        for one in value.as_bytes().split(|&b| b == b',') {
            if let Ok(bytes) = LENIENT.decode(one.trim_ascii()) {
                metadata.push((key.to_owned(), bytes));
            }
        }
    }
    metadata
}

/// How a call ended.
pub(super) struct Ending {
    pub status: Status,
    /// A google.rpc.Status, if the server gave one.
    pub details: Option<Vec<u8>>,
}

/// Reads the status out of trailers, if they have one.
pub(super) fn ending(trailers: &HeaderMap) -> Option<Ending> {
    let code = trailers.get(STATUS)?;
    let code = code.to_str().ok().and_then(|c| c.parse().ok()).unwrap_or(code::UNKNOWN);
    let text = trailers.get(MESSAGE).map_or_else(String::new, |m| percent_decode(m.as_bytes()).decode_utf8_lossy().into_owned());
    let details = trailers.get(DETAILS).and_then(|d| LENIENT.decode(d.as_bytes()).ok());
    Some(Ending { status: Status::new(code, text), details })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_the_same_after_a_way_through_headers() {
        let metadata: Metadata = vec![("a-bin".into(), vec![0, 255, 7]), ("b".into(), b"text".to_vec()), ("b".into(), b"again".to_vec())];
        let mut headers = HeaderMap::new();
        to_headers(&metadata, &mut headers);
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        let mut got = from_headers(&headers);
        got.sort();
        let mut want = metadata;
        want.sort();
        assert_eq!(got, want);
    }

    #[test]
    fn what_no_header_can_have_is_left_out() {
        let mut headers = HeaderMap::new();
        to_headers(&vec![("a b".into(), vec![1]), ("c".into(), b"line\nbreak".to_vec())], &mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn a_status_is_read_with_its_text_and_details() {
        let mut trailers = HeaderMap::new();
        assert!(ending(&trailers).is_none());
        trailers.insert(STATUS, HeaderValue::from_static("10"));
        trailers.insert(MESSAGE, HeaderValue::from_static("%C3%A4 b"));
        trailers.insert(DETAILS, HeaderValue::from_static("CAo"));
        let e = ending(&trailers).unwrap();
        assert_eq!((e.status, e.details), (Status::new(10, "\u{e4} b"), Some(vec![8, 10])));
    }
}
