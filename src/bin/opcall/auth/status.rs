//! `opcall auth status`: one token request a service, where one is signed in to by tokens. A key or a token that was
//! given is not tried: no call is harmless at every service, and only a call tells.

use std::io::Write;
use std::time::Duration;

use futures_util::future::join_all;
use opcall::{AccessToken, Error, Harness, SignInMethod, SignInPlan};
use serde_json::{Value, json};

use super::{known, sign_in, traced};
use crate::args::{Place, ShowOutput, StatusArgs, Target};
use crate::loopback::Loopback;
use crate::output::{Screen, escape, layout, paint};
use crate::report::{self, Failure};
use crate::session::{self, Known};

/// What is known of a service's sign-in.
struct Status {
    service: String,
    plan: Option<SignInPlan>,
    /// Whether the service takes the credentials, where that is known.
    accepted: Option<bool>,
    ends_in: Option<Duration>,
    is_kept: bool,
    /// Why it is not kept, where it was to be.
    keeping_problem: Option<String>,
    failure: Option<Failure>,
}

/// The object of a service that was signed in to.
pub(super) fn signed_in(service: &str, plan: SignInPlan, token: &AccessToken) -> Value {
    let status = Status {
        service: service.to_owned(),
        plan: Some(plan),
        accepted: Some(true),
        ends_in: token.ends_in(),
        is_kept: token.is_kept(),
        keeping_problem: None,
        failure: None,
    };
    status.to_json()
}

/// Prints the status of one service or of all.
///
/// # Errors
/// With the highest exit code of the services, once all are told. A service without credentials counts where it is
/// named.
pub(crate) fn run(args: &StatusArgs, screen: Screen) -> Result<(), Failure> {
    let named = args.service();
    if named.is_none() {
        refuse_one_place(&args.place.target, args.place.common.quiet)?;
    }
    let known = known(&args.place, named)?;
    let target = &args.place.target;
    let mut all = session::run(async {
        let sandbox = if target.sandbox { Some(Loopback::start(&known).await?) } else { None };
        let builder = known.builder(target, false, named)?;
        let harness = sandbox.iter().fold(builder, |builder, sandbox| sandbox.aim(builder)).build()?;
        let services: Vec<&str> = match named {
            Some(service) => vec![service],
            None => harness.table().services().collect(),
        };
        Ok(join_all(services.into_iter().map(|service| ask(&known, &harness, service, &args.place))).await)
    })?;
    if let (Some(_), Some(Status { plan: None, failure, .. })) = (named, all.first_mut())
        && let Some(failure) = failure.take()
    {
        return Err(failure);
    }
    report::whoever_reads(write(&all, args.output.unwrap_or_default(), screen))?;
    let counts = |one: &&Status| named.is_some() || one.method() != SignInMethod::None || one.plan.is_none();
    let codes = all.iter().filter(counts).filter_map(|one| one.failure.as_ref().map(Failure::exit_code));
    match codes.max() {
        Some(code) => Err(Failure::Told(code)),
        None => Ok(()),
    }
}

/// What says where one service is, says it of no other: each would send its secrets there.
fn refuse_one_place(target: &Target, is_quiet: bool) -> Result<(), Failure> {
    let given = [
        ("--server", target.server.is_some()),
        ("--server-variable", !target.server_variables.is_empty()),
        ("--profile", target.profile.is_some()),
    ];
    if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
        let hint = format!("name the service: opcall auth status SERVICE {option} ...");
        let problem = format!("{option} is of one service, and `auth status` asks all of them");
        return Err(Failure::usage(problem, Some(hint)));
    }
    let is_told = |name: &&str| !is_quiet && !target.sandbox && session::variable(name).is_some();
    for name in ["OPCALL_SERVER", "OPCALL_PROFILE"].into_iter().filter(is_told) {
        session::note(&format!("{name} is of one service, and is not looked at for all of them"));
    }
    Ok(())
}

async fn ask(known: &Known, harness: &Harness, service: &str, place: &Place) -> Status {
    let mut status = Status {
        service: service.to_owned(),
        plan: None,
        accepted: None,
        ends_in: None,
        is_kept: false,
        keeping_problem: None,
        failure: None,
    };
    if let (false, Err(failure)) = (place.target.sandbox, known.check_account(service)) {
        status.failure = Some(failure);
        return status;
    }
    if let Err(failure) = fill(&mut status, harness, service, place).await {
        status.accepted = failure.library().is_some_and(is_refusal).then_some(false);
        status.failure = Some(failure);
    }
    status
}

async fn fill(status: &mut Status, harness: &Harness, service: &str, place: &Place) -> Result<(), Failure> {
    let sign_in = sign_in(harness, service, &place.target);
    let plan = sign_in.plan()?;
    let method = plan.method;
    status.plan = Some(plan);
    if matches!(method, SignInMethod::ClientCredentials | SignInMethod::None) {
        let token = match traced(place, service, sign_in.renew()).await {
            Ok(token) => token,
            Err(failure) => {
                // Calls go on with the token of before, until that is over.
                if let Ok(Some(kept)) = sign_in.kept().await {
                    (status.is_kept, status.ends_in) = (true, kept.ends_in());
                }
                return Err(failure);
            }
        };
        status.accepted = Some(true);
        status.ends_in = token.ends_in();
        status.is_kept = token.is_kept();
        status.keeping_problem = token.keeping_problem().map(str::to_owned);
        // The service may have named the region.
        status.plan = Some(sign_in.plan()?);
    }
    Ok(())
}

/// Whether the token endpoint has said no to the credentials, and not to the moment.
fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Auth(refused) if refused.status.is_some()) && !error.is_retryable()
}

fn write(all: &[Status], output: ShowOutput, screen: Screen) -> Result<(), Failure> {
    let mut out = screen.out();
    match output {
        ShowOutput::Json => {
            let all: Value = all.iter().map(Status::to_json).collect();
            layout(&all.to_string(), screen.json(), &mut out)?;
            writeln!(out)?;
        }
        ShowOutput::Auto => {
            for status in all {
                writeln!(out, "{}", paint(&escape(&status.service), screen.heading()))?;
                for line in status.lines() {
                    writeln!(out, "  {}", escape(&line))?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

impl Status {
    fn method(&self) -> SignInMethod {
        self.plan.as_ref().map_or(SignInMethod::None, |plan| plan.method)
    }

    fn to_json(&self) -> Value {
        let plan = self.plan.as_ref();
        json!({
            "service": self.service,
            "base_url": plan.and_then(|plan| plan.base_url.as_deref()),
            "region": plan.and_then(|plan| plan.region.as_deref()),
            "sources": plan.map(|plan| &plan.sources[..]).unwrap_or_default(),
            "scheme": plan.and_then(|plan| plan.scheme.as_deref()),
            "method": self.method().as_str(),
            "accepted": self.accepted,
            "expires_in": self.ends_in.map(|left| left.as_secs()),
            "kept": self.is_kept,
            "error": self.failure.as_ref().map(Failure::to_line_json),
        })
    }

    /// What a person reads below the service's name.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(plan) = &self.plan {
            lines.push(place(plan));
            if !plan.sources.is_empty() {
                lines.push(format!("read from {}", plan.sources.join(", ")));
            }
        }
        match (&self.failure, self.ends_in) {
            (Some(failure), ends_in) => {
                lines.push(failure.to_string());
                lines.extend(failure.hint());
                if self.is_kept {
                    let ends =
                        ends_in.map_or_else(String::new, |left| format!(" and ends in {}", in_words(left)));
                    lines.push(format!("the token of before is kept{ends}"));
                }
            }
            (None, _) if self.accepted.is_none() => {
                lines.push(format!("{}: only a call tells whether it is accepted", given(self.method())));
            }
            (None, ends_in) => {
                let ends = ends_in
                    .map_or_else(String::new, |left| format!("; the token ends in {}", in_words(left)));
                let kept = if self.is_kept { ", and is kept" } else { ", and is not kept" };
                let why = self.keeping_problem.as_ref().map_or_else(String::new, |why| format!(": {why}"));
                lines.push(format!("accepted{ends}{kept}{why}"));
            }
        }
        lines
    }
}

fn given(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::ApiKey => "an API key is given",
        SignInMethod::Password => "a user name and a password are given",
        SignInMethod::Certificate => "a client certificate is given",
        _ => "an access token is given",
    }
}

/// Where calls go.
pub(super) fn place(plan: &SignInPlan) -> String {
    let base = plan.base_url.as_deref().unwrap_or("its address is not known");
    match &plan.region {
        Some(region) => format!("{base} ({region})"),
        None => base.to_owned(),
    }
}

/// A span of time in its two largest units.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_told_by_their_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (1_799, "29 min 59 s"),
            (3_600, "1 h 0 min"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
