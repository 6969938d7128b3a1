//! Metadata: what plugins read of listeners, routes, clusters and endpoints.

use tollgate_config::{
    Bootstrap, LoadOptions, NetworkFilter, ProtoMessage, ProtoPathError, ProtoValue, parse,
};

use super::manager;

const FILE: &str = r#"
node: { id: one, metadata: { tags: [a, { deep: 7 }], nothing: ~ }, locality: { zone: here } }
static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
    traffic_direction: OUTBOUND
    metadata: { filter_metadata: { listener: { at: 1 } } }
    filter_chains:
    - filters:
      - name: manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          http_filters:
          - name: router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              metadata: { filter_metadata: { host: { at: 2 } } }
              routes:
              - match: { prefix: / }
                route: { cluster: one }
                metadata:
                  filter_metadata: { route: { at: 3 } }
                  typed_filter_metadata:
                    typed: { "@type": type.googleapis.com/google.protobuf.StringValue, value: text }
  clusters:
  - name: one
    metadata: { filter_metadata: { cluster: { at: 4 } } }
    load_assignment:
      cluster_name: one
      endpoints:
      - locality: { region: north }
        metadata: { filter_metadata: { locality: { at: 5 } } }
        lb_endpoints:
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 1 } } }
          metadata: { filter_metadata: { endpoint: { at: 6 } } }
        - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 2 } } }
"#;

fn read() -> Bootstrap {
    let loaded = parse(FILE, "metadata.yaml", &LoadOptions::default()).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.bootstrap
}

fn find(message: &ProtoMessage, path: &str) -> Result<ProtoValue, ProtoPathError> {
    let parts: Vec<&[u8]> = path.split('/').map(str::as_bytes).collect();
    message.find(&parts)
}

fn text(text: &'static str) -> ProtoValue {
    ProtoValue::Bytes(text.into())
}

#[test]
fn every_level_keeps_its_own() {
    let mut bootstrap = read();
    let listener = bootstrap.listeners.remove(0);
    let NetworkFilter::HttpConnectionManager(manager) = &listener.filter_chains[0].filter else {
        panic!("the chain speaks HTTP");
    };
    let host = &manager.route_config.virtual_hosts[0];
    let cluster = &bootstrap.clusters[0];
    let attributes = &cluster.endpoints[0].attributes;
    let levels = [
        (Some(&listener.metadata), "listener"),
        (Some(&host.metadata), "host"),
        (Some(&host.routes[0].metadata), "route"),
        (Some(&cluster.metadata), "cluster"),
        (attributes.locality_metadata.as_ref(), "locality"),
        (attributes.metadata.as_ref(), "endpoint"),
    ];
    for (number, (metadata, name)) in (1_i32..).zip(levels) {
        let value = find(metadata.unwrap(), &format!("filter_metadata/{name}/at"));
        assert_eq!(value, Ok(ProtoValue::Double(number.into())), "{name}");
    }
    assert_eq!(listener.traffic_direction, 2);
    assert_eq!(find(&attributes.locality, "region"), Ok(text("north")));
    assert_eq!(cluster.endpoints[1].attributes.metadata, None);
}

#[test]
fn a_path_walks_maps_lists_and_messages() {
    let node = read().node.message;
    assert_eq!(find(&node, "id"), Ok(text("one")));
    assert_eq!(find(&node, "locality/zone"), Ok(text("here")));
    assert_eq!(find(&node, "metadata/tags/0"), Ok(text("a")));
    assert_eq!(
        find(&node, "metadata/tags/1/deep"),
        Ok(ProtoValue::Double(7.0))
    );
    let inner = ProtoValue::Map(vec![(b"deep".to_vec(), ProtoValue::Double(7.0))]);
    assert_eq!(
        find(&node, "metadata/tags"),
        Ok(ProtoValue::List(vec![text("a"), inner]))
    );
    assert_eq!(find(&node, "metadata/nothing"), Ok(ProtoValue::Null));
    assert_eq!(
        node.find(&[]),
        Ok(ProtoValue::Message(node.bytes().clone()))
    );
}

#[test]
fn an_unset_field_has_its_default_and_an_unknown_one_is_not_found() {
    let node = read().node.message;
    assert_eq!(find(&node, "cluster"), Ok(text("")));
    assert_eq!(
        find(&node, "user_agent_build_version"),
        Ok(ProtoValue::Message(Default::default()))
    );
    assert_eq!(
        find(&node, "user_agent_build_version/version/patch"),
        Ok(ProtoValue::Uint(0))
    );
    assert_eq!(
        find(&node, "listening_addresses"),
        Ok(ProtoValue::List(vec![]))
    );
    assert_eq!(
        find(&node, "dynamic_parameters"),
        Ok(ProtoValue::Map(vec![]))
    );
    for path in [
        "no_such_field",
        "id/deeper",
        "metadata/no",
        "metadata/tags/2",
        "metadata/tags/x",
        "metadata/tags/-1",
        "metadata/nothing/deeper",
        "",
    ] {
        assert_eq!(find(&node, path), Err(ProtoPathError::NotFound), "{path}");
    }
}

#[test]
fn typed_metadata_is_what_its_any_holds() {
    let bootstrap = read();
    let metadata = &manager(&bootstrap).route_config.virtual_hosts[0].routes[0].metadata;
    let typed = find(metadata, "typed_filter_metadata/typed");
    assert_eq!(typed, Ok(text("text")));
    let deeper = find(metadata, "typed_filter_metadata/typed/value");
    assert_eq!(deeper, Err(ProtoPathError::NotFound));
}

#[test]
fn bytes_of_a_known_type_become_a_message() {
    let bytes = [0x0a, 1, b'a', 0x12, 1, b'b'];
    let url = "type.googleapis.com/envoy.config.core.v3.Node";
    let node = ProtoMessage::decode(url, &bytes).unwrap();
    assert_eq!(find(&node, "cluster"), Ok(text("b")));
    assert_eq!(ProtoMessage::decode("x/no.such.Type", &bytes), None);
    assert_eq!(ProtoMessage::decode(url, b"\xff"), None);
}

#[test]
fn an_any_within_an_any_is_not_followed() {
    let any = "type.googleapis.com/google.protobuf.Any";
    let mut bytes = vec![0x0a, 39];
    bytes.extend_from_slice(any.as_bytes());
    let outer = ProtoMessage::decode(any, &bytes).unwrap();
    assert_eq!(find(&outer, "type_url"), Err(ProtoPathError::Unreadable));
}
