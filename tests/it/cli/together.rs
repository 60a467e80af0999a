//! Several processes at once that remember services.

use std::process::{Child, Stdio};

use super::home::{Home, pets};

fn start(home: &Home, arguments: &[&str]) -> Child {
    home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn names(home: &Home) -> Vec<String> {
    let mut names: Vec<_> =
        home.run(&["api", "list", "-o", "names"]).ok().lines().map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn services_that_are_remembered_at_once_are_all_there() {
    let home = Home::new();
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    for round in 0..4 {
        let new: Vec<_> = (0..6).map(|number| format!("s{round}{number}")).collect();
        let started: Vec<_> =
            new.iter().map(|name| start(&home, &["api", "add", name, "pets.json"])).collect();
        for child in started {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let known = names(&home);
        assert!(new.iter().all(|name| known.contains(name)), "{known:?}");
    }
    let gone: Vec<_> = names(&home);
    let started: Vec<_> = gone.iter().map(|name| start(&home, &["api", "remove", name])).collect();
    for child in started {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(names(&home), Vec::<String>::new());
}

#[test]
fn one_name_is_remembered_once() {
    let home = Home::new();
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    for round in 0..4 {
        let name = format!("n{round}");
        let servers: Vec<_> = (0..4).map(|number| format!("https://s{number}.example")).collect();
        let add = |server: &String| start(&home, &["api", "add", &name, "pets.json", "--server", server]);
        let started: Vec<_> = servers.iter().map(add).collect();
        let codes = started.into_iter().map(|child| child.wait_with_output().unwrap().status.code());
        let codes: Vec<_> = codes.collect();
        assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == Some(2)).count(), 3, "{codes:?}");
        let kept = &home.run(&["api", "show", &name, "-o", "json"]).json()["server"];
        let winner = codes.iter().position(|code| *code == Some(0)).unwrap();
        assert_eq!(*kept, servers[winner], "who was told that it is remembered has remembered it");
    }
}

/// A fetch takes its time, and the configuration changes meanwhile.
#[test]
fn an_update_changes_its_own_service_alone() {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use crate::support::{Reply, Server};

    let slow = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_slow = std::sync::Arc::clone(&slow);
    let server = Server::start(move |request, _| {
        let here = format!("http://{}/v1", request.header("host").unwrap());
        let slow = is_slow.load(Ordering::SeqCst);
        let wait = if slow { Duration::from_millis(1500) } else { Duration::ZERO };
        Reply::json(200, &pets(&here, if slow { 2 } else { 1 })).after(wait)
    });
    let home = Home::new();
    let url = format!("{}/openapi.json", server.url());
    std::fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    home.run(&["api", "add", "pets", &url]).ok();
    home.run(&["api", "add", "gone", &url]).ok();
    slow.store(true, Ordering::SeqCst);
    let updates = [
        start(&home, &["api", "update", "pets", "--yes"]),
        start(&home, &["api", "update", "gone", "--yes"]),
    ];
    std::thread::sleep(Duration::from_millis(700));
    home.run(&["api", "add", "other", "pets.json"]).ok();
    home.run(&["api", "remove", "gone"]).ok();
    let [taken, lost] = updates.map(|child| child.wait_with_output().unwrap());
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    assert_eq!(lost.status.code(), Some(2), "what was forgotten is not remembered again");
    let told = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(told.starts_with("error: gone has changed in the configuration meanwhile"), "{told}");
    assert_eq!(names(&home), ["other", "pets"]);
    home.run(&["pets:newOnes", "--dry-run"]).ok();
}
