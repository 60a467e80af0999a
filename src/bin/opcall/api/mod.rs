//! `opcall api`: remembers services by name, shows and updates what is remembered, forgets them.

mod changes;

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use opcall::Document;
use opcall::operation::{SchemeKind, ServiceDef};
use opcall::spec::Depth;

use self::changes::Change;
use crate::args::{
    AddArgs, ApiArgs, ApiCommand, Bounds, ListArgs, ListOutput, NameArgs, Network, ShowOutput, UpdateArgs,
};
use crate::config::{Api, Auth, Config, Reference, at_home, laid, literal, name_problem};
use crate::documents::How;
use crate::output::{Screen, counted, escape, layout, paint};
use crate::remembered::{self, absolute_server, copy_of, prepare, to_json};
use crate::report::Failure;
use crate::{documents, session};

/// Does what is asked for.
///
/// # Errors
/// Where the configuration or a document cannot be read or written, and where it does not fit.
pub(crate) fn run(args: &ApiArgs, screen: Screen) -> Result<(), Failure> {
    match &args.command {
        ApiCommand::Add(args) => add(args, screen),
        ApiCommand::List(args) => list(args, screen),
        ApiCommand::Show(args) => show(args, screen),
        ApiCommand::Update(args) => update(args, screen),
        ApiCommand::Remove(args) => remove(args, screen),
    }
}

fn add(args: &AddArgs, screen: Screen) -> Result<(), Failure> {
    if let Some(problem) = name_problem(&args.name) {
        return Err(Failure::usage(problem, None));
    }
    let config = Config::read(args.place.config.as_deref())?;
    config.refuse_twin(&args.name)?;
    let mut api = Api {
        name: args.name.clone(),
        spec: args.spec.clone(),
        sha256: None,
        server: args.server.clone(),
        cert: args.network.cert.as_deref().map(absolute).transpose()?,
        key: args.network.key.as_deref().map(absolute).transpose()?,
        auth: args.auth.as_deref().map(Auth::parse).transpose()?,
        spec_headers: spec_headers(&args.spec_headers)?,
        pagination: None,
    }
    .placed(&|path| Ok(absolute(&at_home(path))?.into()))?;
    if let Some(server) = &api.server {
        check_server(server)?;
    }
    let document = if let Some(url) = documents::url(api.spec.as_ref()) {
        let document = remembered::fetch(&config, &api, url, how(&args.network))?;
        documents::tell(&document, &args.place.common);
        api.sha256 = Some(document.sha256()?);
        document
    } else {
        api.spec = absolute(api.spec.as_ref())?;
        documents::file(api.spec.as_ref(), true)
    };
    let loaded = prepare(&api, document.clone())?;
    let service = loaded.table.definition(&api.name).cloned().unwrap_or_default();
    check_auth(&api, &service)?;
    check_place(&api, &document, &service)?;
    session::tell_of_warnings(&api.name, &loaded.warnings, &args.place.common);
    remember(&config, &api, &document, || config.add(&api))?;
    let mut out = screen.out();
    let count = counted(loaded.table.len(), "operation");
    writeln!(out, "{}: {count}, {}", escape(&api.name), escape(&goes_to(&api, &service)))?;
    Ok(out.flush()?)
}

/// A path as it is remembered.
fn absolute(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::io("finding the file", error))?;
    Ok(path.to_string_lossy().into_owned())
}

fn how(network: &Network) -> How<'_> {
    How { may_keep: true, network, bounds: Bounds::default() }
}

/// Headers that are to be remembered say where their values are.
fn spec_headers(given: &[(String, String)]) -> Result<Vec<(String, Reference)>, Failure> {
    let header = |(name, text): &(String, String)| {
        let reference = Reference::parse(text).map(|reference| (name.clone(), reference));
        reference.ok_or_else(|| {
            let (problem, hint) = literal(&format!("the value of {name}"));
            Failure::usage(format!("--spec-header: {problem}"), Some(hint))
        })
    };
    given.iter().map(header).collect()
}

fn check_server(server: &str) -> Result<(), Failure> {
    if documents::url(server.as_ref()).is_some() {
        return Ok(());
    }
    let hint = Some("give it as `https://HOST` or `https://HOST/PATH`.".to_owned());
    Err(Failure::usage(format!("--server: \"{server}\" is no http or https URL"), hint))
}

/// Refuses a key in another place than the document has it.
fn check_auth(api: &Api, service: &ServiceDef) -> Result<(), Failure> {
    let Some(auth @ Auth::ApiKey { .. }) = &api.auth else { return Ok(()) };
    let own = service.security_schemes.iter().filter(|scheme| !laid().contains(&scheme.name));
    let declared = own.filter_map(|scheme| match &scheme.kind {
        SchemeKind::ApiKey { location, name } => {
            Some((auth.fits(scheme), format!("{} {name}", location.as_str())))
        }
        _ => None,
    });
    let declared: Vec<_> = declared.collect();
    if declared.is_empty() || declared.iter().any(|(fits, _)| *fits) {
        return Ok(());
    }
    let places: Vec<_> = declared.into_iter().map(|(_, place)| place).collect();
    let problem = format!("the document of {} has its key in {}", api.name, places.join(", "));
    Err(Failure::usage(problem, Some("name that place: api-key:[query.|cookie.]NAME=REF.".to_owned())))
}

/// Where calls go must be known of a document of the network.
fn check_place(api: &Api, document: &Document, service: &ServiceDef) -> Result<(), Failure> {
    if api.server.is_some() || document.fetched().is_none() || absolute_server(service).is_some() {
        return Ok(());
    }
    let problem = format!("the document of {} names no server with a scheme and a host", api.name);
    Err(Failure::usage(problem, Some("say where its calls go: --server https://HOST/PATH.".to_owned())))
}

fn goes_to(api: &Api, service: &ServiceDef) -> String {
    match api.server.as_deref().or(absolute_server(service)) {
        Some(server) => format!("calls go to {server}"),
        None => "where calls go is not known yet: give --server with each".to_owned(),
    }
}

/// Writes what is remembered of a service, with the copy of its document, which goes again where that fails. Returns
/// the configuration as it is then.
fn remember(
    config: &Config,
    api: &Api,
    document: &Document,
    write: impl FnOnce() -> Result<Config, Failure>,
) -> Result<Config, Failure> {
    save(api, document)?;
    write().inspect_err(|_| {
        if let Ok(now) = config.again() {
            forget_copy(&now, api);
        }
    })
}

/// Keeps a copy of a document of the network, so that calls do not fetch it.
fn save(api: &Api, document: &Document) -> Result<(), Failure> {
    if let (Some(fetched), Some(hash)) = (document.fetched(), &api.sha256)
        && let Some(path) = copy_of(hash)
    {
        fetched.save(path)?;
    }
    Ok(())
}

fn list(args: &ListArgs, screen: Screen) -> Result<(), Failure> {
    let config = Config::read(args.place.config.as_deref())?;
    let mut out = screen.out();
    match args.output.unwrap_or_default() {
        ListOutput::Names => config.apis().iter().try_for_each(|api| writeln!(out, "{}", api.name))?,
        ListOutput::Ndjson => config.apis().iter().try_for_each(|api| writeln!(out, "{}", to_json(api)))?,
        ListOutput::Json => {
            let all: Vec<_> = config.apis().iter().map(to_json).collect();
            layout(&serde_json::Value::from(all).to_string(), screen.json(), &mut out)?;
            writeln!(out)?;
        }
        ListOutput::Auto => {
            let width = config.apis().iter().map(|api| api.name.len()).max().unwrap_or(0);
            for api in config.apis() {
                let padding = " ".repeat(width - api.name.len());
                writeln!(out, "{}{padding}  {}", paint(&api.name, screen.heading()), escape(&api.spec))?;
            }
        }
    }
    if config.apis().is_empty() && !args.place.common.quiet {
        session::note("no service is remembered; `opcall api add NAME FILE|URL` remembers one");
    }
    Ok(out.flush()?)
}

fn show(args: &NameArgs, screen: Screen) -> Result<(), Failure> {
    let config = Config::read(args.place.config.as_deref())?;
    let api = config.find(&args.name)?;
    let mut out = screen.out();
    if args.output.unwrap_or_default() == ShowOutput::Json {
        layout(&to_json(api).to_string(), screen.json(), &mut out)?;
        writeln!(out)?;
        return Ok(out.flush()?);
    }
    writeln!(out, "{}", paint(&escape(&api.name), screen.heading()))?;
    let mut facts = vec![("document", Some(api.spec.clone())), ("sha256", api.sha256.clone())];
    facts.extend(
        api.spec_headers.iter().map(|(name, value)| ("fetched with", Some(format!("{name} from {value}")))),
    );
    facts.push(("server", api.server.clone()));
    facts.push(("certificate", api.cert.clone()));
    facts.push(("sign-in", api.auth.as_ref().map(Auth::in_words)));
    for (word, text) in facts {
        text.iter().try_for_each(|text| writeln!(out, "  {word}: {}", escape(text)))?;
    }
    match remembered::load(&config, api, how(&Network::default())) {
        Ok(loaded) => {
            let service = loaded.table.definition(&api.name).cloned().unwrap_or_default();
            let count = counted(loaded.table.len(), "operation");
            writeln!(out, "  {count}, {}", escape(&goes_to(api, &service)))?;
        }
        Err(failure) => writeln!(out, "  it cannot be read: {}", escape(&failure.to_string()))?,
    }
    Ok(out.flush()?)
}

fn update(args: &UpdateArgs, screen: Screen) -> Result<(), Failure> {
    let config = Config::read(args.place.config.as_deref())?;
    let api = config.find(&args.name)?;
    let document = match documents::url(api.spec.as_ref()) {
        Some(url) => remembered::fetch(&config, api, url, how(&args.network))?,
        None => Document::open(config.expand(&api.spec)),
    };
    documents::tell(&document, &args.place.common);
    let hash = match (&api.sha256, document.fetched()) {
        // A file is read at each call, unless its hash is remembered.
        (None, None) => None,
        _ => Some(document.sha256()?),
    };
    let mut out = screen.out();
    if hash == api.sha256 {
        save(api, &document)?;
        let loaded = prepare(api, document)?;
        writeln!(out, "{}: nothing has changed, {}", api.name, counted(loaded.table.len(), "operation"))?;
        return Ok(out.flush()?);
    }
    let next = Api { sha256: hash, ..api.clone() };
    let loaded = prepare(&next, document.clone())?;
    let service = loaded.table.definition(&next.name).cloned().unwrap_or_default();
    check_auth(&next, &service)?;
    check_place(&next, &document, &service)?;
    tell_changes(&mut out, api, &document, screen)?;
    out.flush()?;
    confirm(args, &next)?;
    let config = remember(&config, &next, &document, || config.update(api, &next))?;
    forget_copy(&config, api);
    writeln!(
        out,
        "{}: {}, {}",
        next.name,
        counted(loaded.table.len(), "operation"),
        escape(&goes_to(&next, &service))
    )?;
    Ok(out.flush()?)
}

/// Says what is different from the copy of what was remembered.
fn tell_changes(out: &mut impl Write, api: &Api, document: &Document, screen: Screen) -> Result<(), Failure> {
    let copy = api.sha256.as_deref().and_then(copy_of).and_then(|path| Document::load(path).ok());
    let Some(copy) = copy.filter(|copy| copy.sha256().ok() == api.sha256) else {
        writeln!(out, "{}: the document is another; there is no copy to compare it with", api.name)?;
        return Ok(());
    };
    let changes = changes::between(&copy.describe(Depth::Requests)?, &document.describe(Depth::Requests)?);
    if changes.is_empty() {
        writeln!(out, "{}: the document is another, but says the same of every operation", api.name)?;
    }
    for Change { sign, what } in changes {
        writeln!(out, "{} {}", paint(&sign.to_string(), screen.heading()), escape(&what))?;
    }
    Ok(())
}

/// Asks whether a changed document is to be taken.
fn confirm(args: &UpdateArgs, api: &Api) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let refused = || {
        let hint = Some("look at what changed, then give `--yes`.".to_owned());
        Failure::refused(format!("the changed document of {} is not taken", api.name), hint)
    };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(refused());
    }
    // A question that cannot be written is answered with no.
    let _ = write!(io::stderr().lock(), "Take it? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| Failure::io("reading the answer", error))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") { Ok(()) } else { Err(refused()) }
}

fn remove(args: &NameArgs, screen: Screen) -> Result<(), Failure> {
    let (api, config) = Config::read(args.place.config.as_deref())?.remove(&args.name)?;
    forget_copy(&config, &api);
    let mut out = screen.out();
    writeln!(out, "{} is forgotten", escape(&api.name))?;
    Ok(out.flush()?)
}

/// Takes the copy of a document away, unless a service has it by now.
fn forget_copy(config: &Config, api: &Api) {
    let is_needed = config.apis().iter().any(|known| known.sha256 == api.sha256);
    let copy = api.sha256.as_deref().filter(|_| !is_needed).and_then(copy_of);
    if let Some(path) = copy
        && let Err(error) = std::fs::remove_file(&path)
        && error.kind() != io::ErrorKind::NotFound
    {
        session::note(&format!("{} is left: {error}", path.display()));
    }
}
