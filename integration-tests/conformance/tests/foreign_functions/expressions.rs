//! `expr_create`, `expr_evaluate` and `expr_delete`.

use crate::{REQUEST, RESULT, both, call, call_with, observed, requested};

/// Makes an expression and reports its value.
fn value(source: &str) -> String {
    let label = source.replace(['"', '\\'], "");
    format!(
        r#"(drop (call $proxy_call_foreign_function @"expr_create" @"{}"
             (i32.const 0x100) (i32.const 0x104))) {}"#,
        crate::escaped(source.as_bytes()),
        call_with(&label, "expr_evaluate", RESULT)
    )
}

fn values(sources: &[&str]) -> String {
    sources.iter().map(|source| value(source)).collect()
}

#[test]
fn expressions_have_tokens_from_0_until_they_are_deleted() {
    both(
        "expr",
        "first=0 \"\\x00\\x00\\x00\\x00\"\nsecond=0 \"\\x01\\x00\\x00\\x00\"\nsyntax=2\nfunction=2\n\
         evaluate=0 \"\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\ndelete=0 \"\"\ndeleted=1\n\
         delete again=0 \"\"\nshort=2",
        |host| {
            let configure = [
                call("first", "expr_create", b"1"),
                call("second", "expr_create", b"1 + 1"),
                call("syntax", "expr_create", b"1 +"),
                call("function", "expr_create", b"nobody(1)"),
            ];
            let request = [
                REQUEST.to_owned(),
                call("evaluate", "expr_evaluate", &[1, 0, 0, 0]),
                call("delete", "expr_delete", &[1, 0, 0, 0]),
                call("deleted", "expr_evaluate", &[1, 0, 0, 0]),
                call("delete again", "expr_delete", &[1, 0, 0, 0]),
                call("short", "expr_delete", b"abc"),
            ];
            observed(host, &configure.concat(), &request.concat())
        },
    );
}

#[test]
fn expressions_see_the_properties_of_the_stream() {
    both(
        "expr_evaluate",
        "request.path=0 \"/some/path?q=1\"\n\
         request.headers['x-a'] == 'b'=0 \"\\x01\"\n\
         request.headers['X-A']=0 \"b\"\n\
         has(request.headers['x-a'])=1",
        |host| {
            let sources = [
                "request.path",
                "request.headers['x-a'] == 'b'",
                "request.headers['X-A']",
            ];
            let body = values(&sources)
                + &call(
                    "has(request.headers['x-a'])",
                    "expr_evaluate",
                    &[99, 0, 0, 0],
                );
            requested(host, &body)
        },
    );
}

#[test]
fn values_are_encoded_as_properties() {
    both(
        "expr_evaluate",
        "'text'=0 \"text\"\n\
         b'bytes'=0 \"bytes\"\n\
         7u=0 \"\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\n\
         1.0=0 \"\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\"\n\
         true=0 \"\\x01\"\n\
         ''=0 \"\"\n\
         []=0 \"\\x00\\x00\\x00\\x00\"\n\
         ['a', '']=0 \"\\x02\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00a\\x00\\x00\\x00\\x00\"\n\
         {'a': 'b'}=0 \"\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x01\\x00\\x00\\x00a\\x00b\\x00\"\n\
         duration('1.5s')=0 \"\\x00/hY\\x00\\x00\\x00\\x00\"\n\
         timestamp('1970-01-01T00:00:01Z')=0 \"\\x00\\xca\\x9a;\\x00\\x00\\x00\\x00\"\n\
         null=3\n\
         type(1)=3",
        |host| {
            let sources = [
                "'text'",
                "b'bytes'",
                "7u",
                "1.0",
                "true",
                "''",
                "[]",
                "['a', '']",
                "{'a': 'b'}",
                "duration('1.5s')",
                "timestamp('1970-01-01T00:00:01Z')",
                "null",
                "type(1)",
            ];
            requested(host, &values(&sources))
        },
    );
}

#[test]
fn what_has_no_value_is_a_failure() {
    both(
        "expr_evaluate",
        "1 / 0=10\nrequest.nobody=10\nnobody=10\nrequest.headers['nobody']=10\n\
         'a' + 1=10\nrequest=3\n\
         nobody == 'a' || true=0 \"\\x01\"\n\
         has(request.nobody)=0 \"\\x00\"\n\
         has(request.path)=0 \"\\x01\"\n\
         size(request.headers) > 3=0 \"\\x01\"\n\
         'x-c' in request.headers=0 \"\\x01\"\n\
         request.headers.exists(h, h == 'x-c')=0 \"\\x01\"\n\
         request.size=0 \"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\n\
         request['method']=0 \"GET\"\n\
         request[string('method')]=0 \"GET\"\n\
         plugin_name.startsWith('guest')=0 \"\\x01\"\n\
         request.time > timestamp('2020-01-01T00:00:00Z')=0 \"\\x01\"\n\
         request.path.matches('^/some/[a-z]+')=0 \"\\x01\"",
        |host| {
            let sources = [
                "1 / 0",
                "request.nobody",
                "nobody",
                "request.headers['nobody']",
                "'a' + 1",
                "request",
                "nobody == 'a' || true",
                "has(request.nobody)",
                "has(request.path)",
                "size(request.headers) > 3",
                "'x-c' in request.headers",
                "request.headers.exists(h, h == 'x-c')",
                "request.size",
                "request['method']",
                "request[string('method')]",
                "plugin_name.startsWith('guest')",
                "request.time > timestamp('2020-01-01T00:00:00Z')",
                "request.path.matches('^/some/[a-z]+')",
            ];
            requested(host, &values(&sources))
        },
    );
}
