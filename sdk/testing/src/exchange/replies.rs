//! Replies: what comes back from the upstream, or from the filter in its place.

use tollgate_runtime::{Direction, LocalResponse};

use super::{Exchange, Part, Upstream, received};
use crate::host::TestHost;
use crate::model::Table;
use crate::outcome::End;
use crate::upstream::{Message, UpstreamResponse};

impl Exchange {
    /// Lets a whole message arrive, its body in pieces of these sizes and a last one.
    pub(crate) fn send_message(&self, direction: Direction, message: Message, chunks: &[usize]) {
        let Message {
            headers: entries,
            body,
            trailers,
        } = message;
        let has_trailers = !trailers.is_empty();
        let ends = body.is_empty() && !has_trailers;
        self.send(direction, Part::Headers { entries, ends });
        for (bytes, is_last) in pieces(&body, chunks) {
            let ends = is_last && !has_trailers;
            self.send(direction, Part::Body { bytes, ends });
        }
        if has_trailers {
            self.send(direction, Part::Trailers(trailers));
        }
    }

    /// The upstream answers. An answer that has begun is not begun again.
    pub(crate) fn answer(&self, answer: UpstreamResponse) {
        if self.is_over() || self.response().has_begun() {
            return;
        }
        self.set_upstream(Upstream::Asked);
        let message = answer.kind.in_its_place();
        self.send_message(Direction::Response, message, &answer.chunk_sizes);
    }

    /// The filter answers.
    pub(super) fn reply(&self, host: &TestHost, reply: LocalResponse) {
        let has_begun = self.response().has_begun();
        if self.response().has_passed_headers() {
            // Too late for another response: the client sees the stream break off.
            self.finish(host, End::Reset);
            return;
        }
        let message = self.local(&reply);
        self.outcome.borrow_mut().local_response = Some(reply);
        self.request.borrow_mut().abandon();
        self.set_upstream(Upstream::Asked);
        if !has_begun {
            // The filter sees its own reply pass, as every filter does.
            self.send_message(Direction::Response, message, &[]);
            return;
        }
        // A reply in the response phase goes straight to the client.
        let table = Table::response(message.headers.clone());
        *self.stream.response.headers.borrow_mut() = Some(table);
        self.outcome.borrow_mut().response = Some(received(&message));
        self.finish(host, End::Answered);
    }

    /// The response that a proxy makes of a filter's reply.
    fn local(&self, reply: &LocalResponse) -> Message {
        let content_type = self.request_header(b"content-type");
        let is_grpc = content_type.is_some_and(|value| value.starts_with(b"application/grpc"));
        crate::reply::message(reply, is_grpc)
    }
}

/// Cuts a body into pieces of these sizes and a last one with the rest, and says which is the last.
/// There are none of an empty body, and no empty ones.
fn pieces(body: &[u8], sizes: &[usize]) -> Vec<(Vec<u8>, bool)> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes {
        let (piece, later) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece.to_vec());
        rest = later;
    }
    pieces.push(rest.to_vec());
    pieces.retain(|piece| !piece.is_empty());
    let last = pieces.len();
    let pieces = pieces.into_iter().enumerate();
    pieces
        .map(|(index, piece)| (piece, index + 1 == last))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn only_the_last_piece_ends_a_body() {
        let cut = |body: &str, sizes| {
            let pieces = pieces(body.as_bytes(), sizes).into_iter();
            let pieces = pieces.map(|(piece, last)| (String::from_utf8(piece).unwrap(), last));
            pieces.collect::<Vec<_>>()
        };
        let piece = |text: &str, last| (text.to_owned(), last);
        assert_eq!(cut("abcd", &[]), [piece("abcd", true)]);
        assert_eq!(
            cut("abcd", &[1, 2]),
            [piece("a", false), piece("bc", false), piece("d", true)]
        );
        assert_eq!(cut("abcd", &[4, 9]), [piece("abcd", true)]);
        assert_eq!(cut("", &[4, 9]), []);
    }
}
