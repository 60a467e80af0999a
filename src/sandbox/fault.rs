//! Faults on demand: which operation fails, how, how often and how slowly.

use std::fmt;
use std::time::Duration;

use crate::table::format::fold_separators;

/// A failure that the sandbox plays, in the service's own shape; off unless asked for.
///
/// Its text form is `OPERATION:STATUS` with options behind it. `OPERATION` is an operation's ID, `service:id`,
/// `token` for Falcon's token endpoint, or `*` for all. A 2xx status plays no failure, so that `slow` can stand alone; 308
/// sends the caller to the other region.
///
/// ```
/// use std::time::Duration;
/// use opcall::sandbox::Fault;
///
/// let fault: Fault = "tokens_query:503;retry-after=2;times=3;slow=500ms".parse()?;
/// assert_eq!(fault, Fault::new("tokens_query", 503)
///     .retry_after(Duration::from_secs(2))
///     .times(3)
///     .slow(Duration::from_millis(500)));
/// # Ok::<(), opcall::sandbox::InvalidFault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    operation: String,
    status: u16,
    retry_after: Option<Duration>,
    times: Option<u32>,
    slow: Option<Duration>,
}

impl Fault {
    /// Every call of the operation gets this status.
    #[must_use]
    pub fn new(operation: &str, status: u16) -> Self {
        Self { operation: operation.to_owned(), status, retry_after: None, times: None, slow: None }
    }

    /// The answer asks the caller to wait so long, in the service's own way.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// Only the first so many calls fail; without it all do.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The answer comes so late.
    #[must_use]
    pub fn slow(self, wait: Duration) -> Self {
        Self { slow: Some(wait), ..self }
    }

    /// Whether it is about an operation, given by its IDs without their service.
    fn is_about(&self, service: &str, names: &[String]) -> bool {
        if self.operation == "*" {
            return true;
        }
        let wanted = match self.operation.split_once(':') {
            Some((of, id)) if of == service => id,
            Some((_, _)) => return false,
            None => &self.operation,
        };
        names.iter().any(|name| fold_separators(name) == fold_separators(wanted))
    }

    /// The status to play; `None` where it only slows.
    fn failure(&self) -> Option<u16> {
        (!(200..300).contains(&self.status)).then_some(self.status)
    }
}

/// The text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no fault: {problem}; write OPERATION:STATUS;retry-after=2;times=3;slow=500ms")]
pub struct InvalidFault {
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub problem: String,
}

impl std::str::FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        parse(text).map_err(|problem| InvalidFault { text: text.to_owned(), problem })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.operation, self.status)?;
        if let Some(wait) = self.retry_after {
            write!(f, ";retry-after={}ms", wait.as_millis())?;
        }
        if let Some(times) = self.times {
            write!(f, ";times={times}")?;
        }
        self.slow.map_or(Ok(()), |wait| write!(f, ";slow={}ms", wait.as_millis()))
    }
}

fn parse(text: &str) -> Result<Fault, String> {
    let mut parts = text.split(';').map(str::trim);
    let head = parts.next().unwrap_or_default();
    let (operation, status) = head.rsplit_once(':').ok_or("it names no status")?;
    if operation.trim().is_empty() {
        return Err("it names no operation".to_owned());
    }
    let status = status.trim().parse().ok().filter(|status| (200..600).contains(status));
    let fault = Fault::new(operation.trim(), status.ok_or("the status must be 200 to 599")?);
    parts.filter(|part| !part.is_empty()).try_fold(fault, option)
}

fn option(fault: Fault, part: &str) -> Result<Fault, String> {
    let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no value"))?;
    match name.trim() {
        "retry-after" => Ok(fault.retry_after(wait(value)?)),
        "slow" => Ok(fault.slow(wait(value)?)),
        "times" => {
            value.trim().parse().map(|times| fault.times(times)).map_err(|_| "times must be a number".into())
        }
        other => Err(format!("`{other}` is no option of it")),
    }
}

/// `2`, `2s` or `500ms`.
fn wait(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').unwrap_or(text), 1000),
    };
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time such as 2, 2s or 500ms"))?;
    Ok(Duration::from_millis(number.saturating_mul(unit)))
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Effect {
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) slow: Option<Duration>,
}

/// The faults of a sandbox, and how often each is still to be played.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// Whether a fault sends the callers of the token endpoint to the other region.
    pub(crate) fn moves(&self, service: &str, names: &[String]) -> bool {
        self.0.iter().any(|fault| fault.status == 308 && fault.is_about(service, names))
    }

    /// The effect of the first fault that is about a call; one with `times` is used up by it.
    pub(crate) fn take(&mut self, service: &str, names: &[String]) -> Effect {
        let about = self.0.iter_mut().find(|fault| fault.times != Some(0) && fault.is_about(service, names));
        let Some(fault) = about else { return Effect::default() };
        fault.times = fault.times.map(|times| times - 1);
        Effect { status: fault.failure(), retry_after: fault.retry_after, slow: fault.slow }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn names(name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    #[test]
    fn the_text_form_reads_and_writes() {
        let fault: Fault = "falcon:tokens_query:429; retry-after=2s; times=3; slow=10ms".parse().unwrap();
        assert_eq!(fault.to_string(), "falcon:tokens_query:429;retry-after=2000ms;times=3;slow=10ms");
        assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |text: &str| text.parse::<Fault>().unwrap_err().problem;
        assert_eq!(problem("tokens_query"), "it names no status");
        assert_eq!(problem(":500"), "it names no operation");
        assert_eq!(problem("x:99"), "the status must be 200 to 599");
        assert_eq!(problem("x:500;times"), "`times` has no value");
        assert_eq!(problem("x:500;slow=soon"), "`soon` is no time such as 2, 2s or 500ms");
        assert_eq!(problem("x:500;often=2"), "`often` is no option of it");
    }

    #[test]
    fn a_fault_finds_its_operation_in_every_spelling_and_ends() {
        let mut faults = Faults::new(vec!["panther:api_token_list:500;times=1".parse().unwrap()]);
        assert_eq!(faults.take("falcon", &names("api_token_list")).status, None);
        assert_eq!(faults.take("panther", &names("api token#list")).status, Some(500));
        assert_eq!(faults.take("panther", &names("api token#list")).status, None);
    }

    #[test]
    fn a_success_status_only_slows() {
        let mut faults = Faults::new(vec!["*:200;slow=5ms".parse().unwrap()]);
        let effect = faults.take("falcon", &names("anything"));
        assert_eq!((effect.status, effect.slow), (None, Some(Duration::from_millis(5))));
    }
}
