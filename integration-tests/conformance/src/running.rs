//! A running proxy and what can be seen of it.

use std::ops::Deref;
use std::time::Duration;

use tempfile::TempDir;
use tollgate_integration_tests::client::{
    Connection, RawAnswer, Request, TcpClient, Version, break_off, exchange, exchange_parts,
};
use tollgate_integration_tests::{GuestLine, Proxy, kill_signal};

use crate::setup::LISTENER;

/// A proxy that is told to end takes no longer.
const END_LIMIT: Duration = Duration::from_secs(30);

/// So much of a proxy's output tells why it is not what was expected.
const SHOWN_LINES: usize = 30;

/// A proxy that serves. What [`Proxy`] offers besides, such as the origin and the admin interface,
/// it offers too.
#[derive(Debug)]
pub struct Running {
    proxy: Proxy,
    _folder: TempDir,
}

impl Running {
    pub(crate) fn new(proxy: Proxy, folder: TempDir) -> Self {
        Self {
            proxy,
            _folder: folder,
        }
    }

    /// The port of the first listener.
    #[must_use]
    pub fn listener(&self) -> u16 {
        self.proxy.port(LISTENER)
    }

    /// A GET request.
    #[must_use]
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A POST request.
    #[must_use]
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    /// A request.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.listener(), method, path)
    }

    /// A request to another listener, by its port in the template.
    #[must_use]
    pub fn request_to(&self, listener: u16, method: &str, path: &str) -> Request {
        Request::new(self.proxy.port(listener), method, path)
    }

    /// A connection that carries several requests.
    #[must_use]
    pub fn connect(&self, version: Version) -> Connection {
        Connection::open(self.listener(), version)
    }

    /// Sends bytes and reads until the proxy closes.
    #[must_use]
    pub fn raw(&self, bytes: &[u8]) -> RawAnswer {
        exchange(self.listener(), bytes)
    }

    /// Sends bytes in parts that arrive one by one, and reads until the proxy closes.
    #[must_use]
    pub fn raw_parts(&self, parts: &[&[u8]]) -> RawAnswer {
        exchange_parts(self.listener(), parts)
    }

    /// A connection without HTTP.
    #[must_use]
    pub fn tcp(&self) -> TcpClient {
        TcpClient::connect(self.listener())
    }

    /// Sends bytes and breaks off, as a client does that crashes.
    pub fn break_off(&self, bytes: &[u8]) {
        break_off(self.listener(), bytes);
    }

    /// What guests have logged so far, as `level message`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.guest_lines_so_far()
            .iter()
            .map(|line| format!("{} {}", line.level, line.message))
            .collect()
    }

    /// What guests have reported so far, in order: `label=value`. At its start Envoy runs a guest's
    /// `proxy_on_vm_start` and `proxy_on_configure` several times, in VMs that it tries and in those
    /// that it keeps; [`unrepeated`] shows such reports once.
    #[must_use]
    pub fn reports(&self) -> Vec<String> {
        messages(self.guest_lines_so_far(), |_| true)
    }

    /// As [`Self::reports`], those of one plugin, by its name.
    #[must_use]
    pub fn reports_of(&self, plugin: &str) -> Vec<String> {
        messages(self.guest_lines_so_far(), |line| line.is_from(plugin))
    }

    /// Waits for a report that begins so; returns the reports up to that one.
    #[must_use]
    pub fn wait_for(&self, start: &str) -> Vec<String> {
        self.wait_for_nth(start, 1)
    }

    /// As [`Self::wait_for`], until so many reports begin so.
    #[must_use]
    pub fn wait_for_nth(&self, start: &str, count: usize) -> Vec<String> {
        let is_meant = |line: &GuestLine| line.message.starts_with(start);
        let lines = self
            .wait_for_guest_lines(|lines| lines.iter().filter(|l| is_meant(l)).count() >= count)
            .unwrap_or_else(|_| {
                panic!(
                    "{:?}: fewer than {count} reports begin with {start:?}\n{}",
                    self.kind(),
                    self.last_output()
                )
            });
        let end = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| is_meant(line))
            .nth(count.saturating_sub(1))
            .map_or(lines.len(), |(index, _)| index + 1);
        messages(lines.into_iter().take(end), |_| true)
    }

    /// The value of the first report with a label, which is waited for.
    #[must_use]
    pub fn report(&self, label: &str) -> String {
        let start = format!("{label}=");
        let reports = self.wait_for(&start);
        reports
            .last()
            .and_then(|report| report.strip_prefix(&start))
            .unwrap_or_default()
            .to_owned()
    }

    /// The end of what the proxy printed, for a message about what did not come.
    #[must_use]
    pub fn last_output(&self) -> String {
        let lines = self.output();
        let start = lines.len().saturating_sub(SHOWN_LINES);
        lines.get(start..).unwrap_or_default().join("\n")
    }

    /// A counter or gauge of the admin interface, by its full name.
    #[must_use]
    pub fn stat(&self, name: &str) -> Option<String> {
        self.admin("/stats").lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            (known == name).then(|| value.to_owned())
        })
    }

    /// Tells the proxy to end and waits for it; what it has logged stays readable.
    pub fn end(&mut self) {
        let process = self.proxy.server_mut().process_mut();
        kill_signal(process.pid(), "TERM");
        let ended = process.wait(END_LIMIT);
        assert!(ended.is_some(), "the proxy does not end");
        process.wait_for_end_of_output();
    }
}

impl Deref for Running {
    type Target = Proxy;

    fn deref(&self) -> &Proxy {
        &self.proxy
    }
}

/// The shortest list whose repetition is the given one.
#[must_use]
pub fn unrepeated(reports: &[String]) -> Vec<String> {
    (1..=reports.len())
        .map(|period| reports.split_at(period).0)
        .find(|once| reports.chunks(once.len()).all(|again| again == *once))
        .unwrap_or_default()
        .to_vec()
}

fn messages(
    lines: impl IntoIterator<Item = GuestLine>,
    wanted: impl Fn(&GuestLine) -> bool,
) -> Vec<String> {
    lines
        .into_iter()
        .filter(|line| wanted(line))
        .map(|line| line.message)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::unrepeated;

    #[test]
    fn what_several_vms_report_alike_is_shown_once() {
        let reports = ["a", "a", "b", "a", "a", "b"].map(str::to_owned);
        assert_eq!(unrepeated(&reports), ["a", "a", "b"]);
        assert_eq!(unrepeated(&reports[..5]), reports[..5]);
        assert!(unrepeated(&[]).is_empty());
    }
}
