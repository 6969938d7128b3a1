//! What a module may cost, and whom it may be given to.

use tollgate_testing::{
    Artifact, Host, TestHost, assert_imports_subset_of, assert_size_below, module_size,
};

fn hello() -> Artifact {
    Artifact::example("tollgate", "hello")
}

#[test]
fn the_same_requests_cost_the_same_instructions() {
    let fuel = || {
        let t = TestHost::wasm(hello(), "{}");
        [(); 3].map(|()| {
            let outcome = t.get("/").header("x-hello", "1").send();
            outcome.assert_status(200).assert_fuel_below(20_000);
            outcome.fuel().unwrap()
        })
    };
    let first = fuel();
    assert_eq!(first, fuel());
    assert!(first.iter().all(|fuel| *fuel > 0), "{first:?}");
}

#[test]
#[should_panic(expected = "not below 10")]
fn too_many_instructions_fail_the_test() {
    let t = TestHost::wasm(hello(), "{}");
    t.get("/")
        .header("x-hello", "1")
        .send()
        .assert_fuel_below(10);
}

#[test]
fn every_envoy_provides_what_small_filters_import() {
    for host in Host::ENVOYS {
        assert_imports_subset_of(hello(), *host);
        assert_imports_subset_of(Artifact::example("tollgate", "gatekeeper"), *host);
    }
}

#[test]
#[should_panic(expected = "envoy_resolve_dns (no)")]
fn an_import_that_a_host_lacks_fails_the_test() {
    let inquirer = Artifact::example_with("tollgate", "inquirer", &["dns", "grpc"]);
    assert_imports_subset_of(inquirer, Host::NgxWasmModule);
}

#[test]
#[should_panic(expected = "is not below 100 bytes")]
fn a_module_that_is_too_large_fails_the_test() {
    assert!(module_size(hello()).unwrap() > 100);
    assert_size_below(hello(), 100);
}
