//! `opcall auth`: tells how services are signed in to, keeps tokens between calls, gives them back, prints one.

mod status;

use std::io::Write;
use std::path::{Path, PathBuf};

use opcall::{AccessToken, Attempt, Error, Forgotten, Harness, SignIn};

use serde_json::{Value, json};

use crate::answer;
use crate::args::{AccountArgs, AuthArgs, AuthCommand, Place, ShowOutput, Source, Target, TokenArgs};
use crate::loopback::Loopback;
use crate::output::{Screen, counted, escape, layout};
use crate::remembered::Wanted;
use crate::report::{About, Failure};
use crate::session::{self, Known};
use crate::tokens;

/// Does what is asked for.
///
/// # Errors
/// Where a service is not known, its token endpoint refuses or does not answer, and where the cache folder cannot be
/// written.
pub(crate) fn run(args: &AuthArgs, screen: Screen) -> Result<(), Failure> {
    match &args.command {
        AuthCommand::Status(args) => status::run(args, screen),
        AuthCommand::Login(args) => login(args, screen),
        AuthCommand::Logout(args) => logout(args, screen),
        AuthCommand::Token(args) => token(args, screen),
    }
}

/// The services that there are: the one that is named, or all.
fn known(place: &Place, service: Option<&str>) -> Result<Known, Failure> {
    let api = service.map(str::to_owned).or_else(|| place.source.api.clone());
    session::known(&Source { api, ..place.source.clone() }, &place.common, Wanted::All)
}

/// The door to a service's sign-in with what the command line says of it.
fn sign_in<'a>(harness: &'a Harness, service: &'a str, target: &Target) -> SignIn<'a> {
    let mut sign_in = harness.sign_in(service);
    if let Some(profile) = &target.profile {
        sign_in = sign_in.profile(profile);
    }
    if let Some(server) = &target.server {
        sign_in = sign_in.server(server);
    }
    target
        .server_variables
        .iter()
        .fold(sign_in, |sign_in, (name, value)| sign_in.server_variable(name, value))
}

/// Fetches a token; with `-v` the attempts are told.
async fn traced(
    place: &Place,
    service: &str,
    fetching: impl Future<Output = Result<AccessToken, Error>>,
) -> Result<AccessToken, Failure> {
    let fetched = fetching.await;
    let attempts = fetched.as_ref().map_or_else(Error::sign_in_attempts, AccessToken::attempts);
    let what = format!("signing in to {service}");
    trace(place, &what, attempts);
    if let (Some(held), true) = (fetched.as_ref().ok().and_then(AccessToken::held), place.common.verbose > 0)
    {
        let length = held.length.as_millis();
        session::tell(&[format!("* {what}: held back for {length} ms ({})", held.reason)]);
    }
    Ok(fetched?)
}

/// Tells the attempts of something, with `-v`.
fn trace(place: &Place, what: &str, attempts: &[Attempt]) {
    if place.common.verbose > 0 {
        answer::trace_sign_in(what, attempts);
    }
}

/// A harness that keeps the tokens of one service. Where they are only to be forgotten, it does without secrets that
/// cannot be read.
fn keeping(args: &AccountArgs, is_needed: bool) -> Result<(Harness, PathBuf), Failure> {
    if args.place.target.sandbox {
        let hint = "start one that stays with `opcall sandbox`, and name it by --server.";
        return Err(Failure::usage(
            "the sandbox of one command ends with it, and so do its tokens",
            Some(hint.to_owned()),
        ));
    }
    let folder = tokens::folder()?;
    let known = known(&args.place, Some(&args.service))?;
    let service = Some(args.service.as_str()).filter(|_| is_needed);
    let builder = known.builder(&args.place.target, false, service)?;
    Ok((builder.token_cache_for(&args.service, &folder).build()?, folder))
}

fn login(args: &AccountArgs, screen: Screen) -> Result<(), Failure> {
    let (harness, folder) = keeping(args, true)?;
    let sign_in = sign_in(&harness, &args.service, &args.place.target);
    let token = session::run(traced(&args.place, &args.service, sign_in.renew()))?;
    if !token.is_kept() {
        return Err(not_kept(&folder, token.keeping_problem()));
    }
    tokens::mark(&folder, &args.service)?;
    let plan = sign_in.plan()?;
    let mut out = screen.out();
    if args.output == Some(ShowOutput::Json) {
        return print(&status::signed_in(&args.service, plan, &token), screen);
    }
    let place = status::place(&plan);
    writeln!(out, "{}: signed in, {}", escape(&args.service), escape(&place))?;
    let ends =
        token.ends_in().map_or_else(String::new, |left| format!(" ends in {} and", status::in_words(left)));
    writeln!(out, "  the token{ends} is kept in {}", escape(&folder.to_string_lossy()))?;
    Ok(out.flush()?)
}

/// What was signed in to for nothing: the next call fetches a token of its own.
fn not_kept(folder: &Path, why: Option<&str>) -> Failure {
    let action = format!("keeping the token in {}", folder.display());
    Failure::io(action, std::io::Error::other(why.unwrap_or("its service has no cache")))
}

fn logout(args: &AccountArgs, screen: Screen) -> Result<(), Failure> {
    let (harness, folder) = keeping(args, false)?;
    let sign_in = sign_in(&harness, &args.service, &args.place.target);
    // What is wrong with the account shows before anything is forgotten.
    sign_in.plan()?;
    tokens::unmark(&folder, &args.service)?;
    let forgotten = session::run(given_back(args, &sign_in)).map_err(|failure| {
        if matches!(failure.library(), None | Some(Error::Io(_))) {
            return failure;
        }
        let hint = "the tokens are forgotten here all the same; at the service they end by themselves.";
        failure.within(About { hint: Some(hint.to_owned()), ..About::default() })
    })?;
    if args.output == Some(ShowOutput::Json) {
        let (tokens, given_back) = (forgotten.tokens, forgotten.revoked);
        let told = json!({"service": args.service, "forgotten": tokens, "given_back": given_back});
        return print(&told, screen);
    }
    let mut out = screen.out();
    let count = counted(forgotten.tokens, "token");
    let are_left = forgotten.tokens > forgotten.revoked;
    let left = if are_left { "; at the service the others end by themselves" } else { "" };
    writeln!(out, "{}: {count} forgotten, {} given back{left}", escape(&args.service), forgotten.revoked)?;
    Ok(out.flush()?)
}

fn print(told: &Value, screen: Screen) -> Result<(), Failure> {
    let mut out = screen.out();
    layout(&told.to_string(), screen.json(), &mut out)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// Forgets the tokens; with `-v` the attempts of giving them back are told.
async fn given_back(args: &AccountArgs, sign_in: &SignIn<'_>) -> Result<Forgotten, Failure> {
    let forgotten = sign_in.forget().await;
    let attempts = forgotten.as_ref().map_or_else(Error::sign_in_attempts, |forgotten| &forgotten.attempts);
    trace(&args.place, &format!("giving back tokens of {}", args.service), attempts);
    Ok(forgotten?)
}

fn token(args: &TokenArgs, screen: Screen) -> Result<(), Failure> {
    if screen.is_terminal && !args.yes {
        let hint = "give --yes to print it, or send it on: `opcall auth token SERVICE | ...`.";
        return Err(Failure::refused("a token is not printed on a terminal", Some(hint.to_owned())));
    }
    let known = known(&args.place, Some(&args.service))?;
    let token = session::run(async {
        let target = &args.place.target;
        let sandbox = if target.sandbox { Some(Loopback::start(&known).await?) } else { None };
        let builder = known.builder(target, false, Some(&args.service))?;
        let harness = sandbox.iter().fold(builder, |builder, sandbox| sandbox.aim(builder)).build()?;
        let sign_in = sign_in(&harness, &args.service, target);
        traced(&args.place, &args.service, sign_in.token()).await
    })?;
    let mut out = screen.out();
    writeln!(out, "{}", escape(token.expose()))?;
    Ok(out.flush()?)
}
