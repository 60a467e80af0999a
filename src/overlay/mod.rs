//! Files that repair a document at load: Overlays (OAI Overlay Specification 1.0 and 1.1) and merge patches
//! (RFC 7396). Which of the two a file is, its content says.
//!
//! This room is pure: text in, a changed JSON value out, with a list of what was changed ([`Edit`]) so that
//! `show --explain` can tell who said what. It stands outside [`crate::spec`] because build.rs compiles that one:
//! what is built in is repaired in its documents, and a build needs no `JSONPath`.

mod apply;
mod merge;
mod parse;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::jsonpath::{Patterns, Query, Step};
use crate::spec::{Effect, Limits, SpecError, Touched, Warning, token};

/// A file that repairs documents.
#[derive(Debug)]
pub(crate) struct Overlay {
    /// How errors name it.
    pub(crate) file: String,
    /// What it is.
    content: Content,
    /// What was passed over in it.
    warnings: Vec<Warning>,
}

#[derive(Debug)]
enum Content {
    Actions { version: Version, extends: Option<String>, actions: Vec<Action> },
    MergePatch(Value),
}

/// The feature sets of the Overlay Specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1_0,
    V1_1,
}

/// One Action Object.
#[derive(Debug)]
struct Action {
    target: Query,
    /// The target as written.
    text: String,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Remove,
    Update(Value),
    Copy(Query),
    /// The action says nothing of the three.
    Nothing,
}

/// One change that was made to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Where, in the document as it was at that moment.
    pub(crate) place: Vec<Step>,
    /// Whether the node was taken away; else it was put there, whole.
    pub(crate) is_removal: bool,
    /// Whether it is a copy of another node of the document.
    pub(crate) is_copy: bool,
    /// The overlay, by its number in the order of application.
    pub(crate) overlay: usize,
    /// The place in the overlay that said so, as the tokens of a JSON pointer.
    pub(crate) said: Vec<String>,
}

/// Overlays in the order in which they are applied, to one document or to several.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    all: Vec<Overlay>,
    /// How many nodes each action of each overlay selected so far.
    selected: std::cell::RefCell<Vec<Vec<usize>>>,
}

impl Overlay {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it is no overlay and no merge patch, or says something that neither can say.
    pub(crate) fn parse(file: &str, bytes: &[u8], limits: Limits) -> Result<Self, SpecError> {
        parse::overlay(file, bytes, limits)
    }

    /// The document that it is meant for, where it names one.
    pub(crate) fn extends(&self) -> Option<&str> {
        match &self.content {
            Content::Actions { extends, .. } => extends.as_deref(),
            Content::MergePatch(_) => None,
        }
    }

    /// Tells which parts of a document it looks at or changes.
    fn touch(&self, touched: &mut Touched) {
        if let Content::MergePatch(Value::Object(members)) = &self.content {
            touched.under(members);
        }
        self.actions().iter().for_each(|action| action.touch(touched));
    }

    fn actions(&self) -> &[Action] {
        match &self.content {
            Content::Actions { actions, .. } => actions,
            Content::MergePatch(_) => &[],
        }
    }
}

impl Action {
    fn touch(&self, touched: &mut Touched) {
        let (names, is_whole) = self.target.way();
        let target = touched.at(names);
        match &self.change {
            // Objects are merged member by member; of what is not an object no more than the kind counts.
            Change::Update(update) if is_whole => {
                if let Value::Object(members) = update {
                    target.under(members);
                }
            }
            Change::Remove | Change::Nothing if is_whole => {}
            _ => target.all(),
        }
        if let Change::Copy(source) = &self.change {
            touched.at(source.way().0).all();
        }
    }
}

impl Overlays {
    pub(crate) fn new(all: Vec<Overlay>) -> Self {
        let selected = all.iter().map(|overlay| vec![0; overlay.actions().len()]).collect();
        Self { all, selected: std::cell::RefCell::new(selected) }
    }

    /// The file of an [`Edit`]'s overlay.
    pub(crate) fn file(&self, number: usize) -> &str {
        self.all.get(number).map_or("", |overlay| &overlay.file)
    }

    /// Whether the overlay is a merge patch, which has no actions.
    pub(crate) fn is_merge_patch(&self, number: usize) -> bool {
        self.all.get(number).is_some_and(|overlay| matches!(overlay.content, Content::MergePatch(_)))
    }

    /// Changes a document; what is changed is added to `edits`, where somebody wants to know.
    ///
    /// # Errors
    /// Where an action cannot be done. The document may be changed in part then.
    pub(crate) fn apply(
        &self,
        document: &mut Value,
        mut edits: Option<&mut Vec<Edit>>,
    ) -> Result<(), SpecError> {
        let mut selected = self.selected.borrow_mut();
        let mut patterns = Patterns::default();
        for (number, overlay) in self.all.iter().enumerate() {
            let edits = edits.as_deref_mut();
            let run = match &overlay.content {
                Content::MergePatch(patch) => merge::document(document, patch, number, edits),
                Content::Actions { version, actions, .. } => apply::actions(
                    document,
                    *version,
                    actions,
                    number,
                    edits,
                    &mut selected[number],
                    &mut patterns,
                ),
            };
            run.map_err(|error| error.file(&overlay.file))?;
        }
        Ok(())
    }

    /// What was passed over in the files, and the actions that have found nothing in any document so far.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (overlay, selected) in self.all.iter().zip(self.selected.borrow().iter()) {
            warnings.extend(overlay.warnings.iter().cloned());
            for (number, action) in overlay.actions().iter().enumerate() {
                if selected.get(number) == Some(&0) {
                    let problem = format!("the target `{}` is nowhere in the document", action.text);
                    let pointer = format!("#/actions/{number}/target");
                    let mut warning = Warning::new(pointer, problem, Effect::NothingChanged);
                    warning.file.clone_from(&overlay.file);
                    warnings.push(warning);
                }
            }
        }
        warnings
    }
}

impl crate::spec::Patch for Overlays {
    fn patch(&self, document: &mut Value) -> Result<(), SpecError> {
        self.apply(document, None)
    }

    fn touch(&self, touched: &mut Touched) {
        self.all.iter().for_each(|overlay| overlay.touch(touched));
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// A JSON pointer as a URI fragment.
pub(crate) fn pointer<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = "#".to_owned();
    for one in tokens {
        out.push('/');
        out.push_str(&token(one));
    }
    out
}

/// A place as a JSON pointer.
pub(crate) fn place(steps: &[Step]) -> String {
    let tokens: Vec<String> = steps.iter().map(Step::token).collect();
    pointer(tokens.iter().map(String::as_str))
}
