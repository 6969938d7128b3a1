//! Certificates for TLS scenarios, made once and kept in the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::artifact::target_dir;

/// Where the certificates lie.
///
/// `ca.crt` has signed `server.crt` (for `one.test` and `two.test`) and `client.crt` (for
/// `client.test`); `stranger.crt` is an authority that has signed nothing. Keys end in `.key`.
pub(crate) fn certificate_dir() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = target_dir().join("tls");
        fs::create_dir_all(&folder).expect("the target directory takes files");
        let lock = File::create(folder.join(".lock")).expect("the target directory takes files");
        lock.lock().expect("files can be locked");
        // Written last, and only by who holds the lock.
        if !folder.join("stranger.crt").is_file() {
            make_all(&folder);
        }
        folder
    });
    &FOLDER
}

fn make_all(folder: &Path) {
    let (text, issuer) = make_authority();
    write(folder, "ca.crt", &text);
    for (name, hosts) in [
        ("server", &["one.test", "two.test"][..]),
        ("client", &["client.test"]),
    ] {
        let key = KeyPair::generate().expect("a key");
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let params = named(hosts, name);
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        write(folder, &format!("{name}.crt"), &certificate.pem());
        write(folder, &format!("{name}.key"), &key.serialize_pem());
    }
    write(folder, "stranger.crt", &make_authority().0);
}

fn make_authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = named(Vec::new(), "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(params, key))
}

/// Without names of their own, authority and certificate would look like one that signed itself.
fn named(hosts: Vec<String>, name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(hosts).expect("legal names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("the target directory takes files");
}
