//! `--paginate`: page after page, each as it comes, item by item, or all items as one list.

use std::io::{self, Write};

use opcall::{Error, Pages, Response, StopReason};
use serde_json::value::RawValue;

use crate::answer::{self, Told};
use crate::args::{CallArgs, CallOutput};
use crate::output::{Layout, Screen, compact, layout};
use crate::reached::Reached;
use crate::report::{About, Failure};
use crate::session;

/// Prints the pages of a call.
///
/// # Errors
/// What a page fails with, after those before it are printed; and where the pages end for no good reason.
pub(crate) async fn run(
    pages: Pages<'_>,
    is_graphql: bool,
    (args, told): (&CallArgs, &Told),
    screen: Screen,
) -> Result<(), Failure> {
    let form = Form::of(args)?;
    let mut pages = limited(pages, args);
    let mut printer = Printer {
        form,
        is_graphql,
        args,
        screen,
        left: args.pages.max_items,
        was_cut: false,
        list: Vec::new(),
    };
    let mut last = None;
    while let Some(page) = pages.next().await {
        match page {
            Ok(response) => {
                answer::trace_attempts(response.sign_in_attempts(), response.attempts(), told, args);
                let reached = Reached::answered(response.status(), response.attempts());
                last = Some(reached.clone());
                printer.page(&response).map_err(|failure| failure.reached(reached))?;
            }
            Err(Error::Refused(refused)) => {
                answer::trace_attempts(
                    refused.response.sign_in_attempts(),
                    refused.response.attempts(),
                    told,
                    args,
                );
                if form == Form::Pages {
                    answer::print_refusal(&refused.response, args, screen)?;
                }
                return Err(Error::Refused(refused).into());
            }
            Err(error) => {
                answer::trace_attempts_of(&error, told, args);
                return Err(error.into());
            }
        }
    }
    let cut = args.pages.max_items.filter(|_| printer.was_cut).map(StopReason::ItemLimit);
    printer.end().map_err(|failure| failure.within(About { reached: last, ..About::default() }))?;
    tell_why(cut.or(pages.stop()), args)
}

/// Says why the pages ended, unless the service said that there are no more.
fn tell_why(stop: Option<StopReason>, args: &CallArgs) -> Result<(), Failure> {
    let problem = |reason: StopReason, hint: &str| {
        Err(Failure::Local { problem: format!("not all pages came: {reason}"), hint: Some(hint.to_owned()) })
    };
    match stop {
        Some(reason @ StopReason::PageLimit(_)) if args.pages.max_pages.is_none() => {
            problem(reason, "say with --max-pages how many may come.")
        }
        Some(reason @ (StopReason::EmptyPage | StopReason::Repeated)) => {
            problem(reason, "what came is printed; take it for a part of the list.")
        }
        None | Some(StopReason::Complete | StopReason::Failed) => Ok(()),
        Some(reason) => {
            if !args.common.quiet {
                session::note(&format!("stopped: {reason}"));
            }
            Ok(())
        }
    }
}

fn limited<'a>(pages: Pages<'a>, args: &CallArgs) -> Pages<'a> {
    let pages = match args.pages.max_pages {
        Some(limit) => pages.max_pages(limit),
        None => pages,
    };
    match args.pages.max_items {
        Some(limit) => pages.max_items(limit),
        None => pages,
    }
}

/// Prints the items of one answer, each on a line of its own; an answer without a list of items is a line itself.
///
/// # Errors
/// Where the answer is no JSON, or standard output cannot be written.
pub(crate) fn write_lines(response: &Response, screen: Screen) -> Result<(), Failure> {
    if response.bytes().is_empty() {
        return Ok(());
    }
    let mut out = screen.out();
    if let Ok(items) = response.items::<Box<RawValue>>() {
        items.iter().try_for_each(|item| line(item.get(), screen, &mut out))?;
    } else {
        let whole: &RawValue = serde_json::from_str(response.result_text()?).map_err(|_| not_json())?;
        line(whole.get(), screen, &mut out)?;
    }
    Ok(out.flush()?)
}

/// The answer cannot be printed as JSON.
pub(crate) fn not_json() -> Failure {
    let hint = "print it with `-o raw`.".to_owned();
    Failure::Local { problem: "the answer is not JSON".into(), hint: Some(hint) }
}

fn line(json: &str, screen: Screen, out: &mut impl Write) -> io::Result<()> {
    layout(json, Layout { indent: false, ..screen.json() }, out)?;
    writeln!(out)
}

/// What pages are printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Each page as a call of its own would print it.
    Pages,
    /// An item a line.
    Lines,
    /// All items as one list.
    List,
}

impl Form {
    fn of(args: &CallArgs) -> Result<Self, Failure> {
        let output = args.output.unwrap_or_default();
        let form = match (args.pages.slurp, output) {
            (true, CallOutput::Raw | CallOutput::None) => {
                return Err(Failure::usage("--slurp prints JSON, and -o asks for something else", None));
            }
            (true, _) => Self::List,
            (false, CallOutput::Ndjson) => Self::Lines,
            (false, _) => Self::Pages,
        };
        if args.include && form != Form::Pages {
            let hint = Some("leave --include out, or print whole pages.".to_owned());
            return Err(Failure::usage("--include prints the heads of pages, and items have none", hint));
        }
        Ok(form)
    }
}

/// Prints pages as they come.
struct Printer<'p> {
    form: Form,
    is_graphql: bool,
    args: &'p CallArgs,
    screen: Screen,
    /// So many items are still to be printed, where there is a limit.
    left: Option<u64>,
    /// Whether the last page had more items than were to be printed.
    was_cut: bool,
    /// The items of a list that is printed at the end, without spaces.
    list: Vec<u8>,
}

impl Printer<'_> {
    fn page(&mut self, response: &Response) -> Result<(), Failure> {
        if self.form == Form::Pages {
            return answer::write(response, self.is_graphql, self.args, self.screen);
        }
        if self.args.common.verbose > 0 {
            answer::trace(response.status(), &response.shown_headers());
        }
        let items = response.items::<Box<RawValue>>()?;
        let mut out = self.screen.out();
        for item in items {
            if self.left == Some(0) {
                self.was_cut = true;
                break;
            }
            self.left = self.left.map(|left| left - 1);
            if self.form == Form::Lines {
                line(item.get(), self.screen, &mut out)?;
            } else {
                self.list.push(if self.list.is_empty() { b'[' } else { b',' });
                compact(item.get(), &mut self.list)?;
            }
        }
        Ok(out.flush()?)
    }

    fn end(&mut self) -> Result<(), Failure> {
        if self.form != Form::List {
            return Ok(());
        }
        if self.list.is_empty() {
            self.list.push(b'[');
        }
        self.list.push(b']');
        let list: &RawValue = serde_json::from_slice(&self.list).map_err(|_| not_json())?;
        let mut out = self.screen.out();
        if self.args.output == Some(CallOutput::Ndjson) {
            line(list.get(), self.screen, &mut out)?;
        } else {
            layout(list.get(), self.screen.json(), &mut out)?;
            writeln!(out)?;
        }
        Ok(out.flush()?)
    }
}
