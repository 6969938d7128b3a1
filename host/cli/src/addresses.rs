//! Addresses that files want: each can be had once, whichever file asks first.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use tollgate_config::Bootstrap;

use crate::error::CommandError;

/// Checks that no address is wanted twice; `admin` replaces the admin addresses of the files.
///
/// # Errors
///
/// Names both who want an address. Binding would name the second one only.
pub(crate) fn check<'a>(
    files: impl IntoIterator<Item = (&'a Path, &'a Bootstrap)>,
    admin: Option<SocketAddr>,
) -> Result<(), CommandError> {
    let mut owners: HashMap<SocketAddr, String> = HashMap::new();
    let mut faults = Vec::new();
    let mut claim = |address: SocketAddr, owner: String| {
        // The system chooses another one each time.
        if address.port() == 0 {
            return;
        }
        if let Some(other) = owners.get(&address) {
            faults.push(format!(
                "{owner} wants {address}, and so does {other}; give one of them another port"
            ));
        } else {
            owners.insert(address, owner);
        }
    };
    if let Some(address) = admin {
        claim(address, "--admin-address".to_owned());
    }
    for (file, bootstrap) in files {
        let file = file.display();
        for listener in &bootstrap.listeners {
            let owner = format!("{file}: listener `{}`", listener.name);
            claim(listener.address, owner);
        }
        if let (Some(address), None) = (bootstrap.admin, admin) {
            claim(address, format!("{file}: admin"));
        }
    }
    CommandError::from_faults(faults).map_or(Ok(()), Err)
}
