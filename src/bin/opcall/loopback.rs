//! `--sandbox`: the sandbox inside the program, for one call or one batch.

use opcall::HarnessBuilder;

use crate::args::CallArgs;
use crate::call::Call;
use crate::output::Screen;
use crate::report::Failure;
use crate::session::{self, Known};

/// The base of all services in a sandbox that is not started: a dry run opens no socket.
pub(crate) fn unstarted_base() -> String {
    "http://127.0.0.1:0".into()
}

/// The base URL of a service below the base of all.
pub(crate) fn url(base: &str, service: &str) -> String {
    format!("{base}/{service}")
}

/// Makes one call to a sandbox of its own.
///
/// # Errors
/// Everything that can go wrong with a call.
pub(crate) fn run(known: &Known, call: &Call<'_>, args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    let done = session::run(async {
        let sandbox = Loopback::start(known).await?;
        let harness = sandbox.aim(known.builder(&args.target, false, None)?).build()?;
        call.send(&harness, args, screen).await
    });
    done.map_err(|failure| call.given_up(failure))
}

/// A sandbox in this process.
#[cfg(feature = "sandbox")]
pub(crate) struct Loopback {
    sandbox: opcall::sandbox::Sandbox,
    services: Vec<String>,
}

#[cfg(feature = "sandbox")]
impl Loopback {
    /// Starts it with the operations that are known; its state is the same at every start.
    ///
    /// # Errors
    /// Where no port can be had or a document cannot be read.
    pub(crate) async fn start(known: &Known) -> Result<Self, Failure> {
        let documents = known.documents.iter().cloned();
        let builder =
            documents.fold(opcall::sandbox::Sandbox::builder(), opcall::sandbox::SandboxBuilder::document);
        let services = known.table.services().map(str::to_owned).collect();
        Ok(Self { sandbox: builder.start().await?, services })
    }

    /// Points every service at it, with the demo caller that may do everything.
    pub(crate) fn aim(&self, builder: HarnessBuilder) -> HarnessBuilder {
        self.services
            .iter()
            .fold(builder, |builder, service| builder.profile(service, self.sandbox.profile(service)))
    }
}

/// There is none in this build.
#[cfg(not(feature = "sandbox"))]
pub(crate) enum Loopback {}

#[cfg(not(feature = "sandbox"))]
impl Loopback {
    /// Says that this build has no sandbox.
    ///
    /// # Errors
    /// Always.
    #[allow(clippy::unused_async, reason = "stands in for the one that waits")]
    pub(crate) async fn start(_: &Known) -> Result<Self, Failure> {
        let hint = "build opcall with the feature `sandbox`.".to_owned();
        Err(Failure::usage("this build has no sandbox", Some(hint)))
    }

    /// Never called: there is no value of it.
    pub(crate) fn aim(&self, _: HarnessBuilder) -> HarnessBuilder {
        match *self {}
    }
}
