//! Gathers every problem of a call, in the order of the arguments.

use super::Problem;
use crate::schema::{Finding, Weight};

/// The order of problems with what was not given.
pub(super) const MISSING: usize = usize::MAX;

/// The problems of one call; a problem's order is the number of the argument it is about.
#[derive(Default)]
pub(super) struct Problems {
    refusals: Vec<(usize, Problem)>,
    warnings: Vec<Problem>,
    /// Whether misfits only warn.
    no_validate: bool,
}

impl Problems {
    pub(super) fn new(no_validate: bool) -> Self {
        Self { no_validate, ..Self::default() }
    }

    /// Something that cannot be sent, or not safely.
    pub(super) fn refuse(&mut self, order: usize, path: impl Into<String>, problem: impl Into<String>) {
        self.add(
            order,
            Problem { path: path.into(), problem: problem.into(), nearest: None },
            Weight::Unwritable,
        );
    }

    /// A name that nothing declares.
    pub(super) fn unknown(&mut self, order: usize, path: impl Into<String>, nearest: Option<&str>) {
        let (path, nearest) = (path.into(), nearest.map(str::to_owned));
        self.add(
            order,
            Problem { path, problem: "is not known here".to_owned(), nearest },
            Weight::Unwritable,
        );
    }

    /// A value that does not fit what the document says.
    pub(super) fn misfit(&mut self, order: usize, path: impl Into<String>, problem: impl Into<String>) {
        self.add(
            order,
            Problem { path: path.into(), problem: problem.into(), nearest: None },
            Weight::Misfit,
        );
    }

    /// What a schema found below `root`.
    pub(super) fn findings(&mut self, order: usize, root: &str, found: Vec<Finding>) {
        for Finding { path, problem, nearest, weight } in found {
            self.add(order, Problem { path: format!("{root}{path}"), problem, nearest }, weight);
        }
    }

    fn add(&mut self, order: usize, problem: Problem, weight: Weight) {
        let is_warning = weight == Weight::Warning || weight == Weight::Misfit && self.no_validate;
        if is_warning { self.warnings.push(problem) } else { self.refusals.push((order, problem)) }
    }

    /// The warnings, where nothing is refused; else the refusals.
    pub(super) fn finish(mut self) -> Result<Vec<Problem>, Vec<Problem>> {
        if self.refusals.is_empty() {
            return Ok(self.warnings);
        }
        self.refusals.sort_by_key(|(order, _)| *order);
        Err(self.refusals.into_iter().map(|(_, problem)| problem).collect())
    }
}
