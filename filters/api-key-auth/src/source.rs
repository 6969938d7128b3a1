//! Where a request carries its key.

use tollgate_filter_common::json::{Fault, FromJson, Node};
use tollgate_filter_common::{HeaderName, Request, RequestHead, Token, cookie, query};

/// A place in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A header, after a prefix such as `Bearer `, which may be empty.
    Header {
        /// The header.
        name: HeaderName,
        /// What stands before the key; upper and lower case are the same.
        prefix: String,
    },
    /// A parameter of the query.
    Query(String),
    /// A cookie.
    Cookie(Token),
}

impl FromJson for Source {
    fn from_json(node: &Node<'_>) -> Result<Self, Fault> {
        let object = node.object(&["header", "prefix", "query", "cookie"])?;
        let prefix = object.optional("prefix")?;
        let places = (
            object.member("header"),
            object.member("query"),
            object.member("cookie"),
        );
        match places {
            (Some(header), None, None) => Ok(Self::Header {
                name: HeaderName::from_json(&header)?,
                prefix: prefix.unwrap_or_default(),
            }),
            _ if prefix.is_some() => Err(node.fault("`prefix` belongs to a `header`")),
            (None, Some(query), None) if query.text()?.is_empty() => {
                Err(query.fault("must not be empty"))
            }
            (None, Some(query), None) => String::from_json(&query).map(Self::Query),
            (None, None, Some(cookie)) => Token::from_json(&cookie).map(Self::Cookie),
            _ => Err(node.fault("takes one of `header`, `query` and `cookie`")),
        }
    }
}

impl Source {
    /// Looks at the key that the request carries here. An empty one is none.
    ///
    /// # Errors
    ///
    /// When the head cannot be read.
    pub(crate) fn with_key<H: RequestHead, R>(
        &self,
        request: &Request<'_, H>,
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, H::Error> {
        let (header, cookies, decoded);
        let key = match self {
            Self::Header { name, prefix } => {
                header = request.head().header(name.as_str())?;
                let value = header.as_ref().map(AsRef::as_ref);
                value.and_then(|value| after_prefix(value, prefix))
            }
            Self::Query(name) => {
                decoded = query::find(request.target()?, name);
                decoded.as_deref()
            }
            Self::Cookie(name) => {
                cookies = request.head().cookies()?.unwrap_or_default();
                cookie::find(&cookies, name.as_str())
            }
        };
        Ok(key.filter(|key| !key.is_empty()).map(look))
    }
}

fn after_prefix<'v>(value: &'v [u8], prefix: &str) -> Option<&'v [u8]> {
    let (start, key) = value.split_at_checked(prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix.as_bytes())
        .then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::Source;
    use crate::test_head::Head;
    use tollgate_filter_common::Request;
    use tollgate_filter_common::json::read;

    fn key(source: &str, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let source: Source = read(source.as_bytes()).unwrap();
        let head = Head(headers.to_vec());
        let Ok(key) = source.with_key(&Request::new(&head), <[u8]>::to_vec);
        key.map(|key| String::from_utf8(key).unwrap())
    }

    #[test]
    fn a_header_carries_the_key_after_its_prefix() {
        let plain = r#"{"header": "X-Api-Key"}"#;
        assert_eq!(key(plain, &[("x-api-key", " k1 ")]).as_deref(), Some("k1"));
        assert_eq!(key(plain, &[("x-api-key", " ")]), None);
        assert_eq!(key(plain, &[]), None);
        let bearer = r#"{"header": "authorization", "prefix": "Bearer "}"#;
        assert_eq!(
            key(bearer, &[("authorization", "bearer k1")]).as_deref(),
            Some("k1")
        );
        assert_eq!(key(bearer, &[("authorization", "Basic k1")]), None);
        assert_eq!(key(bearer, &[("authorization", "Be")]), None);
    }

    #[test]
    fn a_query_parameter_carries_the_key_encoded() {
        let source = r#"{"query": "apikey"}"#;
        assert_eq!(
            key(source, &[(":path", "/a?x=1&apikey=k%2F1")]).as_deref(),
            Some("k/1")
        );
        assert_eq!(key(source, &[(":path", "/a?apikey=")]), None);
        assert_eq!(key(source, &[(":path", "/apikey=1")]), None);
    }

    #[test]
    fn a_cookie_carries_the_key_in_any_cookie_header() {
        let source = r#"{"cookie": "k"}"#;
        let headers = [("cookie", "a=1"), ("cookie", "b=2; k=k1")];
        assert_eq!(key(source, &headers).as_deref(), Some("k1"));
        assert_eq!(key(source, &[("cookie", "kk=1")]), None);
    }

    #[test]
    fn a_source_is_one_place() {
        let fault = |json: &str| read::<Source>(json.as_bytes()).unwrap_err().to_string();
        assert!(fault("{}").contains("one of"));
        assert!(fault(r#"{"header": "a", "cookie": "b"}"#).contains("one of"));
        assert!(fault(r#"{"query": "a", "prefix": "b"}"#).contains("belongs to a `header`"));
        assert!(fault(r#"{"query": ""}"#).contains("empty"));
        assert!(fault(r#"{"header": "a b"}"#).contains("not a header name"));
    }
}
