//! From a request to an answer: which service, which operation, which fault, which machine.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use serde_json::json;

use super::clock::{Ticker, millis};
use super::described::{Described, Found, fits};
use super::exchange::{Answer, Incoming, Region, reason};
use super::fault::{Effect, Faults};
use super::ids::Ids;
use super::state::{Services, lock};
use super::{falcon, logscale, panther};
use crate::table::format::fold_separators;

/// All that both listeners share.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) addresses: [SocketAddr; 2],
    pub(crate) described: Described,
    pub(crate) services: Services,
    pub(crate) clock: Ticker,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) counts: Mutex<HashMap<String, u64>>,
    pub(crate) traces: Mutex<Ids>,
}

/// What a method and a path mean in a service.
enum Target<'s> {
    /// A state machine, by the operation's ID.
    Machine(&'static str),
    /// An operation that the table describes.
    Described(crate::Operation<'s>, Vec<(String, String)>),
    /// Other methods are known there.
    OtherMethods(Vec<String>),
    Nothing,
}

type Route = (&'static str, &'static str, &'static str);

const GRAPHQL: [Route; 1] = [("graphql", "POST", "/graphql")];

impl Stage {
    /// Scheme, host and port of a listener.
    pub(crate) fn origin(&self, region: Region) -> String {
        let [first, second] = self.addresses;
        format!("http://{}", if region == Region::Us1 { first } else { second })
    }

    /// Whether a service is served.
    pub(crate) fn serves(&self, service: &str) -> bool {
        !machines(service).is_empty() || self.described.has(service)
    }

    /// The names of all services.
    pub(crate) fn services(&self) -> Vec<String> {
        let mut names: Vec<String> = self.described.services().map(str::to_owned).collect();
        names.extend(["falcon", "logscale", "panther"].map(str::to_owned));
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn trace(&self) -> String {
        lock(&self.traces).uuid()
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        let name = if operation == "token" { "oauth2AccessToken" } else { operation };
        lock(&self.counts).get(&key(name)).copied().unwrap_or(0)
    }

    fn note(&self, service: &str, names: &[String]) {
        let mut counts = lock(&self.counts);
        for name in names {
            *counts.entry(key(name)).or_default() += 1;
            *counts.entry(key(&format!("{service}:{name}"))).or_default() += 1;
        }
    }

    /// What a request comes to: the effect of a fault, which the caller waits for, and the answer.
    pub(crate) fn play(&self, service: &str, incoming: &mut Incoming) -> (Effect, Answer) {
        let target = self.target(service, &incoming.method, &incoming.path);
        let names = names(&target, incoming);
        self.note(service, &names);
        let mut faults = lock(&self.faults);
        incoming.moved = faults.moves(service, &names);
        let effect = if incoming.moved && incoming.region == Region::Us2 {
            Effect::default()
        } else {
            faults.take(service, &names)
        };
        drop(faults);
        let answer = match effect.status {
            Some(status) => self.fail(service, incoming, status, effect),
            None => self.run(service, &target, incoming),
        };
        (effect, answer)
    }

    /// A HEAD that nothing declares is a GET whose body stays away (RFC 9110 §9.3.2).
    fn target(&self, service: &str, method: &str, path: &str) -> Target<'_> {
        let is_declared = || matches!(self.described.find(service, "HEAD", path), Found::Operation(..));
        let method = if method == "HEAD" && !is_declared() { "GET" } else { method };
        let mut methods = Vec::new();
        for (id, own, _) in machines(service).iter().filter(|(.., template)| fits(template, path).is_some()) {
            if *own == method {
                return Target::Machine(id);
            }
            methods.push((*own).to_owned());
        }
        match self.described.find(service, method, path) {
            Found::Operation(operation, variables) => Target::Described(operation, variables),
            Found::OtherMethods(others) => {
                methods.extend(others);
                methods.sort_unstable();
                methods.dedup();
                Target::OtherMethods(methods)
            }
            Found::Nothing if methods.is_empty() => Target::Nothing,
            Found::Nothing => Target::OtherMethods(methods),
        }
    }

    fn run(&self, service: &str, target: &Target<'_>, incoming: &Incoming) -> Answer {
        match target {
            Target::Machine(id) => match service {
                "falcon" => self.services.falcon().handle(id, incoming),
                "panther" => self.services.panther().handle(id, incoming),
                _ => self.services.logscale().handle(incoming),
            },
            Target::Described(operation, variables) => {
                self.described(service, *operation, variables, incoming)
            }
            Target::OtherMethods(methods) => {
                self.refuse(service, incoming, 405, "method not allowed").with("allow", methods.join(", "))
            }
            Target::Nothing if service == "falcon" => {
                self.services.falcon().dress_stranger(falcon::missing(incoming), incoming)
            }
            Target::Nothing => self.refuse(service, incoming, 404, "not found"),
        }
    }

    /// An operation that only the table knows: signed in, checked, answered from its schema.
    fn described(
        &self,
        service: &str,
        operation: crate::Operation<'_>,
        variables: &[(String, String)],
        incoming: &Incoming,
    ) -> Answer {
        let answer = || {
            let problems = self.described.problems(operation, variables, incoming);
            if problems.is_empty() {
                self.described.answer(operation)
            } else {
                misfit(service, incoming, &problems)
            }
        };
        if service == "falcon" {
            if operation.security().len() == 0 {
                return self.services.falcon().dress_stranger(answer(), incoming);
            }
            let entered = self.services.falcon().enter(incoming, operation.scope());
            return entered
                .map_or_else(|refusal| *refusal, |caller| falcon::dress(answer(), incoming, caller));
        }
        let admitted = match service {
            "panther" => self.services.panther().admit(incoming),
            "logscale" => self.services.logscale().admit(incoming),
            _ if self.described.is_signed_in(operation, incoming) => Ok(()),
            _ => {
                let message = "no credentials of the kind that the operation asks for";
                let mut refusal = self.refuse(service, incoming, 401, message);
                if self.described.challenges(operation) {
                    let challenge =
                        r#"Digest realm="sandbox", nonce="sandbox", qop="auth", algorithm=SHA-256"#;
                    refusal.headers.push(("www-authenticate", challenge.to_owned()));
                }
                Err(refusal)
            }
        };
        admitted.map_or_else(|refusal| refusal, |()| answer())
    }

    /// A refusal in the service's own shape.
    fn refuse(&self, service: &str, incoming: &Incoming, status: u16, message: &str) -> Answer {
        match service {
            "falcon" => {
                let answer = falcon::gateway(incoming, status, message);
                self.services.falcon().dress_stranger(answer, incoming)
            }
            "logscale" => logscale::refuse(status, message),
            _ => panther::refuse(status, message),
        }
    }

    /// A failure on demand.
    fn fail(&self, service: &str, incoming: &Incoming, status: u16, effect: Effect) -> Answer {
        let wait = effect.retry_after.map(millis);
        if (300..400).contains(&status) {
            let answer =
                Answer::empty(status).with("location", format!("{}{}", incoming.elsewhere, incoming.path));
            return if service == "falcon" {
                answer.with("x-cs-region", incoming.region.other().name())
            } else {
                answer
            };
        }
        if service == "falcon" && status == 429 {
            let falcon = self.services.falcon();
            let until = incoming.now + wait.unwrap_or(1000);
            return falcon.dress_stranger(falcon.too_many(incoming, until), incoming);
        }
        let answer = self.refuse(service, incoming, status, &reason(status));
        match wait {
            Some(wait) => answer.with("retry-after", ((wait + 999) / 1000).to_string()),
            None => answer,
        }
    }
}

/// What a request that does not fit its operation is told, in the service's own shape.
fn misfit(service: &str, incoming: &Incoming, problems: &[String]) -> Answer {
    match service {
        "falcon" => falcon::violations(incoming, problems),
        "panther" => panther::refuse(400, &problems.join("; ")),
        "logscale" => logscale::refuse(400, &problems.join("; ")),
        _ => Answer::json(400, &json!({"message": problems.join("; "), "errors": problems})),
    }
}

fn key(name: &str) -> String {
    fold_separators(name)
}

fn machines(service: &str) -> &'static [Route] {
    match service {
        "falcon" => &falcon::ROUTES,
        "panther" => &panther::ROUTES,
        "logscale" => &GRAPHQL,
        _ => &[],
    }
}

/// The names that a request may be called by.
fn names(target: &Target<'_>, incoming: &Incoming) -> Vec<String> {
    match target {
        Target::Machine("graphql") => logscale::names(incoming),
        Target::Machine("oauth2AccessToken") => vec!["oauth2AccessToken".to_owned(), "token".to_owned()],
        Target::Machine(id) => vec![(*id).to_owned()],
        Target::Described(operation, _) => {
            let mut names = vec![operation.id().to_owned()];
            names.extend(operation.aliases().map(str::to_owned));
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| seen.insert(key(name)));
            names
        }
        _ => Vec::new(),
    }
}
