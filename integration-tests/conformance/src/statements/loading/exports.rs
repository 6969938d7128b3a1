//! What a module exports.

use tollgate_integration_tests::origin::Answer;

use crate::guest::{callback, guest, guest_of};
use crate::host::Host;
use crate::plugin::Plugin;
use crate::setup::Setup;
use crate::statement::{Statement, Verdict};
use crate::statements::loading::reaction;

pub(super) const STATEMENTS: &[Statement] = &[
    Statement {
        id: "LD-24",
        text: "A callback that is exported with another type is refused by name.",
        verdict: Verdict::Same("refuses: proxy_on_vm_start"),
        note: None,
        run: |host| {
            let module = guest(&callback("proxy_on_vm_start", &["root"], Some(1), ""));
            reaction(host, &module, &["proxy_on_vm_start"])
        },
    },
    Statement {
        id: "LD-25",
        text: "In ABI 0.1.0 headers callbacks have two parameters, later three.",
        verdict: Verdict::Same(
            "0_1_0 with 2: serves, 0_1_0 with 3: refuses: proxy_on_request_headers, \
             0_2_1 with 2: refuses: proxy_on_request_headers, 0_2_1 with 3: serves",
        ),
        note: None,
        run: parameters_of_headers,
    },
    Statement {
        id: "LD-26",
        text: "A module without callbacks changes nothing.",
        verdict: Verdict::Same("200, origin got POST /path with \"body\", client got \"body\""),
        note: None,
        run: transparent,
    },
];

fn parameters_of_headers(host: &Host) -> String {
    let name = "proxy_on_request_headers";
    let mut reactions = Vec::new();
    for abi in ["0_1_0", "0_2_1"] {
        for parameters in [&["id", "count"][..], &["id", "count", "end"]] {
            let module = guest_of(abi, &callback(name, parameters, Some(0), ""));
            let reaction = reaction(host, &module, &[name]);
            reactions.push(format!("{abi} with {}: {reaction}", parameters.len()));
        }
    }
    reactions.join(", ")
}

fn transparent(host: &Host) -> String {
    let proxy = host.serve(&Setup::http(Plugin::wat(guest(""))));
    proxy.origin().answer("/path", Answer::echo());
    let response = proxy.post("/path").body("body").send();
    let received = proxy.origin().only_request();
    format!(
        "{}, origin got {} {} with {:?}, client got {:?}",
        response.status,
        received.method,
        received.path,
        received.text(),
        response.text()
    )
}
