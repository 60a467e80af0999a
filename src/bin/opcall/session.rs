//! What a command works with: the environment, the table, the runtime.

use std::collections::HashSet;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opcall::spec::Warning;
use opcall::{Document, Harness, HarnessBuilder, OperationTable, Profile, RetryPolicy};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Common, Network, Source, Target};
use crate::config::{Config, Defaults};
use crate::output::{Screen, counted};
use crate::remembered::{self, Account, Wanted};
use crate::report::Failure;
use crate::{documents, signals, tokens};

/// So many redirects `--follow` follows.
const MOST_REDIRECTS: u32 = 5;

/// A variable of the environment; text that is not UTF-8 and empty text count as not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says something on standard error that is no error.
pub(crate) fn note(text: &str) {
    tell(&[format!("note: {}", crate::output::escape(text))]);
}

/// Writes lines to standard error.
pub(crate) fn tell(lines: &[String]) {
    let mut text = lines.join("\n");
    text.push('\n');
    // Standard error may be closed; then there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes the library's log to standard error, where `--log` asks for it.
///
/// # Errors
/// Where the filter is none.
pub(crate) fn log(common: &Common, screen: Screen) -> Result<(), Failure> {
    let Some(filter) = &common.log else { return Ok(()) };
    let targets: Targets = filter.parse().map_err(|error| Failure::usage(format!("--log: {error}"), None))?;
    let lines = tracing_subscriber::fmt::layer().with_ansi(screen.error_color).without_time();
    tracing_subscriber::registry().with(lines.with_writer(std::io::stderr)).with(targets).init();
    Ok(())
}

/// What a command works with.
pub(crate) struct Known {
    /// The operations.
    pub(crate) table: OperationTable,
    /// The documents that are not built in.
    #[cfg_attr(not(feature = "sandbox"), allow(dead_code, reason = "the sandbox serves them"))]
    pub(crate) documents: Vec<Document>,
    /// The remembered services among them.
    accounts: Vec<Account>,
    /// The names of the remembered services that it does without.
    pub(crate) others: Vec<String>,
    /// The configuration file that was named.
    config: Option<PathBuf>,
    network: Network,
}

/// The operations that a command looks at: the built-in ones, those of the documents named, and those of the
/// remembered services that it needs.
///
/// # Errors
/// Where a document cannot be read or fetched, or the configuration says something wrong.
pub(crate) fn known(source: &Source, common: &Common, wanted: Wanted<'_>) -> Result<Known, Failure> {
    let mut table = OperationTable::built_in();
    let mut documents = documents::open_all(source, common)?;
    for (document, path) in documents.iter().zip(&source.spec) {
        let (read, warnings) = document.read()?;
        documents::was_read(document);
        for service in table.add(read).iter().filter(|_| !common.quiet) {
            note(&format!("{} replaces the service {service} that was there before", path.display()));
        }
        tell_of_warnings(&path.to_string_lossy(), &warnings, common);
    }
    let (accounts, others) = remembered::add(&mut table, &mut documents, source, common, wanted)?;
    let (config, network) = (source.config.clone(), source.network.clone());
    Ok(Known { table, documents, accounts, others, config, network })
}

/// Says what was passed over in a document: all of it with `-v`, else how much.
pub(crate) fn tell_of_warnings(name: &str, warnings: &[Warning], common: &Common) {
    if common.quiet || warnings.is_empty() {
        return;
    }
    if common.verbose > 0 {
        for warning in warnings {
            note(&warning.to_string());
        }
    } else {
        let count = warnings.iter().map(|warning| warning.count).sum();
        note(&format!("{name} has {}; `opcall check` shows them all", counted(count, "warning")));
    }
}

impl Known {
    /// The variable that a remembered service's credentials are to be in, where it is not set.
    pub(crate) fn missing_variable(&self, service: &str) -> Option<&str> {
        self.accounts.iter().find(|account| account.service() == service)?.missing()
    }

    /// The files of the client certificate and of its key for the calls of a service: those of the command line, else
    /// those that are remembered.
    pub(crate) fn certificate(&self, service: &str) -> Option<(&Path, &Path)> {
        if let Some(given) = self.network.certificate() {
            return Some(given);
        }
        self.accounts.iter().find(|account| account.service() == service)?.certificate()
    }

    /// How long the whole call may take, where the command line or the configuration says so.
    ///
    /// # Errors
    /// Where the configuration cannot be read.
    pub(crate) fn max_time(&self, target: &Target) -> Result<Option<Duration>, Failure> {
        if target.max_time.is_some() || target.sandbox {
            return Ok(target.max_time);
        }
        Ok(Config::read(self.config.as_deref())?.defaults().max_time)
    }

    /// A harness with the options of the command line, and with what is remembered of services. A dry run needs no
    /// secrets. Those of a `service` that is called must be readable; what cannot be read of others is in nobody's way
    /// until [`Known::check_account`] is asked.
    ///
    /// # Errors
    /// Where the configuration, or a file with a secret or with certificates that is needed, cannot be read.
    pub(crate) fn builder(
        &self,
        target: &Target,
        is_dry: bool,
        service: Option<&str>,
    ) -> Result<HarnessBuilder, Failure> {
        let defaults = if is_dry || target.sandbox {
            Defaults::default()
        } else {
            Config::read(self.config.as_deref())?.defaults()
        };
        let mut builder = bounded(builder(self.table.clone(), &self.network, target)?, target, defaults);
        if !is_dry {
            builder = tokens::keep(builder, target, &self.table)?;
        }
        for account in self.accounts.iter().filter(|_| !target.sandbox) {
            let found = self.remembered(account, is_dry);
            let profile = if service == Some(account.service()) {
                found?
            } else {
                found.or_else(|_| account.profile(false))?
            };
            builder = builder.fallback(account.service(), profile);
        }
        Ok(builder)
    }

    /// What is remembered of a service. A dry run does without the secrets that cannot be read.
    fn remembered(&self, account: &Account, is_dry: bool) -> Result<Profile, Failure> {
        let profile = account.profile(true);
        let profile = if is_dry { profile.or_else(|_| account.profile(false)) } else { profile }?;
        // The command line's certificate counts before the one that is remembered.
        if self.network.cert.is_some() { Ok(profile) } else { account.certified(profile, is_dry) }
    }

    /// Refuses a remembered service whose secrets cannot be read.
    ///
    /// # Errors
    /// Where they cannot.
    pub(crate) fn check_account(&self, service: &str) -> Result<(), Failure> {
        let account = self.accounts.iter().find(|account| account.service() == service);
        account.map_or(Ok(()), |account| self.remembered(account, false).map(drop))
    }

    /// The remembered services that [`Known::check_account`] refuses.
    pub(crate) fn faulty_accounts(&self) -> HashSet<String> {
        let services = self.accounts.iter().map(Account::service);
        services.filter(|service| self.check_account(service).is_err()).map(str::to_owned).collect()
    }
}

/// What bounds every call: the options, else the configuration, else the library's defaults.
fn bounded(mut builder: HarnessBuilder, target: &Target, defaults: Defaults) -> HarnessBuilder {
    if let Some(each) = target.timeout.or(defaults.timeout) {
        builder = builder.timeout(each);
    }
    if let Some(limit) = target.connect_timeout.or(defaults.connect_timeout) {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = target.max_time.or(defaults.max_time) {
        builder = builder.max_time(limit);
    }
    if let Some((requests, span)) = target.rate_limit {
        builder = builder.rate_limit(requests, span);
    }
    if let Some(limit) = target.idle_timeout.or(defaults.idle_timeout) {
        builder = builder.idle_timeout(limit);
    }
    if let Some(repeats) = target.retry.or(defaults.retry) {
        builder = builder.retry(RetryPolicy::new().repeats(repeats));
    }
    match target.max_body.or(defaults.max_body) {
        Some(bytes) => builder.max_body(bytes),
        None => builder,
    }
}

fn builder(table: OperationTable, network: &Network, target: &Target) -> Result<HarnessBuilder, Failure> {
    let mut builder = Harness::builder().table(table).network(network.settings()?);
    if target.follow {
        builder = builder.follow_redirects(MOST_REDIRECTS);
    }
    if target.insecure_http {
        builder = builder.allow_http();
    }
    if target.sandbox {
        builder = builder.env(|_| None).no_proxy();
    }
    Ok(builder)
}

/// Runs work to its end, or until a signal ends it.
///
/// # Errors
/// What the work fails with, and [`Failure::Signal`].
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    signals::listen();
    run_plain(work)
}

/// As [`run`], for work that leaves nothing to clear away when the process is killed in its first moment.
///
/// # Errors
/// As those of [`run`].
pub(crate) fn run_plain<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    drive(async {
        tokio::select! {
            result = work => result,
            number = signals::asked() => Err(Failure::Signal(number)),
        }
    })
}

/// As [`run`], for work that listens to signals itself, and ends when one comes.
///
/// # Errors
/// What the work fails with.
pub(crate) fn run_listening<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    signals::listen();
    drive(work)
}

fn drive<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io("starting the runtime", error))?;
    let result = runtime.block_on(work);
    // A thread may still read standard input; nobody waits for it.
    runtime.shutdown_background();
    result
}
